"""Every panel of every dashboard shows something."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pytest_obscheck.capabilities import AnswersPromQL
from pytest_obscheck.errors import LookFailed, did_you_mean
from pytest_obscheck.expectations._datasources import Sources, read_sources
from pytest_obscheck.expectations._grafanaqueries import through
from pytest_obscheck.expectations._logqueries import LogQueries
from pytest_obscheck.expectations._panelqueries import DATA, EMPTY, ERROR, UNJUDGED, ZERO, PromQueries, Queries
from pytest_obscheck.expectations._panels import BoardRun, every_finding
from pytest_obscheck.panel import boards
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Look, Stack
from pytest_obscheck.signals import AnswersLogQL, ShowsDashboards
from pytest_obscheck.when import Duration, Sight, Window, seconds, spoken

LAG = 0.3
"""Seconds by which queries stay behind, so that samples that are being written are there."""


@dataclass(frozen=True)
class Panels:
    """What every panel shows at one moment; ``variables`` are pairs, so that equal looks are one."""

    path: str
    datasources: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    range: Duration = ""
    every: float = 1.0

    def look(self, stack: Stack, since: float, until: float) -> list[dict[str, str]]:
        """Return a finding for every panel: ``board``, ``panel``, ``word`` and ``words``."""
        home = stack.plan.home
        found, problems = boards.read(home / self.path, home)
        sources, wrong = read_sources(home / self.datasources, home) if self.datasources else (Sources(), [])
        if problems or wrong:
            raise LookFailed(str([*problems, *wrong][0]))
        length = seconds(self.range) if self.range else 0.0
        askers = _askers(stack)
        for grafana in list(stack.all(ShowsDashboards).values())[:1]:
            sources, askers = through(grafana, askers)
        runs = [BoardRun(board, sources, askers, until - LAG, dict(self.variables), length) for board in found]
        return [asdict(finding) for finding in every_finding(runs)]

    def __str__(self) -> str:
        """Return the key."""
        fixed = "".join(f" {name}={value}" for name, value in self.variables)
        return " ".join(part for part in ("dashboard", self.path, self.datasources, self.range) if part) + fixed


def _askers(stack: Stack) -> dict[str, Queries]:
    """Return who answers the queries of which type of data source."""
    askers: dict[str, Queries] = {}
    for metrics in list(stack.all(AnswersPromQL).values())[:1]:
        askers["prometheus"] = PromQueries(metrics)
    for logs in list(stack.all(AnswersLogQL).values())[:1]:
        askers["loki"] = LogQueries(logs)
    return askers


@dataclass(frozen=True)
class Dashboard:
    """Every panel of a dashboard, or of all dashboards of a folder, shows data or zeros.

    ``path`` and ``datasources`` (what Grafana's data sources are provisioned with) begin at the folder of stack.yaml. ``range``
    replaces the time range of the files, ``variables`` fixes values that a viewer would pick. ``panels`` judges only these,
    ``empty`` names those that may show nothing; both by title, or by ``dashboard / title``. What only Grafana itself can work
    out (an expression, a transformation that may throw rows away) is not judged.
    """

    path: str
    datasources: str = ""
    panels: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    range: Duration | None = None

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield what is wrong with the files, and the titles that no panel has."""
        found, wrong = boards.read(plan.home / self.path, plan.home)
        if self.datasources:
            wrong = [*wrong, *read_sources(plan.home / self.datasources, plan.home)[1]]
        yield from (f"dashboard: {problem}" for problem in wrong)
        known = [name for board in found for panel in boards.every(board.panels) for name in _names(board.title, panel.title)]
        for title in (*self.panels, *self.empty) if found else ():
            if title not in known and not any("$" in name for name in known):
                yield f"dashboard: no panel is called {title!r}; {did_you_mean(title, known)}"
        names = {variable.name for board in found for variable in board.variables}
        for name in self.variables:
            if name not in names:
                yield f"dashboard: no dashboard has a variable {name!r}; {did_you_mean(name, names)}"

    def evidence(self) -> Look:
        """Return the look at every panel."""
        return Panels(self.path, self.datasources, tuple(sorted(self.variables.items())), self.range or "")

    def holds(self, history: History) -> Sequence[Sight]:
        """Return a sight for every look; one that does not hold names every panel that shows nothing, and why."""
        sights = []
        for event in history.looks:
            at = history.story(event.wall)
            if "error" in event.data:
                sights.append(Sight(at, None, event.data["error"]))
            else:
                sights.append(self._sight(at, event.data["data"]))
        return sights

    def _sight(self, at: float, findings: Sequence[Mapping[str, Any]]) -> Sight:
        judged = [each for each in findings if not self.panels or set(self.panels) & set(_names(each["board"], each["panel"]))]
        red = [each for each in judged if self._red(each)]
        if red:
            return Sight(at, holds=False, words="\n".join(_line(each) for each in red))
        count = Counter(each["word"] for each in judged)
        if not judged or set(count) == {UNJUDGED}:
            why = next((each["words"] for each in judged), "no panel is left to judge")
            return Sight(at, None, f"no panel could be judged: {why}")
        said = ", ".join(f"{count[word]} {word}" for word in (DATA, ZERO, EMPTY, UNJUDGED) if count[word])
        return Sight(at, holds=True, words=f"{len(judged)} panels at {spoken(at)}: {said}")

    def _red(self, finding: Mapping[str, Any]) -> bool:
        if finding["word"] == EMPTY:
            return not set(self.empty) & set(_names(finding["board"], finding["panel"]))
        return bool(finding["word"] == ERROR)

    def tell(self, history: History, window: Window) -> str:
        """Return nothing: the last look says it."""
        return ""

    def __str__(self) -> str:
        """Return the expectation in words."""
        name = Path(self.path).name
        said = f"every panel of {name}" if not self.panels else f"{', '.join(self.panels)} of {name}"
        return f"{said} shows data" if not self.panels or len(self.panels) == 1 else f"{said} show data"


def _names(board: str, panel: str) -> tuple[str, str]:
    return panel, f"{board} / {panel}"


def _line(finding: Mapping[str, Any]) -> str:
    return f"{finding['board']} / {finding['panel']}: {finding['word']}: {finding['words']}"
