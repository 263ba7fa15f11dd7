"""Every panel of a dashboard is run, and gets its word: data, zero, no data, error, or not judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pytest_obscheck.errors import LookFailed, did_you_mean
from pytest_obscheck.expectations._datasources import UNASKED, Provisioned, Sources
from pytest_obscheck.expectations._panelqueries import DATA, EMPTY, ERROR, UNJUDGED, ZERO, Ask, Queries, Result
from pytest_obscheck.panel.boards import Board, Panel, Source, Target
from pytest_obscheck.panel.formats import Value, for_promql
from pytest_obscheck.panel.interpolation import interpolated, references
from pytest_obscheck.panel.times import POINTS, Range, duration, interval, interval_values, moment
from pytest_obscheck.panel.unfold import unfolded
from pytest_obscheck.panel.variables import Resolver

HARMLESS = {
    "calculateField", "convertFieldType", "formatString", "formatTime", "groupBy", "groupToNestedTable", "groupingToMatrix",
    "joinByLabels", "labelsToFields", "merge", "organize", "partitionByValues", "prepareTimeSeries", "reduce", "renameByRegex",
    "rowsToFields", "seriesToRows", "sortBy", "timeSeriesTable", "transpose",
}  # fmt: skip
"""Transformations that leave a viewer with something to see, where there was something before."""


@dataclass(frozen=True)
class Finding:
    """What is said of one panel."""

    board: str
    panel: str
    word: str
    words: str = ""


@dataclass(frozen=True, eq=False)
class Waiting:
    """A query of a panel that is still to be asked: of whom, as it is written in the file, and what its variables stand for."""

    asker: Queries
    ask: Ask
    query: str
    values: Mapping[str, Value]


@dataclass
class BoardRun:
    """One dashboard while its panels are run; ``now`` is the Unix second that they are run for."""

    board: Board
    sources: Sources
    askers: Mapping[str, Queries]
    now: float
    given: Mapping[str, str] = field(default_factory=dict)
    length: float = 0.0
    _resolver: Resolver | None = None

    def findings(self) -> list[Finding]:
        """Return a finding for every panel that a viewer would see."""
        span = self._span()
        self._resolver = Resolver(self.board.variables, self, span, self.given)
        self._resolver.values["__dashboard"] = Value((self.board.title,))
        self._resolver.resolve()
        panels = list(unfolded(self.board.panels, self._resolver.values))
        parts = [self._parts(panel, span) for panel in panels]
        told = answered(part for own in parts for part in own if isinstance(part, Waiting))
        results = {id(panel): _result(panel, own, told) for panel, own in zip(panels, parts, strict=True)}
        return [self._finding(panel, panels, results) for panel in panels]

    def _span(self) -> Range:
        if self.length:
            return Range(self.now - self.length, self.now)
        try:
            return Range(moment(self.board.start, self.now), moment(self.board.end, self.now, end=True))
        except ValueError as error:
            raise LookFailed(f"{self.board.where}: {error}") from None

    def _finding(self, panel: Panel, panels: Sequence[Panel], results: Mapping[int, Result]) -> Finding:
        result = results[id(panel)]
        other = next((each for each in panels if each.id == panel.shares and each is not panel), None)
        if panel.shares is not None and other is not None:
            result = results[id(other)]
        return Finding(self.board.title, panel.title, result.word, result.words)

    # ── what variables ask for ───────────────────────────────────────────────

    def values_of(self, source: Source, query: str) -> list[str]:
        """Return what a query of a variable gives."""
        found = self._source(source)
        if found.type not in self.askers:
            raise LookFailed(_nobody_answers(found.type))
        return self.askers[found.type].values_of(query, self._span())

    def uids(self, type_: str) -> list[str]:
        """Return the uids of the data sources of a type."""
        return self.sources.uids(type_)

    def _source(self, source: Source) -> Provisioned:
        kinds = {each.name: each.query for each in self.board.variables if each.type == "datasource"}
        named = [name for name in references(source.uid) if name in kinds]
        values = self._resolver.values if self._resolver else {}
        return self.sources.of(Source(interpolated(source.uid, values), kinds[named[0]] if named else source.type))

    # ── panels ───────────────────────────────────────────────────────────────

    def _parts(self, panel: Panel, span: Range) -> list[Result | Waiting]:
        return [] if panel.trouble else [self._prepared(panel, target, span) for target in panel.targets]

    def _prepared(self, panel: Panel, target: Target, span: Range) -> Result | Waiting:
        """Return a query that can be asked, or what is known of it without asking."""
        try:
            source = self._source(target.source)
            trouble = self._trouble(target)
            if source.type in UNASKED or source.type == "__expr__":
                return Result(UNJUDGED, UNASKED.get(source.type, f"expression {target.ref} is worked out by Grafana itself"))
            if source.type not in self.askers:
                return Result(UNJUDGED, _nobody_answers(source.type))
            return trouble or self._filled(self.askers[source.type], panel, target, span, source)
        except (LookFailed, ValueError) as error:
            return Result(ERROR, str(error))

    def _trouble(self, target: Target) -> Result | None:
        """Return that a variable which the query needs could not be resolved."""
        troubles = self._resolver.troubles if self._resolver else {}
        names = [name for name in references(f"{target.query} {target.source.uid}") if name in troubles]
        return Result(ERROR, troubles[names[0]]) if names else None

    def _filled(self, asker: Queries, panel: Panel, target: Target, span: Range, source: Provisioned) -> Result | Waiting:
        values = {**(self._resolver.values if self._resolver else {}), **panel.scope}
        if not target.query:
            return Result(UNJUDGED, f"query {target.ref} is empty")
        span = _own_span(panel, span, values)
        least, low = interpolated(target.step, values), interpolated(panel.least, values)
        scrape = duration(least) if least and "$" not in least else source.scrape
        step = interval(span, panel.points or POINTS, scrape if least else duration(low) if low else source.scrape)
        around = {**values, **span.values(), **interval_values(step, scrape)}
        expr = interpolated(target.query, around, for_promql)
        model = {name: interpolated(v, around, for_promql) if isinstance(v, str) else v for name, v in target.model.items()}
        ask = Ask(expr, span, step * target.factor, target.instant, source.uid, source.type, model)
        return Waiting(asker, ask, target.query, around)


def answered(every: Iterable[Waiting]) -> dict[Waiting, Result]:
    """Return what queries give; those whom one data source answers are asked together."""
    by_asker: dict[int, list[Waiting]] = {}
    for each in every:
        by_asker.setdefault(id(each.asker), []).append(each)
    told = {}
    for alike in by_asker.values():
        results = alike[0].asker.results([each.ask for each in alike])
        told.update({each: _hinted(result, each) for each, result in zip(alike, results, strict=True)})
    return told


def _result(panel: Panel, parts: Sequence[Result | Waiting], told: Mapping[Waiting, Result]) -> Result:
    if panel.trouble:
        return Result(UNJUDGED, panel.trouble)
    if not panel.targets:
        return Result(UNJUDGED, f"a panel of type {panel.type!r} that asks for nothing")
    return _reshaped(panel, together([told[part] if isinstance(part, Waiting) else part for part in parts]))


def _hinted(result: Result, asked: Waiting) -> Result:
    """Say of a query that shows nothing what a variable has to do with it: it does not exist, or has no value."""
    if result.word not in (EMPTY, ERROR):
        return result
    values = asked.values
    unknown = next((name for name in references(asked.ask.expr) if name not in values), None)
    if unknown:
        return Result(ERROR, f"there is no variable ${unknown}; {did_you_mean(unknown, values)}")
    bare = next((name for name in references(asked.query) if name in values and not values[name].values), None)
    return replace(result, words=f"{result.words}, for ${bare} has no value") if bare and not result.lost else result


def _own_span(panel: Panel, span: Range, values: Mapping[str, Value]) -> Range:
    """Return the time range of a panel that has its own, or shifts the dashboard's."""
    shift = duration(interpolated(panel.shift, values)) if panel.shift else 0.0
    length = duration(interpolated(panel.span, values).removeprefix("now-")) if panel.span else span.end - span.start
    return Range(span.end - shift - length, span.end - shift)


