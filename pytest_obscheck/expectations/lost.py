"""What requests should have left behind and did not is counted, by the log of the loads' requests."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.expectations._arrivals import moments
from pytest_obscheck.expectations._marks import LATE, AllMarks, Marks, Signal, failed, seen, unfollowed
from pytest_obscheck.expectations._slalog import Request, RequestLog, matching, request_log
from pytest_obscheck.matching import Comparison, ComparisonText
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History
from pytest_obscheck.when import Duration, Sight, Window, seconds, spoken

LEFT = {"logs": "line", "traces": "span", "errors": "error", "answers": "good answer"}


@dataclass(frozen=True)
class Lost:
    """Of the answered ``requests`` that ended in the last ``over``, so many (``is``) left nothing in a signal of the service.

    Every request is followed by its correlation id: ``logs`` are lines whose JSON has it, ``traces`` spans that have it as
    an attribute, ``errors`` reports that have it as a tag (here only requests that failed with 5xx count). ``key`` is the name
    of the id there; ``correlation_id``, for spans ``correlation.id``, unless given. With ``answers`` the requests themselves
    are counted that were not answered, or with 5xx: what the customers lost. What comes late, before the story is over, is
    not lost. ``requests`` is as in ``sla``; ``store`` names one of several.
    """

    signal: Signal
    is_: ComparisonText
    over: Duration
    service: str = ""
    requests: str = ""
    key: str = ""
    store: str = ""

    def __post_init__(self) -> None:
        """Refuse a signal that there is not, and one without its service."""
        if self.signal not in LEFT:
            raise ValueError(f"signal: there is no {self.signal!r} to lose; {did_you_mean(self.signal, LEFT)}")
        if not self.service and self.signal in ("logs", "traces"):
            raise ValueError(f"service: {self.signal} are of a service; write service: checkout")
        Comparison.parse(self.is_)
        seconds(self.over)

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield that the stack has no such store."""
        yield from (f"lost: {why}" for why in (plan.unknown_member(self.store) if self.store else ()))

    def evidence(self) -> Marks:
        """Return the look at what was left behind."""
        return Marks(self.signal, self.service, self.key, self.store)

    def autopsy(self) -> AllMarks:
        """Return the look at everything that came, however late."""
        return AllMarks(self.evidence())

    def holds(self, history: History) -> Sequence[Sight]:
        """Return a count for every fifth of a second; none before the log of the requests is there."""
        found, log = seen(history, self.evidence()), request_log(history.journal)
        answered = self._counted(log)
        why = log.trouble or ("" if self.signal == "answers" else unfollowed(answered)) or found.trouble
        gone = [request for request in answered if self._is_lost(request, found.ids)]
        ends, lost = [request.end for request in answered], [request.end for request in gone]
        last = history.story(found.until - LATE)
        return [
            Sight(at, None, why) if why else self._sight(history, log, at, (ends, lost))
            for event in history.looks
            if "data" in event.data
            for at in moments(history, event.data["data"])
            if why or at <= last
        ]

    def _counted(self, log: RequestLog) -> list[Request]:
        every = matching(log.requests, self.requests)
        if self.signal == "answers":
            return every
        return failed(every) if self.signal == "errors" else [request for request in every if request.answered]

    def _is_lost(self, request: Request, ids: Iterable[str]) -> bool:
        if self.signal == "answers":
            return not request.answered or request.status >= 500
        return request.id not in ids

    def _sight(self, history: History, log: RequestLog, at: float, ends: tuple[list[float], list[float]]) -> Sight:
        until = (history.journal.zero or 0.0) + at / history.journal.speed
        since = until - seconds(self.over) / history.journal.speed
        if gap := log.gap(since, until):
            return Sight(at, None, gap)
        total, lost = (bisect_right(each, until) - bisect_right(each, since) for each in ends)
        when = f"in the {self.over} before {spoken(at)}"
        if not total:
            return Sight(at, None, f"no such request ended {when}: there was nothing to lose")
        return Sight(
            at,
            Comparison.parse(self.is_).holds(lost),
            f"{lost} of {total} requests {when} left no {LEFT[self.signal]}{self._of()}",
        )

    def _of(self) -> str:
        return f" of {self.service}" if self.service else ""

    def tell(self, history: History, window: Window) -> str:
        """Return nothing: the count says it."""
        return ""

    def __str__(self) -> str:
        """Return the expectation in words."""
        of = f" of {self.requests}" if self.requests else ""
        return f"the requests{of} that left no {LEFT[self.signal]}{self._of()} in {self.over} are {self.is_}"
