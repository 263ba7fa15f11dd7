"""YAML nodes → frozen dataclasses, or file:line and why not; every problem of a file, not just the first."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from pytest_obscheck.errors import ConfigError, Problem, did_you_mean
from pytest_obscheck.when import instant

T = TypeVar("T")
Node = yaml.Node
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Mismatch(ValueError):
    """A value that is not of the type that its field wants."""


@dataclass
class Reader:
    """Reads one file and collects what is wrong with it. ``name`` is how messages call the file."""

    path: Path
    name: str
    problems: list[Problem] = field(default_factory=list)

    def root(self) -> yaml.MappingNode | None:
        """Return the file's top-level mapping; ``None``, with a problem noted, where there is none."""
        node = self._composed()
        if node is None or isinstance(node, yaml.MappingNode):
            return node
        self.problem(node, "the file is not a mapping", "it begins with a line such as 'name: …'")
        return None

    def problem(self, node: Node | None, what: str, right: str = "") -> None:
        """Note a problem at a node's line."""
        line = f":{node.start_mark.line + 1}" if node is not None else ""
        self.problems.append(Problem(f"{self.name}{line}", what, right))

    def entries(self, node: Node, what: str) -> Iterator[tuple[str, Node, Node]]:
        """Yield key, key node and value node of a mapping; notes doubled keys and what is no mapping."""
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, f"{what} is not a mapping", "write it as 'key: value' lines")
            return
        seen: set[str] = set()
        for key, value in node.value:
            wrong = _wrong_key(key, seen)
            if wrong:
                self.problem(key, *wrong)
                continue
            seen.add(key.value)
            yield key.value, key, value

    def items(self, node: Node, what: str) -> list[Node]:
        """Return the items of a list; notes what is no list."""
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        if not _is_null(node):
            self.problem(node, f"{what} is not a list", "write each entry on a line that begins with '- '")
        return []

    def build(self, cls: type[T], node: Node, called: str, beside: Iterable[str] = (), **known: Any) -> T | None:
        """Return an instance of a dataclass from a mapping node; ``None``, with problems noted, where it cannot be.

        ``known`` are fields whose values are given already; ``beside``: words that somebody else reads beside its fields.
        """
        before = len(self.problems)
        wanted = fields_of(cls)
        given = dict(known)
        for name, key, value in () if _is_null(node) else self.entries(node, called):
            if name in wanted:
                self._field(wanted[name], given, f"{called}: {name}", value)
            else:
                self.problem(key, f"{called} has no field {name!r}", did_you_mean(name, [*wanted, *beside]))
        missing = [name for name, spec in wanted.items() if spec.required and spec.field not in given]
        # A field that has a problem already may well be the one that is missing.
        if missing and len(self.problems) == before:
            needed = " and ".join(repr(name) for name in missing)
            self.problem(node, f"{called} needs {needed}", f"its fields are: {', '.join(wanted)}")
        return self._made(cls, given, node, called) if len(self.problems) == before else None

    def _field(self, spec: Field, given: dict[str, Any], called: str, value: Node) -> None:
        try:
            given[spec.field] = convert(value, spec.type)
        except Mismatch as error:
            self.problem(value, f"{called} {error}")

    def _made(self, cls: type[T], given: Mapping[str, Any], node: Node, called: str) -> T | None:
        try:
            return cls(**given)
        except ValueError as error:
            self.problem(node, f"{called}: {error}")
            return None

    def _composed(self) -> Node | None:
        text = ""
        try:
            text = self.path.read_text(encoding="utf-8-sig")
            node: Node | None = yaml.compose(text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            self.problems.append(self._no_yaml(text, error))
            return None
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            self.problems.append(Problem(self.name, f"cannot be read: {_first_line(error)}"))
            return None
        if node is None or _is_null(node):
            self.problems.append(Problem(self.name, "the file is empty"))
            return None
        return node

    def _no_yaml(self, text: str, error: yaml.MarkedYAMLError) -> Problem:
        mark = error.problem_mark or error.context_mark
        lines = text.splitlines()[mark.line : mark.line + 1] if mark else []
        where = f"{self.name}:{mark.line + 1}" if mark else self.name
        return Problem(where, f"not YAML: {error.problem or error.context}", _unquoted("".join(lines)))


def _unquoted(line: str) -> str:
    return "inside '{ }' and '[ ]' a column is written in quotes: \"${column}\"" if "${" in line else ""


def _wrong_key(key: Node, seen: Container[str]) -> tuple[str, str] | None:
    """Return what is wrong with the key of a mapping, and what would be right."""
    if not isinstance(key, yaml.ScalarNode):
        return "a key is not text", "write it as 'key: value'"
    if key.tag == "tag:yaml.org,2002:merge":
        return "'<<' is not read here", "write the lines out"
    return (f"{key.value!r} is written twice", "keep one of them") if key.value in seen else None


def _first_line(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error).splitlines()[0]


def _is_null(node: Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"


def plain(node: Node) -> Any:
    """Return a node's plain value, as a safe YAML loader would."""
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


@dataclass(frozen=True)
class Field:
    """One field of a dataclass as users write it: a trailing underscore of a Python name is left out."""

    field: str
    type: Any
    required: bool


def fields_of(cls: Any) -> Mapping[str, Field]:
    """Return the fields of a dataclass by the name that users write."""
    hints = typing.get_type_hints(cls, include_extras=True)
    found = {}
    for each in dataclasses.fields(cls):
        if each.init and not each.name.startswith("_"):
            free = each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
            found[each.name.rstrip("_")] = Field(each.name, hints[each.name], free)
    return found


def chosen_instant(reader: Reader, node: Node) -> str:
    """Return an instant as it is written, ``""`` for what is none, with a problem noted."""
    try:
        text = str(convert(node, str))
        instant(text)
    except (Mismatch, ValueError) as error:
        what, _, right = str(error).partition("; ")
        reader.problem(node, f"instant: {what}", right)
        return ""
    return text


def convert(node: Node, wanted: Any) -> Any:
    """Return the node's value as the wanted type; ``Mismatch`` says what it should be.

    Text fields take the text as it is written, so that ``1.10`` stays ``1.10`` and ``no`` stays ``no``.
    """
    origin = typing.get_origin(wanted)
    if wanted is Any or wanted is object:
        return plain(node)
    if origin is typing.Literal:
        return _choice(node, typing.get_args(wanted))
    if origin is typing.Annotated:
        return _annotated(node, *typing.get_args(wanted))
    if origin in (types.UnionType, typing.Union):
        return _one_of(node, typing.get_args(wanted))
    if origin in (tuple, list):
        return _many(node, typing.get_args(wanted)[0])
    if origin in (dict, Mapping):
        return _mapping(node, typing.get_args(wanted)[1])
    return _scalar(node, wanted)


def _annotated(node: Node, inner: Any, pattern: str) -> Any:
    value = convert(node, inner)
    if not re.fullmatch(pattern, value):
        example = (
            "a duration; write it like '800ms' or '1m30s'" if "ms|s" in pattern else "a comparison; write it like '>= 0.5'"
        )
        raise Mismatch(f"is {value!r}, which is not {example}")
    return value


def _choice(node: Node, choices: tuple[str, ...]) -> str:
    value = str(convert(node, str))
    if value not in choices:
        raise Mismatch(f"is {value!r}; {did_you_mean(value, choices)}")
    return value


def _one_of(node: Node, choices: tuple[Any, ...]) -> Any:
    if type(None) in choices and _is_null(node):
        return None
    errors = []
    for choice in choices:
        if choice is not type(None):
            try:
                return convert(node, choice)
            except Mismatch as error:
                errors.append(str(error))
    raise Mismatch(errors[0])


def _many(node: Node, inner: Any) -> tuple[Any, ...]:
    if not isinstance(node, yaml.SequenceNode):
        raise Mismatch("is not a list; write it like [a, b]")
    return tuple(convert(item, inner) for item in node.value)


def _mapping(node: Node, inner: Any) -> dict[str, Any]:
    if _is_null(node):
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise Mismatch("is not a mapping; write it like {key: value}")
    found: dict[str, Any] = {}
    for key, value in node.value:
        wrong = _wrong_key(key, found)
        if wrong:
            raise Mismatch(f"cannot be read: {'; '.join(wrong)}")
        found[key.value] = convert(value, inner)
    return found


_KINDS: dict[type, tuple[str, str]] = {
    int: ("a whole number", r"[-+]?[0-9]+"),
    float: ("a number", r"[-+]?([0-9]*\.)?[0-9]+([eE][-+]?[0-9]+)?|[-+]?[0-9]+\.|[-+]?\.?(inf|Inf)|\.?(nan|NaN)"),
    bool: ("true or false", r"true|false|True|False"),
}


def _scalar(node: Node, wanted: type) -> Any:
    if not isinstance(node, yaml.ScalarNode) or (wanted is not str and _is_null(node)):
        raise Mismatch(f"is not {_KINDS.get(wanted, ('text', ''))[0]}")
    if wanted is str or wanted is Path:
        return wanted(node.value)
    said, pattern = _KINDS[wanted]
    if not re.fullmatch(pattern, node.value):
        raise Mismatch(f"is {node.value!r}, which is not {said}")
    if wanted is bool:
        return node.value.lower() == "true"
    return wanted(re.sub(r"\.(?=[inIN])", "", node.value))


def refuse(problems: list[Problem]) -> None:
    """Raise ``ConfigError`` where there are problems."""
    if problems:
        raise ConfigError(problems)
