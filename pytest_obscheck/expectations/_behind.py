"""Why an alert stayed quiet: the series behind its expression and its recording rules, and the value that it compares."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import promql_parser

from pytest_obscheck.capabilities import AnswersPromQL
from pytest_obscheck.errors import LookFailed, did_you_mean
from pytest_obscheck.journal import Journal
from pytest_obscheck.matching import Comparison, expanded
from pytest_obscheck.protocols import Stack
from pytest_obscheck.speed import Speed, rewrite

STEPS = 1000
"""At how many instants of the story the compared value is computed: a peak between two of them is not seen."""


@dataclass(frozen=True)
class Behind:
    """The series behind one alert, over the whole story. Looked at once, when the story is over."""

    name: str
    every: float = 0.0

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``expr``, ``where``, ``missing`` (selectors without series, with the nearest name) and ``peaks``."""
        prometheus = stack.that(AnswersPromQL)
        rule = next((rule for rule in stack.plan.facts.alerts if rule.name == self.name), None)
        if rule is None:
            raise LookFailed(f"no rule file has an alert {self.name!r}")
        recordings = stack.plan.facts.recordings
        exprs = expanded(rule.expr, recordings)
        found = [
            _missing(prometheus, selector, since, until, set(recordings)) for expr in exprs for selector in selectors(expr)
        ]
        missing = list(dict.fromkeys(words for words in found if words))
        return {
            "expr": rule.expr,
            "where": rule.where,
            "missing": missing,
            "peaks": _peaks(prometheus, rule.expr, stack.plan.pace.speed, since, until),
        }

    def __str__(self) -> str:
        """Return the key."""
        return f"behind {self.name}"


def why_quiet(journal: Journal, name: str) -> str:
    """Return why an alert never became active, from the autopsy; ``""`` where it says nothing."""
    event = journal.last("autopsy", key=f"behind {name}")
    if event is None or "error" in event.data:
        return ""
    found = event.data["data"]
    said = "; ".join(found["missing"]) or "; ".join(found["peaks"])
    return f"{said} ({found['where']})" if said else ""


def _parsed(expr: str) -> Any:
    try:
        return promql_parser.parse(expr)
    except ValueError:
        return None


def _children(node: Any) -> Iterable[Any]:
    for name in ("expr", "lhs", "rhs", "param", "vector_selector", "vs"):
        child = getattr(node, name, None)
        if child is not None and not isinstance(child, str):
            yield child
    yield from getattr(node, "args", None) or ()


def _walk(node: Any) -> Iterable[Any]:
    yield node
    for child in _children(node):
        yield from _walk(child)


@dataclass(frozen=True)
class Selector:
    """A metric name and its matchers, as (label, matcher text)."""

    name: str
    matchers: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """Return the selector in PromQL."""
        inside = ",".join(text for _, text in self.matchers)
        return f"{self.name}{{{inside}}}" if inside else self.name


_SIGNS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}


def selectors(expr: str) -> list[Selector]:
    """Return the selectors with a name that an expression has, each once; none for what does not parse."""
    tree = _parsed(expr)
    nodes = [] if tree is None else [node for node in _walk(tree) if isinstance(node, promql_parser.VectorSelector)]
    return list(dict.fromkeys(_selector(node) for node in nodes if node.name))


def _selector(node: Any) -> Selector:
    matchers = []
    for matcher in node.matchers.matchers:
        sign = _SIGNS[str(matcher.op).rsplit(".", maxsplit=1)[-1]]
        value = matcher.value.replace("\\", "\\\\").replace('"', '\\"')
        matchers.append((matcher.name, f'{matcher.name}{sign}"{value}"'))
    return Selector(node.name, tuple(matchers))


def _count(prometheus: AnswersPromQL, selector: str, since: float, until: float) -> float:
    span = max(1, math.ceil((until - since) * 1000))
    found = prometheus.query(f"count(last_over_time({selector}[{span}ms]))", until)
    return found[0].points[-1][1] if found else 0.0


def _missing(prometheus: AnswersPromQL, selector: Selector, since: float, until: float, recorded: set[str]) -> str:
    """Return which part of a selector keeps it from matching any series; ``""`` where it matches, or is a recording rule's."""
    if selector.name in recorded or _count(prometheus, str(selector), since, until):
        return ""
    if not _count(prometheus, selector.name, since, until):
        return f"no series is called {selector.name!r}; {_nearest(selector.name, prometheus.metric_names())}"
    labels = prometheus.label_names(selector.name)
    for label, text in selector.matchers:
        if label not in labels:
            known = [name for name in labels if name != "__name__"]
            return f"no series of {selector.name} has a label {label!r}; {did_you_mean(label, known)}"
        if not _count(prometheus, f"{selector.name}{{{text}}}", since, until):
            return f"no series of {selector.name} has {text}"
    return f"no series matches {selector}"


def _nearest(name: str, known: Iterable[str]) -> str:
    said = did_you_mean(name, known)
    return said if said.startswith("did you mean") else "nothing like it was scraped"


def _peaks(prometheus: AnswersPromQL, expr: str, speed: Speed, since: float, until: float) -> list[str]:
    """Return how near every compared value came, as the user wrote it: asked for is what it is at that speed."""
    found = []
    for lhs, sign, bound in comparisons(expr):
        points = _points(prometheus, rewrite(lhs, speed), since, until)
        found.append(_peak(points, lhs, sign, bound))
    return [words for words in found if words]


def lookback(exprs: Iterable[str]) -> float:
    """Return the seconds that expressions look back on: the widest range, with its offset and the subqueries around it."""
    trees = [tree for expr in exprs if (tree := _parsed(expr)) is not None]
    return max((_reach(tree) for tree in trees), default=0.0)


def _reach(node: Any) -> float:
    own = sum(_seconds(getattr(node, name, None)) for name in ("range", "offset"))
    return own + max((_reach(child) for child in _children(node)), default=0.0)


def _seconds(value: Any) -> float:
    return value.total_seconds() if hasattr(value, "total_seconds") else 0.0


def comparisons(expr: str) -> list[tuple[str, str, float]]:
    """Return the comparisons with a number that decide an expression: left side, operator, bound."""
    tree = _parsed(expr)
    return [] if tree is None else list(_deciding(tree))


def _deciding(node: Any) -> Iterable[tuple[str, str, float]]:
    if isinstance(node, promql_parser.ParenExpr):
        yield from _deciding(node.expr)
    elif isinstance(node, promql_parser.BinaryExpr):
        sign = str(node.op)
        if sign in ("and", "or", "unless"):
            yield from _deciding(node.lhs)
            yield from _deciding(node.rhs)
        elif sign in (">", ">=", "<", "<=", "==") and isinstance(node.rhs, promql_parser.NumberLiteral):
            yield node.lhs.prettify(), sign, float(node.rhs.val)


def _points(prometheus: AnswersPromQL, expr: str, since: float, until: float) -> list[float]:
    step = max(0.05, (until - since) / STEPS)
    points = [value for series in prometheus.query_range(expr, since, until, step) for _, value in series.points]
    return [value for value in points if not math.isnan(value)]


def _peak(points: Sequence[float], lhs: str, sign: str, bound: float) -> str:
    if not points:
        return f"{lhs} had no value"
    if any(Comparison(sign, bound).holds(value) for value in points):
        return ""
    extreme, word = (min(points), "never went below") if sign.startswith("<") else (max(points), "never went above")
    if sign == "==":
        return f"{lhs} was never {bound:g}, but between {min(points):.3g} and {max(points):.3g}"
    return f"{' '.join(lhs.split())} {word} {extreme:.3g}; the rule wants {sign} {bound:g}"
