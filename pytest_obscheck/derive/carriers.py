"""Rules, scrape configs and routes that came in resources of Kubernetes; rules in Mimir and Cortex namespaces.

What is around the groups of rules is blanked out, so that every rule stays on its line; the text of the rules is not touched. A
scrape config stands on the line of the endpoint that it is made of.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from pytest_obscheck.derive.edits import put, rendered
from pytest_obscheck.derive.tree import Kind, Node, parse, plain
from pytest_obscheck.resources import MONITORS, ROUTINGS, jobs, routed

_BORDER = re.compile(r"^---(?=\s|$).*$", re.MULTILINE)
_HELM = re.compile(r"\{\{-?\s*(?:\.(?:Values|Release|Chart|Capabilities)\.|(?:include|toYaml|tpl)\s)|^\s*\{\{-", re.MULTILINE)
_RESOURCE = re.compile(r"^(kind:\s*(PrometheusRule|List)|namespace:)", re.MULTILINE)
_RULES = re.compile(r"^\s+(?:- )?rules:", re.MULTILINE)
_PLAIN = re.compile(r"^groups:", re.MULTILINE)
HELM = "this is a Helm template, not YAML yet"
RENDERED = "say in stack.yaml `render: {chart.yaml: helm template NAME CHART}`, and name chart.yaml instead"


def templated(text: str) -> int:
    """Return the line on which a text is a Helm template; 0 where it is none. Prometheus's own templates are none."""
    found = _HELM.search(text)
    return text.count("\n", 0, found.start()) + 1 if found else 0


def carried_rules(text: str) -> str:
    """Return the rule file that a text carries, line by line where it was; the text itself where it carries none."""
    if not _may_carry(text):
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


def _may_carry(text: str) -> bool:
    """Whether a text may carry rules: to read it takes far longer than this look."""
    if _RESOURCE.search(text):
        return "groups:" in text
    return bool(_RULES.search(text)) and not _PLAIN.search(text)


def carried_scrapes(text: str) -> str:
    """Return the file of scrape configs that a text carries, each on the line of what it is made of; else the text itself."""
    made = [(line, job) for node in _resources(text, MONITORS) for line, job in _jobs(node)]
    if not made:
        return text
    lines = [""] * (text.count("\n") + 1)
    at = max(made[0][0] - 2, 0)
    lines[at] = "scrape_configs:"
    for line, job in made:
        at = max(line - 1, at + 1)
        lines.extend([""] * (at + 1 - len(lines)))
        lines[at] = f"- {rendered(job)}"
    return "\n".join(lines)


def _jobs(node: Node) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the scrape configs of a resource with the lines of what they are made of."""
    for spot, job in jobs(plain(node)):
        found: Node | None = node
        for step in spot:
            found = found.items[step] if isinstance(step, int) and found else _child(found, str(step))
        yield (found or node).line, job


def routed_text(text: str, others: Sequence[str]) -> str:
    """Return an alertmanager.yml with the routes and receivers that other texts carry in resources."""
    made = routed([plain(node) for other in others for node in _resources(other, ROUTINGS)])
    value = plain(parse(text))
    settings = value if isinstance(value, Mapping) else {}
    if "mute_time_intervals" in settings and "time_intervals" in made:
        made["mute_time_intervals"] = made.pop("time_intervals")
    for key, found in made.items():
        path = ("route", "routes") if key == "routes" else (key,)
        own = (settings.get("route") or {}).get("routes") if key == "routes" else settings.get(key)
        text = put(text, parse(text), path, [*found, *(own or [])] if key == "routes" else [*(own or []), *found])
    return text


def manifests(text: str, kinds: Sequence[str]) -> list[Any]:
    """Return the resources of these kinds in all documents of a text, as plain data; nothing where it is not YAML."""
    try:
        return [plain(node) for node in _resources(text, kinds)]
    except yaml.YAMLError:
        return []


def in_namespace(text: str, space: str) -> str:
    """Return manifests as a cluster takes them into a namespace: monitors and routings that name none are of that one."""
    parts = re.split(rf"({_BORDER.pattern})", text, flags=re.MULTILINE)
    return "".join(each if number % 2 else _in_namespace(each, space) for number, each in enumerate(parts))


def _in_namespace(piece: str, space: str) -> str:
    root = parse(piece) if "kind:" in piece else None
    kind, metadata = _child(root, "kind"), _child(root, "metadata")
    if root is None or kind is None or kind.text not in {*MONITORS, *ROUTINGS} or _child(metadata, "namespace"):
        return piece
    return put(piece, root, ("metadata", "namespace"), space)


def _resources(text: str, kinds: Sequence[str] | Mapping[str, Any]) -> Iterator[Node]:
    """Yield the resources of these kinds in all documents of a text, on their lines; ``yaml.YAMLError`` for no YAML."""
    if "kind" not in text:
        return
    for piece in _pieces(text):
        root = parse(piece)
        items = _child(root, "items")
        for each in items.items if items and items.kind is Kind.SEQUENCE else (root,):
            kind = _child(each, "kind")
            if kind is not None and kind.text in kinds:
                yield each.meant


def _pieces(text: str) -> Iterator[str]:
    """Yield every document of a text alone, on its lines."""
    at = 0
    for border in (*_BORDER.finditer(text), None):
        end = border.start() if border else len(text)
        yield "\n" * text.count("\n", 0, at) + text[at:end]
        at = border.end() if border else end


def _groups(root: Node, text: str) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the line of each key that carries groups of rules, the column of its items, and the lines behind it."""
    kind = _child(root, "kind")
    if kind is None and _child(root, "namespace") is not None:
        yield from _block(root, text)
    elif kind is None and root.kind is Kind.MAPPING and _child(root, "groups") is None and all(map(_has_groups, root.items)):
        # As the API of a ruler tells them: the groups of each namespace by its name.
        for key in root.keys:
            yield from _block(root, text, key.text)
    elif kind is not None and kind.text == "PrometheusRule":
        yield from _block(_child(root, "spec"), text)
    elif kind is not None and kind.text == "List":
        items = _child(root, "items")
        for item in items.items if items else ():
            yield from _groups(item, text)


def _has_groups(namespace: Node) -> bool:
    items = namespace.items if namespace.kind is Kind.SEQUENCE else ()
    return bool(items) and all(_child(item, "name") is not None and _child(item, "rules") is not None for item in items)


def _block(holder: Node | None, text: str, name: str = "groups") -> Iterator[tuple[int, int, list[str]]]:
    groups = _child(holder, name)
    if holder is None or groups is None or groups.kind is not Kind.SEQUENCE or groups.style != "block":
        return
    key = next(key for key in holder.keys if key.text == name)
    lines = text[: groups.tail].rstrip("\n").split("\n")
    yield key.line - 1, groups.column, lines[key.line :]


def _child(node: Node | None, name: str) -> Node | None:
    number = node.index(name) if node is not None and node.kind is Kind.MAPPING else None
    return None if node is None or number is None else node.items[number].meant
