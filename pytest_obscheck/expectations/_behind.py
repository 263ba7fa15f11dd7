"""Why an alert stayed quiet: the series behind its expression and its recording rules, and the value that it compares."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import promql_parser

from pytest_obscheck.capabilities import AnswersPromQL, Series
from pytest_obscheck.errors import LookFailed, did_you_mean
from pytest_obscheck.expectations._afterwards import held
from pytest_obscheck.expectations._behindlogs import LogsBehind
from pytest_obscheck.expectations._courses import Compared, courses, peaks_in, said
from pytest_obscheck.journal import Journal
from pytest_obscheck.matching import braces, expanded, subset
from pytest_obscheck.protocols import Stack
from pytest_obscheck.signals import AnswersLogQL
from pytest_obscheck.speed import Speed, rewrite

STEPS = 1000
"""At how many instants of the story the compared value is computed: a peak between two of them is not seen."""

ALIKE = 0.8
"""How much of two names of metrics must be the same for the one to be a slip of the pen for the other."""

_ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


@dataclass(frozen=True)
class Behind:
    """The series behind one alert with such labels, over the whole story. Looked at once, when the story is over."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()
    every: float = 0.0

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``expr``, ``where``, ``missing``, ``lacking``, ``here``, ``peaks`` and ``courses``.

        ``missing``: selectors without series, with the nearest name; ``lacking``: those of them that no value could help.
        ``here``: those whose series are all of others than the labels say. ``courses``: for each compared value, what came
        nearest to its limit in each slice of the story, with the slice's middle in Unix seconds.
        ``held``: at which Unix seconds the rule finds something, were it evaluated then.
        ``states``: since which Unix second the alert was ``pending`` and ``firing``, where it was.
        """
        rule = next((rule for rule in stack.plan.facts.alerts if rule.name == self.name), None)
        if rule is None:
            raise LookFailed(f"no rule file has an alert {self.name!r}")
        recordings = stack.plan.facts.recordings
        # What the rule itself puts onto the alert, no series has.
        labels = {name: value for name, value in self.labels if name not in rule.labels}
        logs = stack.all(AnswersLogQL).get(rule.member)
        if logs is not None:
            told = LogsBehind(logs, since, until, labels).told(rule.expr)
            return {"expr": rule.expr, "where": rule.where, "here": [], "states": {}, **told}
        asked = _Asked(stack.that(AnswersPromQL), since, until, labels)
        # Another one may have other samples.
        evaluator = stack.all(AnswersPromQL).get(rule.member) if rule.member else asked.prometheus
        raw = _raw(rule.expr, recordings)
        return {
            "expr": rule.expr,
            "where": rule.where,
            **asked.absent(raw),
            "here": said(map(asked.missing_here, raw)) if labels else [],
            "states": asked.states(self.name),
            **asked.courses(rule.expr, stack.plan.pace.speed),
            **held(evaluator, rule.expr, recordings, stack.plan.pace.speed, (since, until, asked.step)),
        }

    def __str__(self) -> str:
        """Return the key."""
        return f"behind {self.name}{braces(dict(self.labels))}"


@dataclass(frozen=True)
class Beneath:
    """The series that an expression of a story reads, over the whole story. Looked at once, when the story is over."""

    expr: str
    every: float = 0.0

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``missing`` (selectors without series, with the nearest name) and ``lacking`` (those no value could help)."""
        return _Asked(stack.that(AnswersPromQL), since, until, {}).absent(_raw(self.expr, stack.plan.facts.recordings))

    def __str__(self) -> str:
        """Return the key."""
        return f"beneath {self.expr}"


def why_absent(journal: Journal, beneath: Beneath) -> str:
    """Return why an expression had no series, from the autopsy; ``""`` where it says nothing."""
    event = journal.last("autopsy", key=str(beneath))
    return "; ".join(event.data.get("data", {}).get("missing", ())) if event else ""


