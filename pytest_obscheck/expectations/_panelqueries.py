"""The queries of panels, asked of PromQL itself: what comes back, in one of five words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from pytest_obscheck.capabilities import AnswersPromQL, Series
from pytest_obscheck.errors import LookFailed, did_you_mean
from pytest_obscheck.expectations._behind import selectors
from pytest_obscheck.panel.times import Range, written
from pytest_obscheck.panel.variables import series_text

DATA, ZERO, EMPTY, ERROR, UNJUDGED = "data", "zero", "no data", "error", "not judged"
"""What can be said of a panel."""

MADE_BY_PROMETHEUS = ("ALERTS", "ALERTS_FOR_STATE")
"""Series that are there only while some alert is; that there are none is no mistake of the panel's."""


@dataclass(frozen=True)
class Result:
    """What one query gave, and why; ``lost``: it asks for a metric that does not exist."""

    word: str
    words: str = ""
    lost: bool = False


@dataclass(frozen=True)
class Ask:
    """One query as a browser would send it: over a time range with a point every ``step`` seconds, or at its end.

    ``uid`` and ``type`` are those of its data source, ``model`` its JSON with the values of variables put in.
    """

    expr: str
    span: Range
    step: float
    instant: bool = False
    uid: str = ""
    type: str = "prometheus"
    model: Mapping[str, Any] = field(default_factory=dict)


class Queries(Protocol):
    """Asks one kind of data source, for one look."""

    def results(self, asks: Sequence[Ask]) -> list[Result]:
        """Return what each query gives."""

    def values_of(self, query: str, span: Range) -> list[str]:
        """Return what the query of a variable gives; ``LookFailed`` where it fails."""

    def why_nothing(self, expr: str) -> Result:
        """Return why a query gives nothing, as far as its data source can tell."""


@dataclass
class PromQueries:
    """Asks for one look; every question is asked once."""

    prometheus: AnswersPromQL
    _results: dict[tuple[str, Range, float], Result] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def results(self, asks: Sequence[Ask]) -> list[Result]:
        """Return what each query gives."""
        return [self._result(ask) for ask in asks]

    def _result(self, ask: Ask) -> Result:
        key = (ask.expr, ask.span, 0.0 if ask.instant else ask.step)
        if key not in self._results:
            self._results[key] = self._asked(ask)
        return self._results[key]

    def _asked(self, ask: Ask) -> Result:
        try:
            found = self._series(ask)
            return worded(found) or nothing(found, ask.expr) or self.why_nothing(ask.expr)
        except LookFailed as error:
            return Result(ERROR, f"{_reason(str(error))} in {ask.expr!r}")

    def _series(self, ask: Ask) -> list[Series]:
        if ask.instant:
            return self.prometheus.query(ask.expr, ask.span.end)
        # The last point is the end of the range: what has just begun is seen, whatever the step.
        start = ask.span.end - math.floor((ask.span.end - ask.span.start) / ask.step) * ask.step
        return self.prometheus.query_range(ask.expr, start, ask.span.end, ask.step)

    def why_nothing(self, expr: str) -> Result:
        """Return why a query gives nothing: perhaps it asks for a metric that does not exist."""
        for selector in selectors(expr):
            if selector.name not in self.names() and selector.name not in MADE_BY_PROMETHEUS:
                near = did_you_mean(selector.name, self.names())
                hint = f"; {near}" if near.startswith("did you mean") else ""
                return Result(EMPTY, f"no series is called {selector.name!r}{hint}", lost=True)
        return Result(EMPTY, f"nothing comes back for {expr!r}")

    def names(self) -> set[str]:
        """Return the names of all metrics."""
        if not self._names:
            self._names = set(self.prometheus.metric_names())
        return self._names

    def values_of(self, query: str, span: Range) -> list[str]:
        """Return what a variable's query gives: names or values of labels, names of metrics, or series as text."""
        for pattern, ask in _FUNCTIONS:
            found = re.fullmatch(pattern, query.strip(), re.DOTALL)
            if found:
                try:
                    return ask(self, found, span)
                except LookFailed as error:
                    raise LookFailed(_reason(str(error))) from None
        raise LookFailed("it is empty")

    def _label_names(self, found: re.Match[str], span: Range) -> list[str]:
        return sorted(self.prometheus.label_names(found[1].strip() or '{__name__=~".+"}'))

    def _label_values(self, found: re.Match[str], span: Range) -> list[str]:
        label = found[2].strip()
        selector = (found[1] or "").strip().rstrip(",").strip() or f'{{{label}!=""}}'
        series = self.prometheus.query(f"count by ({label}) ({_over(selector, span)})", span.end)
        return sorted(value for each in series if (value := each.labels.get(label, "")))

    def _metrics(self, found: re.Match[str], span: Range) -> list[str]:
        return sorted(name for name in self.names() if re.search(found[1].strip(), name))

    def _query_result(self, found: re.Match[str], span: Range) -> list[str]:
        series = self.prometheus.query(found[1], span.end)
        return [series_text(each.labels, _sample(each)) for each in series]

    def _series_texts(self, found: re.Match[str], span: Range) -> list[str]:
        return [series_text(each.labels) for each in self.prometheus.query(_over(found[1], span), span.end)]


_FUNCTIONS = (
    (r"label_names\((.*)\)", PromQueries._label_names),  # noqa: SLF001
    (r"label_values\((.+,)?\s*([a-zA-Z_]\w*)\s*\)", PromQueries._label_values),  # noqa: SLF001
    (r"metrics\((.*)\)", PromQueries._metrics),  # noqa: SLF001
    (r"query_result\((.+)\)", PromQueries._query_result),  # noqa: SLF001
    (r"(.+)", PromQueries._series_texts),  # noqa: SLF001
)
"""The functions of the Prometheus data source for variables, in Grafana's notation."""


def _over(selector: str, span: Range) -> str:
    return f"last_over_time({selector}[{written(span.end - span.start)}])"


def _sample(series: Series) -> str:
    at, value = series.points[-1]
    return f"{value:g} {at * 1000:.0f}"


def _reason(words: str) -> str:
    """Return Prometheus's own words alone, without who answered what."""
    return words.partition("answered the query with 400: ")[2] or words


def nothing(found: Sequence[Series], expr: str) -> Result | None:
    """Return that there are series and not one number; ``None`` where there are none."""
    return Result(EMPTY, f"every value is NaN, of {expr!r}") if found else None


def worded(found: Iterable[Series]) -> Result | None:
    """Return whether series hold data, or nothing but zeros; ``None`` where they hold no number."""
    numbers = [value for series in found for _, value in series.points if not math.isnan(value)]
    if not numbers:
        return None
    return Result(DATA) if any(numbers) else Result(ZERO)
