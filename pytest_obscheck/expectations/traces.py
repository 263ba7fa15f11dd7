"""Spans appear, or stay away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pytest_obscheck.clock import Clock, SystemClock
from pytest_obscheck.expectations._arrivals import moments
from pytest_obscheck.expectations._spans import Wanted, ended, matching, wanted
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Stack
from pytest_obscheck.signals import AnswersTraceQL, AnswersTraces, Span
from pytest_obscheck.when import Duration, Sight, Window, spoken

SETTLE = 1.0
"""Seconds that a look waits: a span that ended before it is with the store by then, if it is exported every half second."""

BACK = 10.0
"""Seconds by which a look reaches back: a trace is found by its beginning, and a span counts when it ends."""

NONE = "no such span came"


@dataclass(frozen=True)
class Spans:
    """The spans that are meant, looked for once a second."""

    wanted: Wanted
    store: str = ""
    query: str = ""
    clock: Clock = field(default_factory=SystemClock, compare=False)
    every: float = 1.0

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``since``, ``until``, ``spans`` (``key``, ``at``, ``words``) and ``names`` (all of the service's, counted)."""
        self.clock.sleep(until + SETTLE - self.clock.now())
        spans = self._found(stack, since - BACK, until)
        fresh = [span for span in matching(spans, self.wanted) if ended(span) <= until]
        found = [{"key": f"{span.trace}/{span.id}", "at": ended(span), "words": _words(span)} for span in fresh]
        names = Counter(span.name for span in spans if span.service.lower() == self.wanted.service.lower())
        return {"since": since, "until": until, "spans": found, "names": dict(names.most_common(10))}

    def _found(self, stack: Stack, start: float, end: float) -> list[Span]:
        named = self.store or None
        if self.query:
            return stack.that(AnswersTraceQL, named=named).query_spans(self.query, start, end)
        return stack.that(AnswersTraces, named=named).find_spans(self.wanted.service, start, end)

    def __str__(self) -> str:
        """Return the key."""
        return " ".join(["traces", *([self.store] if self.store else []), self.query or str(self.wanted)])


def _words(span: Span) -> str:
    return f"{span.name!r} of {span.service} took {spoken(span.seconds)}"


@dataclass(frozen=True)
class Traces:
    """A span of a service, or one that a TraceQL ``query`` finds, which Tempo alone understands.

    Each that is found holds for the instant at which it ended, so ``never`` means none. ``name``, whose case does not matter,
    and the values of ``attributes`` may be a ``~regex``. ``longer`` and ``shorter`` bound its duration, which is physical time.
    ``failed`` is its status. ``child`` is a span at any depth below it, with the same fields: ``{kind: client, attributes:
    {db.system: postgresql}, longer: 700ms}``. ``store`` names one of several.
    """

    service: str = ""
    name: str = ""
    kind: Literal["", "server", "client", "producer", "consumer", "internal"] = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    failed: bool | None = None
    longer: Duration | None = None
    shorter: Duration | None = None
    child: Mapping[str, Any] = field(default_factory=dict)
    store: str = ""
    query: str = ""

    def __post_init__(self) -> None:
        """Refuse what no span can be, and what says it twice or not at all."""
        look = self.evidence()
        if bool(self.query) is (look.wanted != Wanted()):
            raise ValueError("write which spans are meant: 'service:' and more of the like, or a TraceQL 'query:'")
        if not self.query and not self.service:
            raise ValueError("service: there is none; write service: checkout")

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield that the stack has no such store."""
        yield from (f"traces: {why}" for why in (plan.unknown_member(self.store) if self.store else ()))

    def evidence(self) -> Spans:
        """Return the look at the spans."""
        names = ("service", "name", "kind", "attributes", "failed", "longer", "shorter", "child")
        return Spans(wanted({name: getattr(self, name) for name in names}), self.store, self.query)

    def holds(self, history: History) -> Sequence[Sight]:
        """Return two sights for every span, and some for the time between."""
        return sorted(self._sights(history), key=lambda sight: sight.at)

    def _sights(self, history: History) -> Iterable[Sight]:
        seen: set[str] = set()
        for event in history.looks:
            if "error" in event.data:
                yield Sight(history.story(event.wall), None, event.data["error"])
                continue
            for moment in moments(history, event.data["data"]):
                yield Sight(moment, holds=False, words=NONE)
            for span in event.data["data"]["spans"]:
                if span["key"] not in seen:
                    seen.add(span["key"])
                    at = history.story(span["at"])
                    yield Sight(at, holds=True, words=f"{span['words']}, until {spoken(at)}")
                    yield Sight(at, holds=False, words=NONE)

    def tell(self, history: History, window: Window) -> str:
        """Return which spans of the service came instead."""
        looks = [event.data["data"] for event in history.looks if "data" in event.data]
        if self.query:
            return NONE
        names = list(dict.fromkeys(name for data in looks for name in data["names"]))
        if not names:
            return f"no span of {self.service!r} came at all"
        return f"{NONE}; spans of {self.service} were: {', '.join(names[:10])}"

    def __str__(self) -> str:
        """Return the expectation in words."""
        what = f"a span of {self.query}" if self.query else self.evidence().wanted
        return f"{f'{self.store}: ' if self.store else ''}{what} comes"