def why_quiet(journal: Journal, behind: Behind, inside: Callable[[float], bool] = lambda _: True) -> str:
    """Return why an alert was not active, from the autopsy; ``""`` where it says nothing.

    ``inside``: whether a Unix second is one that matters. A value that went over its limit at another time says nothing.
    """
    event = journal.last("autopsy", key=str(behind))
    if event is None or "error" in event.data:
        return ""
    found = event.data["data"]
    words = found["missing"] or found.get("here") or found["peaks"] or peaks_in(found.get("courses", ()), inside)
    return f"{'; '.join(words)} ({found['where']})" if words else ""


def active_since(journal: Journal, behind: Behind) -> dict[str, float]:
    """Return since which Unix second an alert was pending and firing, from the autopsy; nothing where it says nothing."""
    event = journal.last("autopsy", key=str(behind))
    found: dict[str, float] = event.data.get("data", {}).get("states", {}) if event else {}
    return found


def what_lacks(journal: Journal, look: Behind | Beneath) -> str:
    """Return which metric or label there is none of, from the autopsy; ``""`` where it says nothing."""
    event = journal.last("autopsy", key=str(look))
    found = event.data.get("data", {}) if event else {}
    lacking = "; ".join(found.get("lacking", ()))
    return f"{lacking} ({found['where']})" if lacking and "where" in found else lacking


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


def _raw(expr: str, recordings: Mapping[str, str]) -> list[Selector]:
    """Return the selectors of scraped series behind an expression, through the recording rules that it names."""
    return [each for text in expanded(expr, recordings) for each in selectors(text) if each.name not in recordings]


def _selector(node: Any) -> Selector:
    matchers = []
    for matcher in node.matchers.matchers:
        sign = _SIGNS[str(matcher.op).rsplit(".", maxsplit=1)[-1]]
        matchers.append((matcher.name, f'{matcher.name}{sign}"{_quoted(matcher.value)}"'))
    return Selector(node.name, tuple(matchers))


@dataclass(frozen=True)
class _Asked:
    """A Prometheus, asked about a story's time and what has the wanted labels."""

    prometheus: AnswersPromQL
    since: float
    until: float
    labels: Mapping[str, str]

    @property
    def step(self) -> float:
        """Return how many seconds lie between two instants at which something is computed."""
        return max(0.05, (self.until - self.since) / STEPS)

    def count(self, name: str, matchers: Iterable[str]) -> float:
        """Return how many series there were."""
        span = max(1, math.ceil((self.until - self.since) * 1000))
        inside = f"{{{','.join(matchers)}}}"
        found = self.prometheus.query(f"count(last_over_time({name}{inside}[{span}ms]))", self.until)
        return found[0].points[-1][1] if found else 0.0

    def absent(self, every: Sequence[Selector]) -> dict[str, list[str]]:
        """Return ``missing`` and ``lacking``: what keeps selectors from matching, and that of it which no value could help."""
        found = [self.missing(each) for each in every]
        return {"missing": said(words for words, _ in found), "lacking": said(words for words, hopeless in found if hopeless)}

    def missing(self, selector: Selector) -> tuple[str, bool]:
        """Return which part of a selector keeps it from matching any series, and whether no value of a label could help.

        The words are ``""`` where it matches.
        """
        texts = [text for _, text in selector.matchers]
        if self.count(selector.name, texts):
            return "", False
        if not self.count(selector.name, ()):
            return f"no series is called {selector.name!r}; {_nearest(selector.name, self.prometheus.metric_names())}", True
        labels = self.prometheus.label_names(selector.name)
        for label, text in selector.matchers:
            if label not in labels:
                known = [name for name in labels if name != "__name__"]
                return f"no series of {selector.name} has a label {label!r}; {did_you_mean(label, known)}", True
            if not self.count(selector.name, [text]):
                return f"no series of {selector.name} has {text}", False
        return f"no series matches {selector}", False

    def missing_here(self, selector: Selector) -> str:
        """Return that a selector matches series, but none of what the alert should be about."""
        texts, labels = [text for _, text in selector.matchers], self.prometheus.label_names(selector.name)
        here = [_matcher(label, value) for label, value in self.labels.items() if label in labels]
        if not here or not self.count(selector.name, here) or self.count(selector.name, [*texts, *here]):
            return ""
        return f"no series {selector} has {', '.join(here)}"

    def states(self, name: str) -> dict[str, float]:
        """Return since when the alert was in each state, by the samples that Prometheus wrote for it."""
        span = max(1, math.ceil((self.until - self.since) * 1000))
        every = self.prometheus.query(f'ALERTS{{alertname="{name}"}}[{span}ms]', self.until)
        found: dict[str, float] = {}
        for series in self._mine(every):
            state, began = series.labels.get("alertstate", ""), min(at for at, _ in series.points)
            found[state] = min(began, found.get(state, began))
        return found

    def courses(self, expr: str, speed: Speed) -> dict[str, Any]:
        """Return how near every compared value came, as the user wrote it: asked for is what it is at that speed."""
        return courses(((each, self._points(rewrite(each.lhs, speed))) for each in comparisons(expr)), self.since, self.until)

    def _points(self, expr: str) -> list[tuple[float, float]]:
        every = self._mine(self.prometheus.query_range(expr, self.since, self.until, self.step))
        return [(at, value) for series in every for at, value in series.points if not math.isnan(value)]

    def _mine(self, every: Sequence[Series]) -> list[Series]:
        """Return the series that have the labels; a sum without labels is of everybody."""
        wanted = {name: value for name, value in self.labels.items() if any(name in series.labels for series in every)}
        return [series for series in every if subset(series.labels, wanted)]


