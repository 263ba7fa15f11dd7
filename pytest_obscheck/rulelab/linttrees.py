"""What a PromQL tree is made of: its selectors, the comparisons that decide it, and the times that it looks back on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import promql_parser

from pytest_obscheck.rulelab.lintrules import Rule

COMPARISONS = (">", ">=", "<", "<=", "==", "!=")
ARITHMETIC = ("/", "*", "-", "+", "%", "^")
_SIGNS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


@dataclass(frozen=True)
class Matcher:
    """One label matcher."""

    label: str
    sign: str
    value: str

    def matches(self, value: str) -> bool:
        """Whether a label's value passes; regular expressions that Python does not know match nothing."""
        if self.sign in ("=", "!="):
            return (value == self.value) is (self.sign == "=")
        try:
            return (re.fullmatch(self.value, value) is not None) is (self.sign == "=~")
        except re.error:
            return False

    def __str__(self) -> str:
        """Return the matcher in PromQL."""
        return f'{self.label}{self.sign}"{self.value}"'


@dataclass(frozen=True)
class Selector:
    """A metric's name and its matchers."""

    name: str
    matchers: tuple[Matcher, ...]


@dataclass(frozen=True)
class Comparison:
    """What decides an alert: an expression, an operator, and a number."""

    side: Any
    sign: str
    bound: float


def children(node: Any) -> Iterator[Any]:
    """Yield the nodes directly below one."""
    for name in ("expr", "lhs", "rhs", "param", "vector_selector"):
        child = getattr(node, name, None)
        if isinstance(child, promql_parser.Expr):
            yield child
    yield from getattr(node, "args", None) or ()


def walk(node: Any) -> Iterator[Any]:
    """Yield a node and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def bare(node: Any) -> Any:
    """Return a node without the parentheses around it."""
    return bare(node.expr) if isinstance(node, promql_parser.ParenExpr) else node


def selectors(node: Any) -> list[Selector]:
    """Return the selectors with a name below a node, each once."""
    found = [each for each in walk(node) if isinstance(each, promql_parser.VectorSelector)]
    return list(dict.fromkeys(made for each in found if (made := _selector(each)).name))


def _selector(node: Any) -> Selector:
    made = [Matcher(each.name, _SIGNS[str(each.op).rsplit(".", maxsplit=1)[-1]], each.value) for each in node.matchers.matchers]
    name = node.name or next((each.value for each in made if each.label == "__name__" and each.sign == "="), "")
    return Selector(name, tuple(each for each in made if each.label != "__name__"))


def below(node: Any, recordings: Mapping[str, Rule]) -> Iterator[Any]:
    """Yield a node, and the trees of all recordings that it names, at any depth, each once."""
    todo, done = [node], set()
    while todo:
        each = todo.pop(0)
        yield each
        for selector in selectors(each):
            if selector.name in recordings and selector.name not in done:
                done.add(selector.name)
                todo.append(recordings[selector.name].tree)


def leaves(node: Any, recordings: Mapping[str, Rule]) -> list[Selector]:
    """Return the scraped series that a node rests on: its selectors and those of the recordings that it names."""
    found = [selector for tree in below(node, recordings) for selector in selectors(tree)]
    return [selector for selector in dict.fromkeys(found) if selector.name not in recordings]


def comparisons(node: Any) -> list[Comparison]:
    """Return the comparisons with a number that decide an expression."""
    return list(_deciding(node))


def _deciding(node: Any) -> Iterator[Comparison]:
    node = bare(node)
    if not isinstance(node, promql_parser.BinaryExpr):
        return
    sign = str(node.op)
    if sign in ("and", "or", "unless"):
        yield from _deciding(node.lhs)
        yield from _deciding(node.rhs)
    elif sign in COMPARISONS and (bound := number(node.rhs)) is not None:
        yield Comparison(node.lhs, sign, bound)


def number(node: Any) -> float | None:
    """Return the value of a node that is made of numbers only: ``14.4 * 0.001``."""
    node = bare(node)
    if isinstance(node, promql_parser.NumberLiteral):
        return float(node.val)
    if isinstance(node, promql_parser.UnaryExpr):
        inner = number(node.expr)
        return None if inner is None else -inner
    if not isinstance(node, promql_parser.BinaryExpr) or str(node.op) not in ("*", "/", "+", "-"):
        return None
    left, right = number(node.lhs), number(node.rhs)
    if left is None or right is None:
        return None
    return _reckoned(str(node.op), left, right)


def _reckoned(sign: str, left: float, right: float) -> float | None:
    if sign == "/":
        return left / right if right else None
    return {"*": left * right, "+": left + right, "-": left - right}[sign]


def compared(node: Any) -> Any:
    """Return what an alert's ``$value`` is: the left side of the outermost comparison, else the whole."""
    node = bare(node)
    if isinstance(node, promql_parser.BinaryExpr):
        sign = str(node.op)
        if sign in ("and", "or", "unless") or (sign in COMPARISONS and not (node.modifier and node.modifier.return_bool)):
            return compared(node.lhs)
    return node


def times(node: Any, name: str) -> list[float]:
    """Return all ``range`` or ``offset`` durations below a node, in seconds."""
    found: list[Any] = [getattr(each, name, None) for each in walk(node)]
    return [float(value.total_seconds()) for value in found if isinstance(value, timedelta)]


def calls(node: Any, *names: str) -> list[Any]:
    """Return the calls of these functions below a node."""
    return [each for each in walk(node) if isinstance(each, promql_parser.Call) and each.func.name in names]
