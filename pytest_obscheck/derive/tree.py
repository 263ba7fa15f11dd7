"""A YAML text as nodes that know their place in it, and those nodes as plain data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

import yaml

MERGE = "<<"
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_FLOAT = re.compile(r"-?[0-9]+\.[0-9]+")
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}


class Kind(Enum):
    """The four things a YAML text is made of."""

    SCALAR = "a single value"
    MAPPING = "a mapping"
    SEQUENCE = "a list"
    ALIAS = "an alias"


@dataclass(frozen=True, eq=False)
class Node:
    """A span of text and what it means.

    ``start`` and ``end`` enclose the content with its anchor and tag; ``tail`` is where the next line can begin, which
    differs from ``end`` for block scalars. ``line`` is 1-based. ``text`` is a scalar's value. ``style``: how a scalar is
    quoted, ``flow`` or ``block`` for the others. A mapping's values are its ``items``, in the order of its ``keys``.
    """

    kind: Kind
    start: int
    end: int
    tail: int
    line: int
    column: int
    anchor: str = ""
    text: str = ""
    style: str = ""
    tag: str = ""
    keys: tuple[Node, ...] = ()
    items: tuple[Node, ...] = ()
    target: Node | None = None

    @property
    def meant(self) -> Node:
        """Return the node that an alias stands for; itself for the others."""
        return self.target.meant if self.target else self

    @property
    def empty(self) -> bool:
        """Whether this is a null that takes no room in the text: ``key:`` and nothing behind it."""
        return self.kind is Kind.SCALAR and self.start == self.end

    def index(self, name: str) -> int | None:
        """Return which pair of a mapping has this key, written out and not merged; the last one where it is there twice."""
        found = [number for number, key in enumerate(self.keys) if key.text == name]
        return found[-1] if found else None

    def walk(self) -> Iterator[Node]:
        """Yield this node and everything inside it, aliases not followed."""
        yield self
        for child in (*self.keys, *self.items):
            yield from child.walk()


@dataclass
class _Builder:
    """Turns the events of one document into nodes."""

    text: str
    events: Iterator[Any]
    anchors: dict[str, Node]

    def node(self, event: Any) -> Node:
        """Return the node that begins with ``event``."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        built = self._scalar(event) if isinstance(event, yaml.ScalarEvent) else self._collection(event)
        if built.anchor:
            self.anchors[built.anchor] = built
        return built

    def _alias(self, event: Any) -> Node:
        target = self.anchors.get(event.anchor)
        if target is None:
            mark = event.start_mark
            raise yaml.MarkedYAMLError(problem=f"there is no anchor &{event.anchor} before this alias", problem_mark=mark)
        return Node(Kind.ALIAS, *_marks(event, event.end_mark.index), anchor=event.anchor, target=target)

    def _scalar(self, event: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        content = start + len(self.text[start:end].rstrip())
        block = event.style in ("|", ">")
        place = (start, content, end if block else content, event.start_mark.line + 1, event.start_mark.column)
        return Node(Kind.SCALAR, *place, event.anchor or "", event.value, event.style or "", event.tag or "")

    def _collection(self, event: Any) -> Node:
        mapping = isinstance(event, yaml.MappingStartEvent)
        keys, items = [], []
        while not isinstance(step := next(self.events), yaml.MappingEndEvent | yaml.SequenceEndEvent):
            if mapping:
                keys.append(self.node(step))
                step = next(self.events)
            items.append(self.node(step))
        end = tail = _end(step)
        if not event.flow_style and items:
            end, tail = items[-1].end, items[-1].tail
        place = (event.start_mark.index, end, tail, event.start_mark.line + 1, event.start_mark.column)
        style, kind = "flow" if event.flow_style else "block", Kind.MAPPING if mapping else Kind.SEQUENCE
        return Node(kind, *place, event.anchor or "", "", style, event.tag or "", tuple(keys), tuple(items))


def _end(event: Any) -> int:
    end: int = event.end_mark.index
    return end


def _marks(event: Any, end: int) -> tuple[int, int, int, int, int]:
    return event.start_mark.index, end, end, event.start_mark.line + 1, event.start_mark.column


def parse(text: str) -> Node:
    """Return the first document of a YAML text as nodes; ``yaml.YAMLError`` where it is not YAML.

    A text without any document is an empty scalar at its very end.
    """
    events = iter(yaml.parse(text, Loader=LOADER))
    root: Node | None = None
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            built = _Builder(text, events, {}).node(next(events))
            root = root or built
    return root or Node(Kind.SCALAR, len(text), len(text), len(text), text.count("\n") + 1, 0)


def sources(node: Node) -> Iterator[Node]:
    """Yield the mappings that a mapping merges by ``<<``, the strongest first."""
    for key, item in zip(node.keys, node.items, strict=True):
        if key.text == MERGE:
            several = item.meant.items if item.meant.kind is Kind.SEQUENCE else (item,)
            yield from (source.meant for source in several)


def merged(node: Node) -> Iterator[tuple[Node, Node]]:
    """Yield the pairs that a mapping gets through ``<<`` and does not write itself."""
    seen = {key.text for key in node.keys}
    for key, item in (pair for source in sources(node) for pair in pairs(source)):
        if key.text not in seen:
            seen.add(key.text)
            yield key, item


def pairs(node: Node) -> Iterator[tuple[Node, Node]]:
    """Yield all pairs of a mapping, its own before the merged ones; nothing for what is no mapping."""
    if node.kind is not Kind.MAPPING:
        return
    yield from ((key, item) for key, item in zip(node.keys, node.items, strict=True) if key.text != MERGE)
    yield from merged(node)


def plain(node: Node) -> Any:
    """Return a node as plain data, for reading.

    Unquoted text becomes a number only where that number prints the same (``10``, ``0.5``), and a truth or nothing only for
    ``true``, ``false``, ``null``, ``~``. So ``17:00``, ``1.10``, ``no`` and ``0755`` stay the text that the user wrote.
    """
    node = node.meant
    if node.kind is Kind.MAPPING:
        return {key.text: plain(item) for key, item in pairs(node)}
    if node.kind is Kind.SEQUENCE:
        return [plain(item) for item in node.items]
    return node.text if node.style or node.tag else _typed(node.text)


def _typed(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text) and repr(float(text)) == text:
        return float(text)
    return text
