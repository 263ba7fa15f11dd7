"""``${NAME}`` in the user's files, which production's wrapper fills in before the program reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_obscheck.components._files import Reader, Spot, settings
from pytest_obscheck.document import Document
from pytest_obscheck.protocols import Place

_NAME = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_ADDRESS = re.compile(r"\$\{[^${}]+\.[^${}]+\}")
_OF_RELABELLING = frozenset({"replacement", "regex", "target_label"})


def filled(variables: Mapping[str, str], place: Place) -> dict[str, str]:
    """Return the variables with the addresses of members filled in, once there are any."""
    return {name: place.fill(text) if place.addresses else text for name, text in variables.items()}


def sampled(text: str) -> str:
    """Return a text with some address for each of a member: a tool is asked about it before there are any."""
    return _ADDRESS.sub("127.0.0.1:1", text)


def _external_labels(document: Document) -> Iterator[tuple[Spot, Any]]:
    """Yield the labels that Prometheus itself fills in, with nothing where there is no such variable."""
    found = document.value.get("global") if isinstance(document.value, Mapping) else None
    labels = found.get("external_labels") if isinstance(found, Mapping) else None
    for name, text in (labels if isinstance(labels, Mapping) else {}).items():
        yield ("global", "external_labels", name), text


def note_unfilled(reader: Reader, document: Document) -> None:
    """Note every ``${NAME}`` that nothing stands for; those of relabelling are groups of its regular expression."""
    for spot, text in (*settings(document.value), *_external_labels(document)):
        if isinstance(text, str) and spot[-1] not in _OF_RELABELLING:
            for name in _NAME.findall(text):
                right = f"give it in stack.yaml, as variables: {{{name}: …}}"
                reader.problem(document, spot, f"nothing says what ${{{name}}} stands for", right)
