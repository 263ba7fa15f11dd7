"""The unit of an expression's value, as the metric names and functions imply it.

Base: Prometheus's naming conventions (https://prometheus.io/docs/practices/naming/): ``_seconds``, ``_bytes``, ``_ratio``,
``_total``. What does not follow them has no unit here, and nothing is said about it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import promql_parser

from pytest_obscheck.rulelab.lintrules import Rule
from pytest_obscheck.rulelab.linttrees import COMPARISONS, bare, number

_SAME = frozenset(
    {
        "abs", "ceil", "floor", "round", "clamp", "clamp_max", "clamp_min", "sort", "sort_desc", "label_replace", "label_join",
        "avg_over_time", "min_over_time", "max_over_time", "sum_over_time", "last_over_time", "quantile_over_time",
        "predict_linear", "vector", "scalar", "increase", "delta", "idelta", "histogram_quantile",
    }
)  # fmt: skip
_FLOWS = frozenset({"rate", "irate", "deriv"})
_COUNTS = frozenset({"count_over_time", "changes", "resets"})
_KEEPING = frozenset({"sum", "avg", "min", "max", "topk", "bottomk", "quantile"})
_SUFFIXES = (
    (r"_(ratio)", "ratio"),
    (r"_(time|timestamp)_seconds", "timestamp"),
    (r"_seconds(_total|_sum)?", "seconds"),
    (r"_bytes(_total|_sum)?", "bytes"),
    (r"_(total|count|bucket)", "count"),
)


@dataclass(frozen=True)
class Unit:
    """``kind``: ratio, seconds, bytes, count, ``… per second``, timestamp, number, or nothing; ``scale`` 100 for percent."""

    kind: str
    scale: float = 1.0

    def __str__(self) -> str:
        """Return the unit in words."""
        if self.kind == "ratio":
            return {1.0: "a ratio from 0 to 1", 100.0: "a percentage"}.get(self.scale, f"a ratio times {self.scale:g}")
        plain = {"count": "a number of things", "count per second": "events per second", "timestamp": "a point in time"}
        return plain.get(self.kind, self.kind) + (f" times {self.scale:g}" if self.scale != 1 else "")


NONE = Unit("")
RATIO = Unit("ratio")
NUMBER = Unit("number")


def unit(node: Any, recordings: Mapping[str, Rule]) -> Unit:
    """Return the unit of a node's value; ``NONE`` where it cannot be told."""
    node = bare(node)
    if number(node) is not None:
        return NUMBER
    if isinstance(node, promql_parser.VectorSelector):
        return _of_name(node.name or "", recordings)
    if isinstance(node, promql_parser.MatrixSelector):
        return unit(node.vector_selector, recordings)
    if isinstance(node, promql_parser.SubqueryExpr | promql_parser.UnaryExpr):
        return unit(node.expr, recordings)
    if isinstance(node, promql_parser.Call):
        return _of_call(node, recordings)
    if isinstance(node, promql_parser.AggregateExpr):
        return _of_aggregate(node, recordings)
    return _of_binary(node, recordings) if isinstance(node, promql_parser.BinaryExpr) else NONE


def _of_name(name: str, recordings: Mapping[str, Rule]) -> Unit:
    if name in recordings:
        others = {key: rule for key, rule in recordings.items() if key != name}
        return unit(recordings[name].tree, others)
    # Colons are somebody else's recordings; a counter of time counts seconds, ticks, or per cent: only its help text knows.
    if ":" in name or re.search(r"(time|cpu)_total$", name):
        return NONE
    return next((Unit(kind) for suffix, kind in _SUFFIXES if re.fullmatch(rf".*{suffix}", name)), NONE)


def _of_call(node: Any, recordings: Mapping[str, Rule]) -> Unit:
    name, args = node.func.name, node.args
    if name == "time":
        return Unit("timestamp")
    if name in _COUNTS:
        return Unit("count")
    if name == "histogram_quantile":
        return _of_buckets(args[-1])
    inner = next((found for arg in args if (found := unit(arg, recordings)) not in (NONE, NUMBER)), NONE)
    if name in _FLOWS:
        return _per_second(inner)
    return inner if name in _SAME else NONE


def _of_buckets(node: Any) -> Unit:
    text = node.prettify()
    kinds = {kind for kind in ("seconds", "bytes") if re.search(rf"_{kind}(_bucket)?\b", text)}
    return Unit(kinds.pop()) if len(kinds) == 1 else NONE


def _per_second(inner: Unit) -> Unit:
    flows = {"count": "count per second", "bytes": "bytes per second", "seconds": "ratio"}
    return replace(inner, kind=flows.get(inner.kind, ""))


def _of_aggregate(node: Any, recordings: Mapping[str, Rule]) -> Unit:
    name = str(node.op)
    if name == "count":
        return Unit("count")
    return unit(node.expr, recordings) if name in _KEEPING else NONE


def _of_binary(node: Any, recordings: Mapping[str, Rule]) -> Unit:
    sign, left, right = str(node.op), unit(node.lhs, recordings), unit(node.rhs, recordings)
    if sign in (*COMPARISONS, "and", "or", "unless", "%"):
        return NONE if node.modifier and node.modifier.return_bool else left
    if sign in ("+", "-"):
        return _sum(sign, left, right)
    if sign == "*":
        return _scaled(left, right, number(node.lhs), number(node.rhs))
    return _quotient(left, right, number(node.rhs)) if sign == "/" else NONE


def _sum(sign: str, left: Unit, right: Unit) -> Unit:
    if left.kind == right.kind == "timestamp":
        return Unit("seconds") if sign == "-" else NONE
    if NUMBER in (left, right):
        return right if left == NUMBER else left
    return left if left == right else NONE


def _scaled(left: Unit, right: Unit, first: float | None, second: float | None) -> Unit:
    inner, factor = (right, first) if first is not None else (left, second)
    return replace(inner, scale=inner.scale * factor) if factor is not None and inner.kind else NONE


def _quotient(left: Unit, right: Unit, divisor: float | None) -> Unit:
    if divisor:
        # Things by a number of one's own are often a share: failures / 20 tries.
        return replace(left, scale=left.scale / divisor) if left.kind not in ("", "count") else NONE
    if not left.kind or NUMBER in (left, right):
        return NONE
    if left.kind == right.kind:
        return Unit("ratio", left.scale / right.scale)
    # The time that all requests took, by the number of requests.
    means = {("ratio", "count per second"): "seconds", ("seconds", "count"): "seconds", ("bytes", "count"): "bytes"}
    return Unit(means.get((left.kind, right.kind), ""), left.scale / right.scale)
