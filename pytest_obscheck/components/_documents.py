"""Documents of a search engine as lines of a log: who writes them, their text, and the fields that are found in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from pytest_obscheck.matching import label_matches
from pytest_obscheck.signals import LogFilter, LogLine

TIME, TEXT = "@timestamp", "message"
"""The fields that every shipper of such stores writes: Filebeat, Logstash, Fluentd's plugin, the Collector's exporter."""


def line(document: Mapping[str, Any]) -> LogLine:
    """Return a document as a line: its message, or all of it as JSON where it has none; labels are its short texts.

    ``ValueError`` where it has no time that can be read.
    """
    text = document.get(TEXT)
    flat = dict(_flat(document))
    labels = {name: value for name, value in flat.items() if name not in (TIME, TEXT)}
    return LogLine(_time(document.get(TIME)), text if isinstance(text, str) else json.dumps(document), labels)


def passes(wanted: LogFilter, found: LogLine) -> bool:
    """Whether a filter lets a line pass: compared here, since what an index finds hangs on how its fields are mapped."""
    if wanted.contains not in found.text or (wanted.matches and not re.search(wanted.matches, found.text)):
        return False
    fields = {**_inside(found.text), **found.labels}
    labels = all(_any(found.labels, _spellings(name), value) for name, value in wanted.labels.items())
    return labels and all(_any(fields, _paths(name), value) for name, value in wanted.fields.items())


def _any(found: Mapping[str, str], names: tuple[str, ...], value: str) -> bool:
    """Whether a value is the wanted one under the first of its names that is there; what is not there is empty."""
    return label_matches(next((found[name] for name in names if name in found), ""), value)


def _spellings(name: str) -> tuple[str, ...]:
    # Loki knows no dots: what is service_name there is service.name in the Elastic Common Schema. Filebeat's own are fields.
    return name, f"labels.{name}", f"fields.{name}", name.replace("_", ".")


def _paths(name: str) -> tuple[str, ...]:
    return name, f"json.{name}", f"log.{name}"


def _inside(text: str) -> dict[str, str]:
    """Return the fields of a line that is JSON."""
    try:
        fields = json.loads(text)
    except ValueError:
        return {}
    return dict(_flat(fields)) if isinstance(fields, Mapping) else {}


def _flat(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield every leaf by its path; what is no text is spelt as JSON spells it."""
    entries = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        path = f"{at}.{key}" if at else str(key)
        if isinstance(inner, Mapping | list):
            yield from _flat(inner, path)
        else:
            yield path, inner if isinstance(inner, str) else json.dumps(inner)


def _time(value: Any) -> float:
    if isinstance(value, int | float):
        return value / 1000
    return datetime.fromisoformat(str(value)).timestamp()