def _nobody_answers(type_: str) -> str:
    return f"no member of the stack answers queries of type {type_!r}"


def together(results: Iterable[Result]) -> Result:
    """Return what all queries of a panel come to: one that fails or asks for what does not exist is the panel's."""
    every = list(results)
    first = next((each for each in every if each.word == ERROR or each.lost), None)
    if first is not None:
        return first
    for word in (DATA, ZERO, UNJUDGED, EMPTY):
        found = next((each for each in every if each.word == word), None)
        if found is not None:
            return found
    return Result(UNJUDGED, "it asks for nothing")


def _reshaped(panel: Panel, result: Result) -> Result:
    """Return that a panel with data is not judged all the same, where a transformation may throw all of it away."""
    kinds = [str(each.get("id")) for each in panel.reshaped]
    risky = next((kind for kind in kinds if kind not in HARMLESS), None)
    if risky is None or result.word not in (DATA, ZERO):
        return result
    return Result(UNJUDGED, f"its queries give {result.word}; the transformation {risky!r} is Grafana's own")


def every_finding(runs: Iterable[BoardRun]) -> Iterator[Finding]:
    """Yield the findings of all dashboards; one that cannot be run at all is one finding."""
    for run in runs:
        try:
            yield from run.findings()
        except LookFailed as error:
            yield Finding(run.board.title, "every panel", ERROR, str(error))
