"""A user's YAML file that is never parsed and dumped again: only spans of its text are replaced."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pytest_obscheck.derive import edits
from pytest_obscheck.derive.carriers import HELM, RENDERED, carried_rules, carried_scrapes, routed_text, templated
from pytest_obscheck.derive.parts import Change, Part, joined, part, separable
from pytest_obscheck.derive.tree import Kind, Node, pairs, parse, plain
from pytest_obscheck.errors import ConfigError, Problem

BOM = "\ufeff"
ROUTES = ("route", "routes")


@dataclass
class Document:
    """One YAML file: ``value`` is what the user wrote as plain data, ``text()`` the copy with the edits made so far.

    Of a file with several documents the first counts, as it does for Prometheus. Paths of edits refer to the edited text,
    ``value`` and ``line`` to the original.
    """

    path: Path
    value: Any
    shown: str
    _bom: str = field(repr=False)
    _text: str = field(repr=False)
    _original: Node = field(repr=False)
    _root: Node | None = field(repr=False, default=None)
    _parts: dict[tuple[str | int, ...], Part] = field(repr=False, default_factory=dict)
    _separable: bool = field(repr=False, default=False)
    _before: int = field(repr=False, default=0)

    @classmethod
    def open(
        cls,
        path: Path,
        shown: str = "",
        variables: Mapping[str, str] | None = None,
        carrying: str = "rules",
        routes: Sequence[Path] = (),
    ) -> Document:
        """Read a file; ``ConfigError`` says where it is not YAML. ``shown`` is its name in messages, ``path`` unless given.

        What a Kubernetes resource or a Mimir namespace carries is read as a file of its own: its ``rules``, or its ``scrapes``.
        ``variables`` are what ``${NAME}`` stands for; other dollar signs stay. ``routes``: files of resources whose routes
        belong to this alertmanager.yml.
        """
        shown = shown or str(path)
        bom, text = _yaml(path, shown, variables)
        try:
            text = carried_scrapes(text) if carrying == "scrapes" else carried_rules(text)
        except yaml.YAMLError:
            _parsed(text, shown)
        original = root = _parsed(text, shown)
        if routes:
            text = _routed(text, routes)
            root = _parsed(text, shown)
        before = _routes(root) - _routes(original)
        return cls(path, plain(root), shown, bom, text, original, root, _separable=separable(root), _before=before)

    def line(self, *path: str | int) -> int:
        """Return the 1-based line of the node at that path in the user's file, for a pair that of its key.

        Where there is none, the line of its nearest existing ancestor. Aliases and merges lead to where the text stands.
        """
        node, line = self._original, self._original.line
        if path[:2] == ROUTES and len(path) > 2 and isinstance(path[2], int):
            path = (*ROUTES, path[2] - self._before, *path[3:])
        for step in path:
            found = _step(node.meant, step)
            if found is None:
                break
            line, node = found
        return line

    def tagged(self, *path: str | int) -> Iterator[tuple[str, tuple[str | int, ...]]]:
        """Yield every tag that is written out at a path or below it, such as ``!reset``, with the path from there."""
        node, wrong = edits.reach(self._original, path)
        yield from () if wrong else _tags(node, ())

    def set(self, path: Sequence[str | int], value: Any) -> None:
        """Give the node at ``path`` a value, adding keys that are missing; no other user of an anchor sees it."""
        self._edit(lambda text, root, path: edits.put(text, root, path, value), path, removing=False)

    def remove(self, path: Sequence[str | int]) -> None:
        """Take the key and its value, or the list item, out of the text; no other user of an anchor sees it."""
        self._edit(edits.cut, path, removing=True)

    def text(self) -> str:
        """Return the working copy; byte for byte the user's file where nothing was edited."""
        self._join()
        return self._bom + self._text

    def _tree(self) -> Node:
        if self._root is None:
            self._root = _parsed(self._text, f"the working copy of {self.shown}")
        return self._root

    def _alone(self, path: Sequence[str | int], removing: bool) -> None:
        while (text := edits.alone(self._text, self._tree(), path, removing)) != self._text:
            self._text, self._root = text, None

    def _edit(self, change: Change, path: Sequence[str | int], *, removing: bool) -> None:
        part = self._part(path)
        try:
            if part is not None:
                part.edit(change, path[2:])
                return
            self._join()
            self._alone(path, removing)
            self._text = change(self._text, self._tree(), path)
        except LookupError as error:
            spot = ".".join(str(step) for step in path)
            raise ConfigError([Problem(f"{self.shown}:{self.line(*path)}", f"{spot}: {error.args[0]}")]) from None
        self._root = None

    def _part(self, path: Sequence[str | int]) -> Part | None:
        key = tuple(path[:2])
        if self._separable and key not in self._parts and (made := part(self._text, self._tree(), path)):
            self._parts[key] = made
        return self._parts.get(key) if len(path) > 2 else None

    def _join(self) -> None:
        if self._parts:
            self._text, self._root = joined(self._text, list(self._parts.values())), None
            self._parts.clear()


