"""Lines of a log appear, or stay away."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.clock import Clock, SystemClock
from pytest_obscheck.expectations._arrivals import moments
from pytest_obscheck.matching import Comparison, ComparisonText
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Stack
from pytest_obscheck.signals import AnswersLogs, LogFilter
from pytest_obscheck.when import Duration, Sight, Window, seconds, spoken

SETTLE = 0.7
"""Seconds that a look waits: a line that was written before it is with the store by then."""

SHOWN = 160
"""Characters of a line that a report shows."""

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Lines:
    """The lines that a query or a filter finds, looked for once a second."""

    query: str
    labels: Pairs = ()
    fields: Pairs = ()
    contains: str = ""
    matches: str = ""
    store: str = ""
    clock: Clock = field(default_factory=SystemClock, compare=False)
    every: float = 1.0

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``since``, ``until`` and ``lines``: ``at``, ``text`` and ``labels`` of each."""
        store = stack.that(AnswersLogs, named=self.store or None)
        self.clock.sleep(until + SETTLE - self.clock.now())
        if self.query:
            found = store.query_lines(self.query, since, until)
        else:
            wanted = LogFilter(dict(self.labels), dict(self.fields), self.contains, self.matches)
            found = store.find_lines(wanted, since, until)
        lines = [{"at": line.at, "text": line.text, "labels": dict(line.labels)} for line in found]
        return {"since": since, "until": until, "lines": lines}

    def __str__(self) -> str:
        """Return the key."""
        return " ".join(["logs", *([self.store] if self.store else []), _said(self)])


@dataclass(frozen=True)
class Logs:
    """A line of a log: each that is found holds for its instant, so ``once`` means one line and ``never`` none.

    Either ``query`` in the store's own language (LogQL), or what every store understands: ``labels`` of the stream, text that
    the line ``contains``, a regex that it ``matches``, ``json`` fields (``user.id`` reaches inside) and its ``level``, which
    is a field, too. ``~regex`` is one for a label or a field. With ``is`` (``'> 10'``) the lines of the last ``over`` are
    counted at every look. ``store`` names one of several.
    """

    query: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    contains: str = ""
    matches: str = ""
    json: Mapping[str, str] = field(default_factory=dict)
    level: str = ""
    is_: ComparisonText | None = None
    over: Duration | None = None
    store: str = ""

    def __post_init__(self) -> None:
        """Refuse what says nothing, or says it twice."""
        structured = bool(self.labels or self.contains or self.matches or self.json or self.level)
        if bool(self.query) is structured:
            right = "write 'query:', or some of 'labels:', 'contains:', 'matches:', 'json:' and 'level:'"
            raise ValueError(f"{'it says twice' if structured else 'it does not say'} which lines are meant; {right}")
        if (self.is_ is None) is not (self.over is None):
            raise ValueError("'is' and 'over' go together; write is: '> 10' and over: 5s")
        if self.is_ is not None:
            Comparison.parse(self.is_)
        for name, pattern in (("matches", self.matches), *((k, v[1:]) for k, v in self.json.items() if v.startswith("~"))):
            _compiled(name, pattern)

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield that the stack has no such store."""
        yield from (f"logs: {why}" for why in (plan.unknown_member(self.store) if self.store else ()))

    def evidence(self) -> Lines:
        """Return the look at the lines."""
        wanted = dict(self.json) | ({"level": self.level} if self.level else {})
        labels = tuple(sorted(self.labels.items()))
        return Lines(self.query, labels, tuple(sorted(wanted.items())), self.contains, self.matches, self.store)

    def holds(self, history: History) -> Sequence[Sight]:
        """Return two sights for every line, and some for the time between; or some for every count."""
        found = self._counts(history) if self.is_ is not None else _arrivals(history)
        return sorted(found, key=lambda sight: sight.at)

    def _counts(self, history: History) -> Iterable[Sight]:
        wanted, span = Comparison.parse(self.is_ or "> 0"), seconds(self.over or "1s")
        times: list[float] = []
        for event in history.looks:
            at = history.story(event.wall)
            if "error" in event.data:
                yield Sight(at, None, event.data["error"])
                continue
            times += [history.story(line["at"]) for line in event.data["data"]["lines"]]
            for moment in moments(history, event.data["data"]):
                count = sum(moment - span < time <= moment for time in times)
                words = f"{count} {'line' if count == 1 else 'lines'} in the {self.over} before {spoken(moment)}"
                yield Sight(moment, wanted.holds(count), words)

    def tell(self, history: History, window: Window) -> str:
        """Return nothing: the last look says it."""
        return ""

    def __str__(self) -> str:
        """Return the expectation in words."""
        said = f"{f'{self.store}: ' if self.store else ''}a line {_said(self.evidence())}"
        return f"{said} is logged" if self.is_ is None else f"{said} is logged {self.is_} times in {self.over}"


def _arrivals(history: History) -> Iterable[Sight]:
    for event in history.looks:
        at = history.story(event.wall)
        if "error" in event.data:
            yield Sight(at, None, event.data["error"])
            continue
        for moment in moments(history, event.data["data"]):
            yield Sight(moment, holds=False, words="no such line was logged")
        for line in event.data["data"]["lines"]:
            when = history.story(line["at"])
            yield Sight(when, holds=True, words=f"{line['text'][:SHOWN]!r} at {spoken(when)}")
            yield Sight(when, holds=False, words="no such line was logged")


def _said(lines: Lines) -> str:
    """Return a query, or what a filter wants, in words."""
    if lines.query:
        return lines.query
    parts = [f"{name}={value}" for name, value in (*lines.labels, *lines.fields)]
    parts += [f"containing {lines.contains!r}"] if lines.contains else []
    parts += [f"matching {lines.matches!r}"] if lines.matches else []
    return " ".join(parts)


def _compiled(name: str, pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{name}: {pattern!r} is not a regular expression: {error}") from None
