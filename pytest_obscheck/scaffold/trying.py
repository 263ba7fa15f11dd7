"""Whether the engine agrees with a plot: promtool plays its rule over the made-up series, calm, harmed, and calm again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_obscheck.rulelab.lintrules import Rule
from pytest_obscheck.rulelab.promtool import Answer, Query, Trial, ask
from pytest_obscheck.rulelab.series import STORY, Series
from pytest_obscheck.scaffold.exporters import Cast, Exporter
from pytest_obscheck.scaffold.plots import LONGEST, STEP, Line, Plot
from pytest_obscheck.speed.durations import spelled
from pytest_obscheck.speed.promql import OF_TIME
from pytest_obscheck.speed.trees import Kind, Tree, parsed
from pytest_obscheck.synthetic.notation import samples

ACTIVE = "it is active over series that are calm for other alerts"
SILENT = "promtool played it over made-up series, and it did not fire"
LASTING = "promtool played it over made-up series, and it was not resolved"


@dataclass(frozen=True)
class Phases:
    """How many samples a trial has while all is well, while the alert should fire, and until it must be resolved."""

    calm: int
    harm: int
    after: int

    def ends(self) -> tuple[int, int, int]:
        """Return the number of the last sample of each phase."""
        return self.calm - 1, self.calm + self.harm - 1, self.calm + self.harm + self.after - 1


@dataclass(frozen=True)
class Trials:
    """Plays plots offline; ``step``: seconds between scrapes, ``pace``: of one scrape and one evaluation.

    ``recordings``: rules that record, by name, the first of each name.
    """

    promtool: Path
    step: float
    pace: float
    recordings: Mapping[str, Rule]

    def wrong(self, made: Cast, plots: Sequence[Plot]) -> list[str]:
        """Return for each plot why its story would not be what it says; ``""`` where the engine agrees."""
        answers = ask(self.promtool, [self._trial(made, each) for each in plots])
        return [_said(each, answer) for each, answer in zip(plots, answers, strict=True)]

    def _trial(self, made: Cast, plot: Plot) -> Trial:
        rule, recorded = plot.rule, self._needed(plot.rule)
        read = {name for each in (rule, *recorded) for name in _names(each)}
        phases = self._phases(plot)
        series = [each for exporter in made.exporters for each in self._series(exporter, plot, read, phases)]
        alert = {"alert": rule.name, "expr": rule.expr, "for": _spelled(rule.hold)}
        alert |= {"keep_firing_for": _spelled(rule.keeps)} if rule.keeps else {}
        before = [{"record": each.name, "expr": each.expr, "labels": dict(each.labels)} for each in recorded]
        names = frozenset() if "" in read or "ALERTS" in read else frozenset({rule.name, *read})
        queries = [Query(str(at), _asked(rule, at > 0), end * self._step()) for at, end in enumerate(phases.ends())]
        return Trial(
            alert, [each.notation() for each in series], self._step(), _start((rule, *recorded)), queries, names, before
        )

    def _step(self) -> int:
        return round(self.step * 1000)

    def _phases(self, plot: Plot) -> Phases:
        filled = min(plot.range, LONGEST) + 2 * self.pace
        spans = (filled, plot.firing(self.pace), plot.quiet(self.pace)) if not plot.unclear else (filled, self.step, self.step)
        calm, harm, after = (math.ceil(span / self.step) for span in spans)
        return Phases(calm + 1, harm, after)

    def _needed(self, rule: Rule) -> list[Rule]:
        """Return the recording rules on which a rule rests, each after those that it rests on."""
        found: dict[str, Rule] = {}

        def visit(reader: Rule, above: tuple[str, ...]) -> None:
            for name in _names(reader):
                recorded = self.recordings.get(name)
                if recorded is not None and name not in found and name not in above:
                    visit(recorded, (*above, name))
                    found[name] = recorded

        visit(rule, ())
        return list(found.values())

    def _series(self, exporter: Exporter, plot: Plot, read: set[str], phases: Phases) -> Iterator[Series]:
        """Yield what is scraped of an exporter, as far as it is read."""
        harmed = {line.selector(): line.harm for line in plot.lines if line.harm and line.member == exporter.name}
        down = plot.down == exporter.name and not plot.unclear
        for host in exporter.hosts:
            target = {"job": exporter.job or exporter.name, "instance": host}
            if "up" in read and exporter.exposes():
                up = [1.0] * phases.calm + [0.0 if down else 1.0] * phases.harm + [1.0] * phases.after
                yield Series({"__name__": "up", **target}, tuple(up))
            for selector, line in exporter.series.items():
                if line.name in read:
                    values = self._values(line, "_x9" if down else harmed.get(selector, ""), phases)
                    yield Series({**target, **line.labels, "__name__": line.name}, tuple(values))

    def _values(self, line: Line, harm: str, phases: Phases) -> Iterator[float | None]:
        """Yield the samples of a series; a counter goes on from where it stands, as in a script."""
        parts = (line.calm, phases.calm), (harm or line.calm, phases.harm), (line.calm, phases.after)
        stands = 0.0
        for text, count in parts:
            played = samples(text)
            ahead = stands - _number(played.at(0.0, STEP), stands) if line.counter else 0.0
            for number in range(1, count + 1):
                value = played.at(number * self.step, STEP)
                stands = _number(value, stands - ahead) + ahead
                yield None if value is None else stands


def _number(value: object, other: float) -> float:
    """Return a value that is a number; no line of a plot is a native histogram."""
    return value if isinstance(value, float) else other


def _names(rule: Rule) -> list[str]:
    """Return the metrics that a rule reads."""
    return [node.name for node in _nodes(rule) if node.kind is Kind.SELECTOR]


def _start(rules: Sequence[Rule]) -> int:
    """Return the instant at which a trial begins, in milliseconds: rules that ask for the time are asked at a real one."""
    asked = any(node.kind is Kind.CALL and node.name in OF_TIME for rule in rules for node in _nodes(rule))
    return STORY if asked else 0


def _nodes(rule: Rule) -> list[Tree]:
    """Return all parts of an expression; none where it does not parse."""
    try:
        return list(parsed(rule.expr).walk())
    except ValueError:
        return []


def _spelled(seconds: float) -> str:
    return spelled(round(seconds * 1000))


def _asked(rule: Rule, firing: bool) -> str:
    state = ',alertstate="firing"' if firing else ""
    return f'count(ALERTS{{alertname="{rule.name}"{state}}})'


def _said(plot: Plot, answer: Answer) -> str:
    if answer.error:
        return f"promtool cannot play it: {answer.error}"
    calm, harm, after = (bool(answer.values.get(str(at))) for at in range(3))
    if calm:
        return ACTIVE
    if plot.unclear:
        return ""
    return SILENT if not harm else LASTING if after else ""
