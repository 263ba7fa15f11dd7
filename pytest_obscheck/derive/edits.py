"""Single edits: a text and its nodes in, the text with one span changed out."""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Sequence
from typing import Any

import yaml

from pytest_obscheck.derive.tree import LOADER, MERGE, Kind, Node, merged, pairs, sources

Path = Sequence[str | int]
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")
_BARE_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
_TYPED = re.compile(
    r"[-+.]?[0-9][0-9A-Za-z_.:+-]*(?<!:)|(?i:true|false|yes|no|on|off|y|n|null|~|[-+]?\.inf|\.nan)|<<",
)
_TYPED_KEYS = re.compile(r"(?i:true|false|yes|no|on|off|y|n|null)")


def rendered(value: Any) -> str:
    """Return a value as YAML on one line: JSON, with the characters escaped that YAML would not take."""
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def copied(node: Node) -> str:
    """Return a node as YAML on one line: no anchors, no aliases, and whatever is not a string written as it was."""
    node = node.meant
    if node.kind is Kind.MAPPING:
        inside = (f"{copied(key)}: {copied(item)}" for key, item in zip(node.keys, node.items, strict=True))
        return "{" + ", ".join(inside) + "}"
    if node.kind is Kind.SEQUENCE:
        return "[" + ", ".join(copied(item) for item in node.items) + "]"
    return _copied_scalar(node)


def _copied_scalar(node: Node) -> str:
    if node.tag and node.tag != "tag:yaml.org,2002:str":
        return f"!<{node.tag}> {rendered(node.text)}"
    if node.style or node.tag:
        return rendered(node.text)
    if not node.text:
        return "null"
    return node.text if _TYPED.fullmatch(node.text) else rendered(node.text)


def _splice(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_start(text: str, at: int) -> int:
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def _line_end(text: str, at: int) -> int:
    found = re.compile(r"\r|\n").search(text, at)
    return found.start() if found else len(text)


def next_line(text: str, at: int) -> int:
    """Return where the line after the one that ends at or behind ``at`` begins."""
    if at and text[at - 1] in "\r\n":
        return at
    end = _line_end(text, at)
    return end + 2 if text.startswith("\r\n", end) else min(end + 1, len(text))


def reach(root: Node, path: Path) -> tuple[Node, Path]:
    """Return the deepest node on the path that is written out there, and the steps that are missing."""
    node = root
    for depth, step in enumerate(path):
        child = _child(node, step)
        if child is None:
            return node, path[depth:]
        node = child
    return node, ()


def _child(node: Node, step: str | int) -> Node | None:
    if node.kind is Kind.SEQUENCE and isinstance(step, int):
        return node.items[step] if 0 <= step < len(node.items) else None
    found = node.index(str(step)) if node.kind is Kind.MAPPING else None
    return None if found is None else node.items[found]


def put(text: str, root: Node, path: Path, value: Any) -> str:
    """Return the text with a value at ``path``; ``LookupError`` where there is no mapping to put it in."""
    node, missing = reach(root, path)
    if not missing:
        return replaced(text, root, node, rendered(value))
    if any(isinstance(step, int) for step in missing):
        raise LookupError(f"there is no item {missing[0]!r} to set")
    for step in reversed(missing[1:]):
        value = {step: value}
    if node.kind is Kind.MAPPING:
        return _inserted(text, root, node, str(missing[0]), rendered(value))
    if node.kind is not Kind.SCALAR or node.style or node.text not in ("", "~", "null"):
        raise LookupError(f"{missing[0]!r} cannot be set in {node.kind.value}; it must be a mapping")
    if node is root and node.empty:
        return _appended(text, str(missing[0]), rendered(value))
    return replaced(text, root, node, rendered({missing[0]: value}))


def replaced(text: str, root: Node, node: Node, new: str) -> str:
    """Return the text with one node replaced by YAML on one line."""
    if node.empty:
        before = text[: node.start].rstrip()
        return _splice(text, node.start, node.end, f" {new}" if before[-1:] in (":", "-") else f": {new}")
    if node.style == "block" and node is not root:
        # A list may stand as far left as its key; a value on one line may not.
        new = f"  {new}" if text[_line_start(text, node.start) : node.start].isspace() or node.column == 0 else new
    return _splice(text, node.start, node.end, new)


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) and not _TYPED_KEYS.fullmatch(name) else rendered(name)


def _appended(text: str, name: str, new: str) -> str:
    gap = _break(text) if text and text[-1] not in "\r\n" else ""
    return f"{text}{gap}{_key(name)}: {new}{_break(text)}"


def _inserted(text: str, root: Node, node: Node, name: str, new: str) -> str:
    entry = f"{_key(name)}: {new}"
    if node.style == "flow":
        return _into_flow(text, root, node, entry)
    explicit = text.startswith("? ", node.start)
    indent, end = " " * (node.column if explicit else node.keys[0].column), _break(text)
    if node.tail and text[node.tail - 1] in "\r\n":
        return _splice(text, node.tail, node.tail, indent + entry + end)
    if _ends_in_block_scalar(node):  # at the end of the file: a line behind it would give its text a line break
        return _splice(text, node.keys[0].start, node.keys[0].start, entry + end + indent)
    at = _line_end(text, node.tail)
    return _splice(text, at, at, end + indent + entry)


