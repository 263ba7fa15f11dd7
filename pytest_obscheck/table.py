"""A story file with ``rows:`` → one story for each row, ``${column}`` in its texts being what the row says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.journal import stem
from pytest_obscheck.reading import Node, Reader

KEY = "rows"
NAME = "row"
"""The column that names a row; it need not be used elsewhere."""

_COLUMN = re.compile(r"\$(\$?)\{([^{}]*)\}")
_TEXT = "tag:yaml.org,2002:str"


@dataclass(frozen=True)
class Telling:
    """One story of a file: the name of its row (``""`` in a file without rows), where that is, and the story itself."""

    row: str
    at: Node
    story: Node


@dataclass(frozen=True)
class _Row:
    at: Node
    keys: Mapping[str, Node]
    cells: Mapping[str, Node]


def tellings(reader: Reader, root: yaml.MappingNode) -> list[Telling]:
    """Return the stories of a file; none, with problems noted, where its table is wrong."""
    parts = {key.value: value for key, value in root.value if isinstance(key, yaml.ScalarNode)}
    if KEY not in parts:
        return [Telling("", root, root)]
    before = len(reader.problems)
    rows = [_row(reader, node) for node in reader.items(parts[KEY], KEY)]
    template = _like(root, [pair for pair in root.value if pair[1] is not parts[KEY]])
    if len(reader.problems) == before:
        _check(reader, rows, dict(_uses(template)), parts[KEY])
    return _named(reader, rows, template) if len(reader.problems) == before else []


def _row(reader: Reader, node: Node) -> _Row:
    entries = list(reader.entries(node, "a row"))
    return _Row(node, {name: key for name, key, _ in entries}, {name: cell for name, _, cell in entries})


# ── mistakes ─────────────────────────────────────────────────────────────────


def _check(reader: Reader, rows: list[_Row], uses: Mapping[str, Node], table: Node) -> None:
    """Note every difference between what the texts use and what the rows have."""
    if not rows:
        reader.problem(table, "the table has no row", "write one as '- row: NAME', or take 'rows:' out")
        return
    columns = {name: key for row in reversed(rows) for name, key in row.keys.items()}
    for name, text in uses.items():
        if name not in columns:
            reader.problem(text, f"no column called {name!r}", did_you_mean(name, columns))
    for name, key in columns.items():
        if name not in uses and name != NAME:
            reader.problem(key, f"no text uses the column {name!r}", f"write '${{{name}}}' where it belongs, or take it out")
    for row in rows:
        _check_row(reader, row, {name: text for name, text in uses.items() if name in columns})


def _check_row(reader: Reader, row: _Row, uses: Mapping[str, Node]) -> None:
    for name, text in uses.items():
        if name not in row.cells:
            used = f"which line {text.start_mark.line + 1} uses"
            reader.problem(row.at, f"the row has no column {name!r}, {used}", f"add '{name}: …'")
        elif not isinstance(row.cells[name], yaml.ScalarNode) and not _whole(text):
            line = text.start_mark.line + 1
            reader.problem(row.cells[name], f"{name} is not text, but stands inside a text in line {line}", "write text")
    for name, cell in row.cells.items():
        for inner, _ in _uses(cell):
            said = f"{name}: '${{{inner}}}' stands in a row, where nothing is filled in"
            reader.problem(cell, said, "write it out, and '$${' for '${'")


def _uses(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield each column that a text uses, with the text; those that stand inside a longer text last, so that they prevail."""
    found = [(name, text) for text in _texts(node, frozenset()) for name in _columns(text)]
    yield from sorted(found, key=lambda use: (not _whole(use[1]), -use[1].start_mark.line))


def _columns(text: yaml.ScalarNode) -> list[str]:
    return [match[2] for match in _COLUMN.finditer(text.value) if not match[1]]


def _whole(text: Node) -> bool:
    match = _COLUMN.fullmatch(text.value)
    return match is not None and not match[1]


def _texts(node: Node, above: frozenset[int]) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif id(node) not in above:
        for child in _children(node):
            yield from _texts(child, above | {id(node)})


def _children(node: Node) -> list[Node]:
    pairs = node.value if isinstance(node, yaml.MappingNode) else [(child,) for child in node.value]
    return [child for pair in pairs for child in pair]


# ── filling in ───────────────────────────────────────────────────────────────


def _named(reader: Reader, rows: list[_Row], template: Node) -> list[Telling]:
    """Return the story of each row under its name; notes what is no name, or that of another row."""
    told: dict[str, Telling] = {}
    stories: dict[str, Telling] = {}
    for row in rows:
        story = _filled(template, row.cells, frozenset())
        title = _title(story)
        telling = Telling(_scalar(row.cells.get(NAME)) or title, row.at, story)
        wrong = _wrong_name(telling.row, told) or _wrong_title(title, stories)
        if wrong:
            reader.problem(row.at, *wrong)
        # Journals lie side by side: two names that differ in a comma alone would be those of one file.
        told[stem(telling.row)] = stories[title] = telling
    return list(told.values())


def _wrong_name(name: str, others: Mapping[str, Telling]) -> tuple[str, str] | None:
    if not name:
        return "the row has no name", "add 'row: NAME', or a 'name:' with a column in it to the story"
    other = others.get(stem(name))
    if other is not None:
        said = f"two rows are called {name!r}" if other.row == name else f"the rows {other.row!r} and {name!r} are called alike"
        return said, "give each a 'row:' of its own"
    if "::" in name or not name.isprintable():
        return f"the row's name {name!r} cannot be part of a node id", "write it on one line and without '::'"
    return None


def _wrong_title(title: str, others: Mapping[str, Telling]) -> tuple[str, str] | None:
    if title and title in others:
        return f"two rows tell a story named {title!r}", "write a column into the story's name, such as '${row}'"
    return None


def _title(story: Node) -> str:
    names = [value for key, value in story.value if key.value == "name"]
    return _scalar(names[0]) if names else ""


def _scalar(node: Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _filled(node: Node, cells: Mapping[str, Node], above: frozenset[int]) -> Node:
    """Return a copy in which columns are filled in; one that is a whole text becomes the cell itself, of any type."""
    if isinstance(node, yaml.ScalarNode):
        return cells[_columns(node)[0]] if _whole(node) else _text(node, cells)
    if id(node) in above:
        return node
    within = above | {id(node)}
    if isinstance(node, yaml.MappingNode):
        return _like(node, [tuple(_filled(each, cells, within) for each in pair) for pair in node.value])
    return _like(node, [_filled(each, cells, within) for each in node.value])


def _text(node: yaml.ScalarNode, cells: Mapping[str, Node]) -> Node:
    filled = _COLUMN.sub(lambda match: f"${{{match[2]}}}" if match[1] else cells[match[2]].value, node.value)
    return node if filled == node.value else _like(node, filled, _TEXT)


def _like(node: Node, value: object, tag: str = "") -> Node:
    return type(node)(tag or node.tag, value, node.start_mark, node.end_mark)
