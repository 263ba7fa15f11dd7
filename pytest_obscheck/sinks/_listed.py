"""Which alerts a text speaks of, as Alertmanager's default templates list them; and whether they fire.

The templates: https://github.com/prometheus/alertmanager/blob/main/template/default.tmpl
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_ITEM = re.compile(r" {0,2}- (\S+) = (.*)")
_SECTION = re.compile(r"(?m)^(?:# )?Alerts (Firing|Resolved):[ \t]*$")


def alerts(text: str) -> tuple[dict[str, Any], ...]:
    """Return the alerts under ``Alerts Firing:`` and ``Alerts Resolved:``; none where a text has no such headings."""
    _, *parts = _SECTION.split(text)
    return tuple(alert for said, part in zip(parts[::2], parts[1::2], strict=True) for alert in listed(part, said.lower()))


def status(text: str) -> str:
    """Return what the default subject says, else what the headings say; ``""`` where a text has neither."""
    found = re.search(r"\[(FIRING|RESOLVED)\b", text)
    if found:
        return found[1].lower()
    headings = {heading.lower() for heading in _SECTION.findall(text)}
    return "firing" if "firing" in headings else "resolved" if headings else ""


def listed(text: str, status: str) -> Iterator[dict[str, Any]]:
    """Yield the alerts of a list: ``Labels:`` and ``Annotations:`` with `` - name = value`` lines, plain or in Markdown."""
    for block in re.split(r"(?m)^\s*Labels:\n", text)[1:]:
        labels, _, rest = block.partition("Annotations:\n")
        annotations = re.split(r"(?m)^Source:(?: |$)", rest)[0]
        yield {"labels": _pairs(labels), "annotations": _pairs(annotations), "status": status}


def _pairs(text: str) -> dict[str, str]:
    """Return name → value; a line that begins no pair goes on with the value before it."""
    pairs: dict[str, str] = {}
    name = ""
    for line in text.rstrip("\n").split("\n"):
        found = _ITEM.fullmatch(line)
        if found:
            name, pairs[found[1]] = found[1], found[2]
        elif name:
            pairs[name] += f"\n{line}"
    return pairs