def _matcher(label: str, value: str) -> str:
    sign, text = ("=~", value[1:]) if value.startswith("~") else ("=", value)
    return f'{label}{sign}"{_quoted(text)}"'


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _nearest(name: str, known: Iterable[str]) -> str:
    """Return the nearest metric: of the same family where one is alike, of another only where hardly a letter differs."""
    every, family = set(known), name.partition("_")[0]
    said = did_you_mean(name, [each for each in every if each.partition("_")[0] == family])
    if not said.startswith("did you mean"):
        said = did_you_mean(name, get_close_matches(name, every, cutoff=ALIKE))
    return said if said.startswith("did you mean") else "nothing like it was scraped"


def lookback(exprs: Iterable[str]) -> float:
    """Return the seconds that expressions look back on: the widest range, with its offset and the subqueries around it."""
    trees = [tree for expr in exprs if (tree := _parsed(expr)) is not None]
    return max((_reach(tree) for tree in trees), default=0.0)


def _reach(node: Any) -> float:
    own = sum(_seconds(getattr(node, name, None)) for name in ("range", "offset"))
    return own + max((_reach(child) for child in _children(node)), default=0.0)


def _seconds(value: Any) -> float:
    return value.total_seconds() if hasattr(value, "total_seconds") else 0.0


def comparisons(expr: str) -> list[Compared]:
    """Return the comparisons with a number that decide an expression."""
    tree = _parsed(expr)
    return [] if tree is None else list(_deciding(tree))


def _deciding(node: Any) -> Iterable[Compared]:
    if isinstance(node, promql_parser.ParenExpr):
        yield from _deciding(node.expr)
    elif isinstance(node, promql_parser.BinaryExpr):
        sign = str(node.op)
        if sign in ("and", "or", "unless"):
            yield from _deciding(node.lhs)
            yield from _deciding(node.rhs)
        elif sign in (">", ">=", "<", "<=", "==") and (bound := _constant(node.rhs)) is not None:
            yield Compared(node.lhs.prettify(), sign, bound)


def _constant(node: Any) -> float | None:
    """Return the number that an expression is: limits are also written as ``14.4 * 0.001``."""
    if isinstance(node, promql_parser.NumberLiteral):
        return float(node.val)
    if isinstance(node, promql_parser.ParenExpr):
        return _constant(node.expr)
    if not isinstance(node, promql_parser.BinaryExpr) or str(node.op) not in _ARITHMETIC:
        return None
    left, right = _constant(node.lhs), _constant(node.rhs)
    return None if left is None or not right else float(_ARITHMETIC[str(node.op)](left, right))
