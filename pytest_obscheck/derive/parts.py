"""Items of a document's top-level lists, edited by themselves: a whole file need not be parsed again for each of its jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pytest_obscheck.derive.edits import next_line, reach
from pytest_obscheck.derive.tree import MERGE, Kind, Node, parse

Step = str | int
Change = Callable[[str, Node, Sequence[Step]], str]


@dataclass
class Part:
    """One item: where it lies in the whole text, and its own text, indented as there."""

    start: int
    end: int
    column: int
    text: str
    root: Node | None = None

    def edit(self, change: Change, path: Sequence[Step]) -> None:
        """Change its text; ``LookupError`` as the change raises it."""
        self.root = self.root or parse(self.text)
        self.text = change(self.text, self.root, path)
        self.root = None


def separable(root: Node) -> bool:
    """Whether items can be edited by themselves: nothing in the text refers to another place in it."""
    return not any(node.anchor or node.text == MERGE for node in root.walk())


def part(text: str, root: Node, path: Sequence[Step]) -> Part | None:
    """Return the item of a top-level list in which a path leads on; ``None`` where it must be edited with the rest."""
    if len(path) < 3 or not isinstance(path[1], int):
        return None
    holder, (_, *missing) = reach(root, path[:1])[0], (0, *reach(root, path[:2])[1])
    item = reach(root, path[:2])[0]
    if missing or holder.style != "block" or item.kind is not Kind.MAPPING or item.style != "block":
        return None
    end = next_line(text, item.tail)
    inside = " " * item.column + text[item.start : end]
    if text.startswith("? ", item.start) or ("\r\n" in text) != ("\r\n" in inside):
        return None
    return Part(item.start, end, item.column, inside)


def joined(text: str, parts: Sequence[Part]) -> str:
    """Return the whole text with its parts as they are now."""
    for each in sorted(parts, key=lambda each: each.start, reverse=True):
        text = text[: each.start] + each.text[each.column :] + text[each.end :]
    return text
