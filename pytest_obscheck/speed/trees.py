"""PromQL as a typed tree: a thin reading of promql_parser, which knows the grammar but no places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import promql_parser

from pytest_obscheck.speed.logql import WHAT, is_logql

COMPARISONS = ("==", "!=", ">", "<", ">=", "<=")
SETS = ("and", "or", "unless")


class Kind(Enum):
    """What a node is."""

    NUMBER = "number"
    STRING = "string"
    SELECTOR = "selector"
    SUBQUERY = "subquery"
    CALL = "call"
    AGGREGATION = "aggregation"
    BINARY = "binary"
    UNARY = "unary"


@dataclass(frozen=True)
class Matcher:
    """One label matcher; ``op`` is ``=``, ``!=``, ``=~`` or ``!~``."""

    label: str
    op: str
    value: str


@dataclass(frozen=True)
class Tree:
    """One node; parentheses are gone. Durations are whole milliseconds, 0 where there are none.

    ``name``: of the function, operator or metric. ``inside``: arguments, of an aggregation its parameter last.
    ``labels``: of ``by``, ``on`` and ``group_*``; with ``without`` and ``ignoring`` they are in ``dropped``.
    """

    kind: Kind
    name: str = ""
    inside: tuple[Tree, ...] = ()
    matchers: tuple[Matcher, ...] = ()
    range: int = 0
    offset: int = 0
    step: int = 0
    value: float = 0.0
    labels: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    text: str = field(default="", compare=False)

    def walk(self) -> Iterator[Tree]:
        """Yield this node and everything inside it."""
        yield self
        for child in self.inside:
            yield from child.walk()


def parsed(text: str) -> Tree:
    """Return the tree of an expression; ``ValueError`` where the parser does not know it, or it is Loki's."""
    if is_logql(text):
        raise ValueError(WHAT)
    return _tree(promql_parser.parse(text))


def _tree(node: Any) -> Tree:
    reader = {
        "NumberLiteral": lambda n: Tree(Kind.NUMBER, value=float(n.val)),
        "StringLiteral": lambda n: Tree(Kind.STRING, text=n.val),
        "ParenExpr": lambda n: _tree(n.expr),
        "UnaryExpr": lambda n: Tree(Kind.UNARY, "-", (_tree(n.expr),)),
        "VectorSelector": _selector,
        "MatrixSelector": lambda n: _selector(n.vector_selector, _span(n.range)),
        "SubqueryExpr": _subquery,
        "Call": lambda n: Tree(Kind.CALL, n.func.name, tuple(_tree(arg) for arg in n.args), text=str(n)),
        "AggregateExpr": _aggregation,
        "BinaryExpr": _binary,
    }[type(node).__name__]
    return reader(node)


def _span(found: Any) -> int:
    return round(found.total_seconds() * 1000) if found else 0


def _selector(node: Any, span: int = 0) -> Tree:
    written = [Matcher(each.name, _OPS[str(each.op)], each.value) for each in node.matchers.matchers]
    named = [each.value for each in written if each.label == "__name__" and each.op == "="]
    rest = tuple(each for each in written if each.label != "__name__" or each.op != "=")
    return Tree(Kind.SELECTOR, node.name or "".join(named[:1]), (), rest, range=span, offset=_span(node.offset))


_OPS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


def _subquery(node: Any) -> Tree:
    inside = (_tree(node.expr),)
    return Tree(Kind.SUBQUERY, inside=inside, range=_span(node.range), offset=_span(node.offset), step=_span(node.step))


def _aggregation(node: Any) -> Tree:
    by = node.modifier is None or str(node.modifier.type).endswith("By")
    labels = tuple(node.modifier.labels) if node.modifier else ()
    inside = (_tree(node.expr), *([_tree(node.param)] if node.param else []))
    return Tree(Kind.AGGREGATION, str(node.op), inside, labels=labels if by else (), dropped=() if by else labels)


def _binary(node: Any) -> Tree:
    matching = node.modifier.matching if node.modifier else None
    on = matching is None or str(matching.type).endswith("Include")
    labels = tuple(matching.labels) if matching else ()
    joined = tuple(node.modifier.group_labels or ()) if node.modifier and hasattr(node.modifier, "group_labels") else ()
    name = str(node.op).removesuffix(" bool").strip()
    inside = (_tree(node.lhs), _tree(node.rhs))
    return Tree(Kind.BINARY, name, inside, labels=(*(labels if on else ()), *joined), dropped=() if on else labels)


def constant(tree: Tree) -> float | None:
    """Return the number that an expression without series and time always is; ``None`` for the others."""
    if tree.kind is Kind.NUMBER:
        return tree.value
    if tree.kind is Kind.UNARY:
        found = constant(tree.inside[0])
        return None if found is None else -found
    if tree.kind is Kind.BINARY and tree.name in _ARITHMETIC:
        one, other = constant(tree.inside[0]), constant(tree.inside[1])
        return None if one is None or other is None else _ARITHMETIC[tree.name](one, other)
    if tree.kind is Kind.CALL and tree.name in ("vector", "scalar"):
        return constant(tree.inside[0])
    return None


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda one, other: one + other,
    "-": lambda one, other: one - other,
    "*": lambda one, other: one * other,
    "/": lambda one, other: one / other if other else float("nan"),
    "^": lambda one, other: float(one**other) if abs(other) < 64 else float("nan"),
}