def _ends_in_block_scalar(node: Node) -> bool:
    while node.items and node.style == "block":
        node = node.items[-1]
    return node.style in ("|", ">")


def _into_flow(text: str, root: Node, node: Node, entry: str) -> str:
    if text[node.end - 1] != "}":  # the one pair of [a: b] has no braces to insert into
        return replaced(text, root, node, "{" + copied(node)[1:-1] + f", {entry}" + "}")
    if not node.items:
        at = node.end - 1
        return _splice(text, at, at, entry)
    last = node.items[-1]
    return _splice(text, last.end, last.end, f" , {entry}" if last.empty else f", {entry}")


def cut(text: str, root: Node, path: Path) -> str:
    """Return the text without the key or list item at ``path``; ``LookupError`` where there is none."""
    holder, missing = reach(root, path[:-1])
    node = None if missing else _child(holder, path[-1])
    if node is None:
        raise LookupError(f"there is no {path[-1]!r} to remove")
    number = next(number for number, item in enumerate(holder.items) if item is node)
    if len(holder.items) == 1:
        return replaced(text, root, holder, "[]" if holder.kind is Kind.SEQUENCE else "{}")
    starts = [key.start for key in holder.keys] or [item.start for item in holder.items]
    if holder.style == "flow":
        return _cut_flow(text, holder, starts, number)
    if holder.kind is Kind.SEQUENCE:
        dashes = _dashes(text)
        starts = [dashes[max(bisect.bisect_left(dashes, start) - 1, 0)] for start in starts]
    return _cut_block(text, starts, number, node.tail)


def _cut_flow(text: str, holder: Node, starts: list[int], number: int) -> str:
    if number + 1 < len(starts):
        return _splice(text, starts[number], starts[number + 1], "")
    return _splice(text, holder.items[number - 1].end, holder.items[number].end, "")


def _cut_block(text: str, starts: list[int], number: int, tail: int) -> str:
    line = _line_start(text, starts[number])
    if text[line : starts[number]].strip() not in ("", "?"):  # something stands before it on its line: the dash of a list, say
        return _splice(text, starts[number], starts[number + 1], "")
    return _splice(text, line, next_line(text, tail), "")


def _dashes(text: str) -> list[int]:
    return [token.start_mark.index for token in yaml.scan(text, Loader=LOADER) if isinstance(token, yaml.BlockEntryToken)]


def unmerged(text: str, root: Node, node: Node) -> str:
    """Return the text with the ``<<`` pairs of a mapping written out as pairs of its own."""
    entries = [f"{copied(key)}: {copied(item)}" for key, item in merged(node)]
    number = next(number for number, key in enumerate(node.keys) if key.text == MERGE)
    if not entries:
        return _without(text, root, node, number)
    start, end = node.keys[number].start, node.items[number].end
    between = ", " if node.style == "flow" else _break(text) + " " * node.keys[number].column
    return _splice(text, start, end, between.join(entries))


def _without(text: str, root: Node, node: Node, number: int) -> str:
    starts = [key.start for key in node.keys]
    if len(starts) == 1:
        return replaced(text, root, node, "{}")
    return (
        _cut_flow(text, node, starts, number)
        if node.style == "flow"
        else _cut_block(text, starts, number, node.items[number].tail)
    )


def alone(text: str, root: Node, path: Path, removing: bool) -> str:
    """Return the text one step nearer to where an edit at ``path`` touches no alias; the same text when it is there."""
    node = root
    for depth, step in enumerate(path):
        changed = _owned(text, root, node)
        if changed is not None:
            return changed
        last = depth == len(path) - 1
        child = _child(node, step)
        if _merges(node, step) and (removing if last else child is None):
            return unmerged(text, root, node)
        if child is None:
            return text
        node = child
    inner = [inside for inside in node.walk() if inside.anchor and inside.kind is not Kind.ALIAS]
    users = [user for user in root.walk() if user.target in inner and not node.start <= user.start < node.end]
    return _expanded(text, users)


def _merges(node: Node, step: str | int) -> bool:
    mappings = sources(node) if node.kind is Kind.MAPPING else ()
    return any(key.text == step for source in mappings for key, _ in pairs(source))


def _owned(text: str, root: Node, node: Node) -> str | None:
    if node.kind is Kind.ALIAS:
        return _splice(text, node.start, node.end, copied(node))
    users = [user for user in root.walk() if user.target is node] if node.anchor else []
    return _expanded(text, users) if users else None


def _expanded(text: str, users: Sequence[Node]) -> str:
    for user in sorted(users, key=lambda user: user.start, reverse=True):
        text = _splice(text, user.start, user.end, copied(user))
    return text
