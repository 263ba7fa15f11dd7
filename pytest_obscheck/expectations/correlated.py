"""A failed request can be followed by its correlation id through everything that tells of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.expectations._arrivals import moments
from pytest_obscheck.expectations._marks import LATE, Marks, Seen, Signal, failed, seen, unfollowed
from pytest_obscheck.expectations._slalog import Request, matching, request_log
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History
from pytest_obscheck.when import Sight, Window, spoken

LINKS: tuple[Signal, ...] = ("logs", "traces", "errors", "exemplars")
NONE = "no failed request could be followed to the end"


@dataclass(frozen=True)
class Correlated:
    """A request that was answered with 5xx is found by its id in the service's log lines, its traces and its error reports.

    ``metric`` is a PromQL selector: one of its exemplars must lead to the trace, too. The id comes from the log of the loads'
    requests (the header X-Correlation-ID); ``keys`` says how it is called, by link, where that is neither ``correlation_id``
    nor, for spans, ``correlation.id``. ``through`` leaves links out. Each such request holds for the instant at which it
    ended; what is missing of the one that came farthest is named. ``requests`` is as in ``sla``.
    """

    service: str
    requests: str = ""
    metric: str = ""
    through: tuple[Literal["logs", "traces", "errors"], ...] = ("logs", "traces", "errors")
    keys: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse links that there are not."""
        for name in (*self.through, *self.keys):
            if name not in LINKS:
                raise ValueError(f"there is no link {name!r}; {did_you_mean(name, LINKS)}")
        if not self.through:
            raise ValueError("through: there is no link; write it like [logs, traces, errors]")
        if self.metric and "traces" not in self.through:
            raise ValueError("metric: an exemplar leads to a trace; put traces into 'through'")

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield that the stack has no such service, or that the metric is no PromQL."""
        yield from (f"correlated: {why}" for why in plan.unknown_member(self.service))
        if self.metric and (wrong := plan.parse(self.metric)):
            yield f"correlated: {self.metric!r} is not PromQL: {wrong}"

    def links(self) -> tuple[Marks, ...]:
        """Return the look at every link, the exemplars last."""
        marks = [Marks(each, self.service, self.keys.get(each, "")) for each in self.through]
        exemplars = Marks("exemplars", self.service, self.keys.get("exemplars", ""), series=self.metric)
        return (*marks, *([exemplars] if self.metric else []))

    def evidence(self) -> Marks:
        """Return the look at the first link."""
        return self.links()[0]

    def further_looks(self) -> Sequence[Marks]:
        """Return the looks at the others."""
        return self.links()[1:]

    def holds(self, history: History) -> Sequence[Sight]:
        """Return two sights for every request that was followed to the end, and some for the time between."""
        found, followed, trouble = self._followed(history)
        last = history.story(min((each.until for each in found.values()), default=0.0) - LATE)
        looks = [event.data["data"] for event in history.looks if "data" in event.data]
        between = [at for data in looks for at in moments(history, data) if trouble or at <= last]
        sights = [Sight(at, None, trouble) if trouble else Sight(at, holds=False, words=NONE) for at in between]
        for request in followed if not trouble else ():
            if not self._missing(request, found):
                at = history.story(request.end)
                sights += [Sight(at, True, self._said(request, history, found)), Sight(at, holds=False, words=NONE)]
        return sorted(sights, key=lambda sight: sight.at)

    def _followed(self, history: History) -> tuple[dict[Marks, Seen], list[Request], str]:
        """Return what was seen of every link, the requests to follow, and why they cannot be followed."""
        log = request_log(history.journal)
        found = {link: seen(history, link) for link in self.links()}
        requests = failed(matching(log.requests, self.requests))
        trouble = log.trouble or unfollowed(requests) or next((each.trouble for each in found.values() if each.trouble), "")
        return found, requests, trouble

    def _missing(self, request: Request, found: Mapping[Marks, Seen]) -> list[Marks]:
        """Return the links that do not lead on from a request."""
        trace = next((each.ids.get(request.id, "") for link, each in found.items() if link.signal == "traces"), "")
        ids = {link: trace if link.signal == "exemplars" else request.id for link in found}
        return [link for link, each in found.items() if not ids[link] or ids[link] not in each.ids]

    def _said(self, request: Request, history: History, found: Mapping[Marks, Seen]) -> str:
        at = spoken(history.story(request.end))
        there = [link.signal for link in found if link not in self._missing(request, found)]
        return (
            f"{request.method} {request.name} {request.status} at {at} ({request.id}) is in {' and '.join(there) or 'nothing'}"
        )

    def tell(self, history: History, window: Window) -> str:
        """Return how far the request came that could be followed farthest, and what is missing of it."""
        found, requests, trouble = self._followed(history)
        inside = [request for request in requests if history.story(request.end) in window]
        if trouble or not inside:
            return trouble or "no such request was answered with 5xx"
        farthest = min(inside, key=lambda request: len(self._missing(request, found)))
        gone = self._missing(farthest, found)
        lost = [request for request in inside if any(link in self._missing(request, found) for link in gone)]
        missing = " and ".join(link.none() for link in gone)
        return f"{self._said(farthest, history, found)}, but {missing} (so it is with {len(lost)} of {len(inside)} of them)"

    def __str__(self) -> str:
        """Return the expectation in words."""
        of = f"{self.requests} of " if self.requests else ""
        return f"a failed request to {of}{self.service} is followed through {', '.join(link.signal for link in self.links())}"
