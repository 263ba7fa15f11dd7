"""YAML documents of a spec, each value with its file:line; every problem of a file is collected."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pytest_obscheck.reading import Node, Reader, plain, refuse
from pytest_obscheck.when import seconds


@dataclass(frozen=True)
class Spec:
    """A mapping of a spec. ``called`` is how messages call it."""

    reader: Reader
    node: Node
    called: str

    @property
    def where(self) -> str:
        """Return file:line."""
        return f"{self.reader.name}:{self.node.start_mark.line + 1}"

    def has(self, key: str) -> bool:
        """Whether the mapping has a key."""
        return self._child(key) is not None

    def _child(self, key: str) -> Node | None:
        pairs = self.node.value if isinstance(self.node, yaml.MappingNode) else ()
        return next((value for name, value in pairs if name.value == key), None)

    def problem(self, what: str, right: str = "", at: str = "") -> None:
        """Note a problem, at a key's line where it is there."""
        self.reader.problem(self._child(at) or self.node, what, right)

    def at(self, key: str) -> Spec | None:
        """Return the mapping under a key; ``None``, with a problem noted, where it is missing or none."""
        child = self._child(key)
        if child is None:
            self.problem(f"{self.called} has no {key!r}")
        elif not isinstance(child, yaml.MappingNode):
            self.problem(f"{self.called}: {key} is not a mapping", "write it as 'key: value' lines", key)
        else:
            return Spec(self.reader, child, f"{self.called}.{key}")
        return None

    def each(self, key: str) -> Iterator[Spec]:
        """Yield the mappings of the list under a key; notes a problem where it is missing or empty."""
        child = self._child(key)
        items = self.reader.items(child, f"{self.called}: {key}") if child is not None else []
        if not items:
            self.problem(f"{self.called} has no {key!r}", "write at least one entry", key)
        for item in items:
            yield Spec(self.reader, item, f"{self.called}.{key}")

    def text(self, key: str, default: str | None = None) -> str:
        """Return the text under a key; ``""``, with a problem noted, where it is missing and has no default."""
        child = self._child(key)
        if isinstance(child, yaml.ScalarNode) and child.value.strip():
            return str(child.value).strip()
        if default is None:
            self.problem(f"{self.called} has no {key!r}", at=key)
        return default or ""

    def number(self, key: str) -> float | None:
        """Return the number under a key; ``None``, with a problem noted, where it is none."""
        value: Any = plain(child) if (child := self._child(key)) is not None else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        self.problem(f"{self.called}: {key} is {value!r}, which is not a number", at=key)
        return None

    def duration(self, key: str) -> float | None:
        """Return the seconds under a key; ``None``, with a problem noted, where it is no duration."""
        text = self.text(key)
        try:
            return seconds(text) if text else None
        except ValueError:
            self.problem(f"{self.called}: {key} is {text!r}, which is not a duration", "write it like '30d' or '4w'", key)
            return None


def documents(path: Path, name: str = "") -> tuple[Reader, list[Spec]]:
    """Return the mappings of a file, one for each YAML document; ``ConfigError`` where it cannot be read."""
    reader = Reader(path, name or str(path))
    try:
        nodes = [node for node in yaml.compose_all(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader) if node]
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        reader.name += line
        reader.problem(None, f"not YAML: {error.problem}")
        nodes = []
    except (OSError, UnicodeDecodeError) as error:
        reader.problem(None, f"cannot be read: {getattr(error, 'strerror', '') or error}")
        nodes = []
    if not nodes and not reader.problems:
        reader.problem(None, "the file is empty")
    refuse(reader.problems)
    return reader, [Spec(reader, node, "the spec") for node in nodes]
