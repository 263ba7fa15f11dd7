"""``$name``, ``${name:format}`` and ``[[name:format]]`` in a text, replaced as Grafana's browser side does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from pytest_obscheck.panel.formats import Value, formatted

REFERENCE = re.compile(r"\$(\w+)|\[\[(\w+)(?::(\w+))?\]\]|\$\{(\w+)(?:\.([^:^}]+))?(?::([^}]+))?\}")
"""A reference to a variable: name, or name and format, or name, field and format."""


def interpolated(text: str, values: Mapping[str, Value], default: Callable[[Value], str] = str) -> str:
    """Return a text with the values put in; ``default`` formats where the text asks for no format.

    A name that has no value stays as it is, as in Grafana.
    """

    def replaced(found: re.Match[str]) -> str:
        name, how = _parts(found)
        if name not in values:
            return found[0]
        return formatted(values[name], how, name) if how else default(values[name])

    return REFERENCE.sub(replaced, text)


def references(text: str) -> Iterator[str]:
    """Yield the names that a text refers to; ``$1`` of a regular expression is none."""
    for found in REFERENCE.finditer(text):
        name, _ = _parts(found)
        if not name[0].isdigit():
            yield name


def _parts(found: re.Match[str]) -> tuple[str, str]:
    return found[1] or found[2] or found[4], found[3] or found[6] or ""