def _step(node: Node, step: str | int) -> tuple[int, Node] | None:
    if node.kind is Kind.SEQUENCE and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step].line, node.items[step]
    found = [(key.line, item) for key, item in pairs(node) if key.text == step]
    return found[-1] if found else None


def _tags(node: Node, path: tuple[str | int, ...]) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    node = node.meant
    if node.tag:
        yield node.tag, path
    for key, item in pairs(node):
        yield from _tags(item, (*path, key.text))
    for place, item in enumerate(node.items if node.kind is Kind.SEQUENCE else ()):
        yield from _tags(item, (*path, place))


def _read(path: Path, shown: str) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError([Problem(f"{shown}:{line}", "this is not UTF-8", "save the file as UTF-8")]) from None
    except FileNotFoundError:
        raise ConfigError([Problem(shown, "there is no such file")]) from None
    except IsADirectoryError:
        raise ConfigError([Problem(shown, "this is a folder", f"name the files in it, like {shown}/*.yml")]) from None
    except PermissionError:
        raise ConfigError([Problem(shown, "cannot be read (Permission denied)", f"run: chmod u+r {shown}")]) from None
    except OSError as error:
        raise ConfigError([Problem(shown, f"cannot be read ({error.strerror})")]) from None


def _yaml(path: Path, shown: str, variables: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Return the byte order mark of a file, and its text with variables filled in; ``ConfigError`` for a Helm template."""
    text = _read(path, shown)
    bom, text = (BOM, text[1:]) if text.startswith(BOM) else ("", text)
    if line := templated(text):
        raise ConfigError([Problem(f"{shown}:{line}", HELM, RENDERED)])
    for name, value in (variables or {}).items():
        text = text.replace(f"${{{name}}}", value)
    return bom, text


def _routes(root: Node) -> int:
    found = edits.reach(root, ROUTES)
    return len(found[0].meant.items) if not found[1] else 0


def _routed(text: str, routes: Sequence[Path]) -> str:
    others = [_yaml(path, str(path))[1] for path in routes]
    for path, other in zip(routes, others, strict=True):
        _parsed(other, str(path))
    try:
        return routed_text(text, others)
    except LookupError as error:
        raise ConfigError(
            [Problem(str(routes[0]), f"its routes have no place in the alertmanager.yml: {error.args[0]}")]
        ) from None


def _parsed(text: str, shown: str) -> Node:
    try:
        return parse(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ", ".join(words for words in (error.context, error.problem) if words)
        raise ConfigError([Problem(f"{shown}:{mark.line + 1}" if mark else shown, f"not YAML: {what}")]) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise ConfigError([Problem(f"{shown}:{line}", f"not YAML: {error.reason}")]) from None
    except RecursionError:
        raise ConfigError([Problem(shown, "not readable: it is nested too deeply")]) from None


def diff(original: str, derived: str, name: str) -> str:
    """Return a unified diff from the user's text to the working copy; ``""`` where they are equal."""
    lines = difflib.unified_diff(_lines(original), _lines(derived), name, f"{name} (derived)", n=2, lineterm="")
    return "".join(f"{line}\n" for line in lines)


def _lines(text: str) -> list[str]:
    return text.removeprefix(BOM).replace("\r\n", "\n").splitlines()
