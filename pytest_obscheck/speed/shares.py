"""Rules that compare a share of events with a threshold: ``sum(rate(bad[R])) / sum(rate(total[R])) > 0.05``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import promql_parser

COUNTED = ("rate", "irate", "increase")
FLIPPED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}


@dataclass(frozen=True)
class Counts:
    """PromQL of counters as they stand, added up as a rule adds up their rates, and the range of these in seconds."""

    text: str
    span: float


@dataclass(frozen=True)
class Share:
    """What a rule compares: the part of all events that some are, and the side of the threshold on which it fires."""

    some: Counts
    all: Counts
    sign: str
    threshold: float

    @property
    def span(self) -> float:
        """Return the shorter range, in story seconds."""
        return min(self.some.span, self.all.span)


def shares(expr: str, recordings: Mapping[str, str]) -> tuple[Share, ...]:
    """Return the shares that an alert rests on, also through recording rules; nothing of what has another form."""
    try:
        return tuple(_compared(promql_parser.parse(expr), recordings))
    except ValueError:
        return ()


def _compared(node: Any, recordings: Mapping[str, str]) -> Iterator[Share]:
    node = _bare(node)
    if type(node).__name__ != "BinaryExpr":
        return
    sign = _op(node)
    if sign == "and":
        yield from (*_compared(node.lhs, recordings), *_compared(node.rhs, recordings))
    elif sign in FLIPPED:
        bound = _number(node.rhs)
        found = _share(node.lhs, recordings) if bound is not None else None
        if found is not None and bound is not None:
            yield _scaled(found, sign, bound)


@dataclass(frozen=True)
class _Ratio:
    """``some / all * scale``, or one minus that."""

    some: Counts
    all: Counts
    scale: float = 1.0
    rest: bool = False


def _scaled(found: _Ratio, sign: str, bound: float) -> Share:
    threshold = bound / found.scale
    if found.rest:
        return Share(found.some, found.all, FLIPPED[sign], 1 - threshold)
    return Share(found.some, found.all, sign, threshold)


def _share(node: Any, recordings: Mapping[str, str]) -> _Ratio | None:
    node = _behind(node, recordings)
    if type(node).__name__ != "BinaryExpr":
        return None
    sign, left, right = _op(node), _number(node.lhs), _number(node.rhs)
    if sign == "*" and (left is None) != (right is None):
        return _times(_share(node.rhs if right is None else node.lhs, recordings), right if left is None else left)
    if sign == "-" and left == 1:
        inner = _share(node.rhs, recordings)
        return replace(inner, rest=True) if inner and inner.scale == 1 and not inner.rest else None
    if sign != "/":
        return None
    some, every = _counts(node.lhs, recordings), _counts(node.rhs, recordings)
    return _Ratio(some, every) if some and every else None


def _times(found: _Ratio | None, factor: float | None) -> _Ratio | None:
    return replace(found, scale=found.scale * factor) if found and factor else None


def _counts(node: Any, recordings: Mapping[str, str]) -> Counts | None:
    node = _behind(node, recordings)
    kind = type(node).__name__
    if kind == "BinaryExpr" and _op(node) in ("or", ">"):
        return _counts(node.lhs, recordings)  # a value in place of none, or of nothing: the events are those on the left
    if kind == "Call" and node.func.name == "clamp_min":
        return _counts(node.args[0], recordings)
    if kind == "Call" and node.func.name in COUNTED and type(node.args[0]).__name__ == "MatrixSelector":
        matrix = node.args[0]
        return Counts(str(matrix.vector_selector), matrix.range.total_seconds())
    if kind == "AggregateExpr" and str(node.op) == "sum":
        inner = _counts(node.expr, recordings)
        return inner and Counts(f"sum{_grouping(node)} ({inner.text})", inner.span)
    return None


def _grouping(node: Any) -> str:
    if node.modifier is None:
        return ""
    word = "by" if str(node.modifier.type).endswith("By") else "without"
    return f" {word} ({', '.join(node.modifier.labels)})"


def _behind(node: Any, recordings: Mapping[str, str]) -> Any:
    """Return what a recorded series is computed by, without parentheses."""
    node = _bare(node)
    for _ in range(len(recordings)):
        if type(node).__name__ != "VectorSelector" or node.name not in recordings:
            break
        node = _bare(promql_parser.parse(recordings[node.name]))
    return node


def _bare(node: Any) -> Any:
    while type(node).__name__ == "ParenExpr":
        node = node.expr
    return node


def _number(node: Any) -> float | None:
    node = _bare(node)
    return float(node.val) if type(node).__name__ == "NumberLiteral" else None


def _op(node: Any) -> str:
    return str(node.op).removesuffix(" bool").strip()
