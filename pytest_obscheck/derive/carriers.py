"""Rules that came in something else than a rule file: PrometheusRule resources, Mimir and Cortex namespaces.

What is around the groups is blanked out, so that every rule stays on its line; the text of the rules is not touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from pytest_obscheck.derive.tree import Kind, Node, parse

_BORDER = re.compile(r"^---(?=\s|$).*$", re.MULTILINE)
_HELM = re.compile(r"\{\{-?\s*(?:\.(?:Values|Release|Chart|Capabilities)\.|(?:include|toYaml|tpl)\s)|^\s*\{\{-", re.MULTILINE)
HELM = "this is a Helm template, not YAML yet"
RENDERED = "name what `helm template` makes of it"


def templated(text: str) -> int:
    """Return the line on which a text is a Helm template; 0 where it is none. Prometheus's own templates are none."""
    found = _HELM.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else 0


def carried(text: str) -> str:
    """Return the rule file that a text carries, line by line where it was; the text itself where it carries none."""
    if "groups:" not in text or not re.search(r"^(kind:\s*(PrometheusRule|List)|namespace:)", text, re.MULTILINE):
        return text
    lines = [""] * (text.count("\n") + 1)
    try:
        blocks = [block for piece in _pieces(text) for block in _groups(parse(piece), piece)]
    except yaml.YAMLError:
        return text
    for number, (line, column, content) in enumerate(blocks):
        head = "groups:" if number == 0 else ""
        for offset, each in enumerate([head, *content]):
            lines[line + offset] = each[column:] if offset and not each[:column].strip() else each.lstrip() if offset else head
    return "\n".join(lines) if blocks else text


def _pieces(text: str) -> Iterator[str]:
    """Yield every document of a text alone, on its lines."""
    at = 0
    for border in (*_BORDER.finditer(text), None):
        end = border.start() if border else len(text)
        yield "\n" * text.count("\n", 0, at) + text[at:end]
        at = border.end() if border else end


def _groups(root: Node, text: str) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the line of each ``groups:`` key that carries rules, the column of its items, and the lines behind it."""
    kind = _child(root, "kind")
    if kind is None and _child(root, "namespace") is not None:
        yield from _block(root, text)
    elif kind is not None and kind.text == "PrometheusRule":
        yield from _block(_child(root, "spec"), text)
    elif kind is not None and kind.text == "List":
        items = _child(root, "items")
        for item in items.items if items else ():
            yield from _groups(item, text)


def _block(holder: Node | None, text: str) -> Iterator[tuple[int, int, list[str]]]:
    groups = _child(holder, "groups")
    if holder is None or groups is None or groups.kind is not Kind.SEQUENCE or groups.style != "block":
        return
    key = next(key for key in holder.keys if key.text == "groups")
    lines = text[: groups.tail].rstrip("\n").split("\n")
    yield key.line - 1, groups.column, lines[key.line :]


def _child(node: Node | None, name: str) -> Node | None:
    number = node.index(name) if node is not None and node.kind is Kind.MAPPING else None
    return None if node is None or number is None else node.items[number].meant
