"""Windows of story time and the phrases that say when a claim must hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Protocol

from pytest_obscheck.verdict import Outcome

DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w|y))+$"
Duration = Annotated[str, DURATION_PATTERN]
"""A length of time as Prometheus writes it: ``800ms``, ``1m30s``, ``2h``; fractions are allowed."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}


def seconds(text: str) -> float:
    """Return the seconds in ``text``; ``ValueError`` says how to write it.

    Units and their lengths are Prometheus's: a day has 24 h, a week 7 d, a year 365 d.
    """
    if not isinstance(text, str) or not re.fullmatch(DURATION_PATTERN, text):
        raise ValueError(f"{text!r} is not a duration; write it like '800ms', '10s' or '1m30s'")
    parts = re.findall(r"([0-9.]+)(ms|s|m|h|d|w|y)", text)
    return round(sum(float(number) * _UNITS[unit] for number, unit in parts), 6)


def instant(text: str) -> float:
    """Return the Unix second of ``2026-01-05T03:00:00Z``; ``ValueError`` says how to write one."""
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise ValueError(f"{text!r} is not an instant; write it like 2026-01-05T03:00:00Z")
    return found.timestamp()


def spoken(span: float) -> str:
    """Return seconds as a reader wants them: ``4ms``, ``11.4s``, ``5m02s``, ``2h03m``."""
    span = round(span, 3)
    if span < 0:
        return f"-{spoken(-span)}"
    if span < 1:
        return f"{span * 1000:.0f}ms" if span else "0s"
    if span < 119.95:
        return f"{span:.1f}s"
    minutes, rest = divmod(round(span), 60)
    return f"{minutes}m{rest:02d}s" if minutes < 120 else f"{minutes // 60}h{minutes % 60:02d}m"


@dataclass(frozen=True)
class Window:
    """A stretch of story time, both ends included."""

    start: float
    end: float

    def __post_init__(self) -> None:
        """Refuse a window that ends before it begins."""
        if self.end < self.start:
            raise ValueError(f"the window {self} ends before it begins; swap its ends")

    def __contains__(self, at: float) -> bool:
        """Whether the story second ``at`` lies inside."""
        return self.start <= at <= self.end

    def meets(self, other: Window) -> bool:
        """Whether they have more in common than an end."""
        return self.start < other.end and other.start < self.end

    def __str__(self) -> str:
        """Return ``10.0s .. 20.0s``."""
        return f"{spoken(self.start)} .. {spoken(self.end)}"

    @classmethod
    def parse(cls, text: str) -> Window:
        """Read ``'45s .. 90s'``; ``ValueError`` says how to write it."""
        ends = str(text).split("..")
        if len(ends) != 2:
            raise ValueError(f"{text!r} is not a window; write it like '45s .. 90s'")
        return cls(seconds(ends[0].strip()), seconds(ends[1].strip()))


def during(start: Duration, end: Duration) -> Window:
    """Return the window from ``start`` to ``end``, for loads and faults."""
    return Window(seconds(start), seconds(end))


@dataclass(frozen=True)
class Sight:
    """One moment at which an expectation was seen to hold, not to hold, or could not be seen (``None``).

    ``at`` is in story seconds. An arrival holds for an instant: it is a ``True`` followed by a ``False`` at one time.
    ``partly``: it holds for some of what it is about (one of several series), though not for all; that breaks ``never``.
    ``again``: what there is to say where it is one too many.
    """

    at: float
    holds: bool | None
    words: str = ""
    partly: bool = False
    again: str = ""


@dataclass(frozen=True)
class Decision:
    """What a phrase makes of the sights: the outcome, the sight that decided it, and whether more sights could change it."""

    outcome: Outcome
    words: str
    settled: bool = False
    at: float | None = None


class Phrase(Protocol):
    """When a claim must hold."""

    def window(self, anchors: Mapping[str, float]) -> Window | None:
        """Return the window, or ``None`` when the anchor it hangs on has not come."""

    def decide(self, sights: Sequence[Sight], window: Window, gap: float) -> Decision:
        """Judge the sights inside the window; ``gap`` is the longest pause in seeing that is not blindness."""

    def __str__(self) -> str:
        """Return the phrase in the words of a report."""


def _unseen(inside: Sequence[Sight], window: Window, gap: float) -> Decision | None:
    """Return that the sights do not cover the window; ``None`` where they do."""
    if all(sight.holds is None for sight in inside):
        last = next((sight.words for sight in reversed(inside) if sight.words), "")
        words = f"every look failed; the last said: {last}" if last else "nothing was seen in the window"
        return Decision(Outcome.UNKNOWN, words)
    for blank in _gaps(inside, window, gap):
        why = next((sight.words for sight in reversed(inside) if sight.at in blank and sight.holds is None), "")
        return Decision(Outcome.UNKNOWN, f"nothing was seen during {blank}{': ' if why else ''}{why}")
    return None


def _rises(sights: Sequence[Sight], before: bool) -> list[Sight]:
    rises, up = [], before
    for sight in sights:
        if sight.holds and not up:
            rises.append(sight)
        if sight.holds is not None:
            up = sight.holds
    return rises


def _gaps(sights: Sequence[Sight], window: Window, gap: float) -> list[Window]:
    seen = [sight.at for sight in sights if sight.holds is not None]
    marks = [window.start, *seen, window.end]
    return [Window(a, b) for a, b in pairwise(marks) if b - a > gap]


def _inside(sights: Sequence[Sight], window: Window) -> list[Sight]:
    return [sight for sight in sights if sight.at in window]


def _eventually(sights: Sequence[Sight], window: Window, gap: float) -> Decision:
    inside = _inside(sights, window)
    hit = next((sight for sight in inside if sight.holds), None)
    if hit:
        return Decision(Outcome.PASSED, hit.words, settled=True, at=hit.at)
    last = next((sight.words for sight in reversed(inside) if sight.holds is False), "")
    # Where nobody looked, it may have held: only a window that was seen throughout says that it did not.
    return _unseen(inside, window, gap) or Decision(Outcome.FAILED, last)


@dataclass(frozen=True)
class Eventually:
    """It holds at one moment of the window at least."""

    span: Window

    def window(self, anchors: Mapping[str, float]) -> Window | None:
        """Return the window as written."""
        return self.span

    def decide(self, sights: Sequence[Sight], window: Window, gap: float) -> Decision:
        """Pass on the first sight that holds; unknown where nobody looked."""
        return _eventually(sights, window, gap)

    def __str__(self) -> str:
        """Return the phrase in words."""
        return f"eventually in {self.span}"


@dataclass(frozen=True)
class Within:
    """It holds at the latest ``limit`` seconds after the anchor: a fault, its cure, or a claim."""

    limit: float
    after: str

    def window(self, anchors: Mapping[str, float]) -> Window | None:
        """Return the window that begins when the anchor came."""
        start = anchors.get(self.after)
        return None if start is None else Window(start, start + self.limit)

    def decide(self, sights: Sequence[Sight], window: Window, gap: float) -> Decision:
        """Pass on the first sight that holds; unknown where nobody looked."""
        return _eventually(sights, window, gap)

    def __str__(self) -> str:
        """Return the phrase in words."""
        return f"within {spoken(self.limit)} after {self.after}"


def _unbroken(sights: Sequence[Sight], window: Window, gap: float, wanted: bool) -> Decision:
    inside = _inside(sights, window)
    broken = next((sight for sight in inside if _breaks(sight, wanted)), None)
    if broken:
        return Decision(Outcome.FAILED, broken.words, settled=True, at=broken.at)
    seen = [sight for sight in inside if sight.holds is not None]
    return _unseen(inside, window, gap) or Decision(Outcome.PASSED, seen[-1].words, at=seen[-1].at)


def _breaks(sight: Sight, wanted: bool) -> bool:
    return sight.holds is False if wanted else bool(sight.holds or sight.partly)


@dataclass(frozen=True)
class Always:
    """It holds throughout the window; a gap in seeing makes it unknown."""

    span: Window

    def window(self, anchors: Mapping[str, float]) -> Window | None:
        """Return the window as written."""
        return self.span

    def decide(self, sights: Sequence[Sight], window: Window, gap: float) -> Decision:
        """Fail on the first sight that does not hold; unknown where nobody looked."""
        return _unbroken(sights, window, gap, wanted=True)

    def __str__(self) -> str:
        """Return the phrase in words."""
        return f"always in {self.span}"


@dataclass(frozen=True)
class Never:
    """It holds at no moment of the window; a gap in seeing makes it unknown."""

    span: Window

    def window(self, anchors: Mapping[str, float]) -> Window | None:
        """Return the window as written."""
        return self.span

    def decide(self, sights: Sequence[Sight], window: Window, gap: float) -> Decision:
        """Fail on the first sight that holds; unknown where nobody looked."""
        return _unbroken(sights, window, gap, wanted=False)

    def __str__(self) -> str:
        """Return the phrase in words."""
        return f"never in {self.span}"


@dataclass(frozen=True)
class Once:
    """It begins to hold exactly one time in the window."""

    span: Window

    def window(self, anchors: Mapping[str, float]) -> Window | None:
        """Return the window as written."""
        return self.span

    def decide(self, sights: Sequence[Sight], window: Window, gap: float) -> Decision:
        """Count the times it begins to hold; what held before the window does not count."""
        before = [sight for sight in sights if sight.at < window.start and sight.holds is not None]
        inside = _inside(sights, window)
        rises = _rises(inside, before=bool(before and before[-1].holds))
        if len(rises) > 1:
            times = ", ".join(spoken(rise.at) for rise in rises)
            why = next((f"; {rise.again}" for rise in rises if rise.again), "")
            words = f"{len(rises)} times instead of once: at {times}{why}"
            return Decision(Outcome.FAILED, words, settled=True, at=rises[1].at)
        unseen = _unseen(inside, window, gap)
        if unseen:
            return unseen
        if not rises:
            return Decision(Outcome.FAILED, next(sight.words for sight in reversed(inside) if sight.holds is not None))
        return Decision(Outcome.PASSED, rises[0].words, at=rises[0].at)

    def __str__(self) -> str:
        """Return the phrase in words."""
        return f"once in {self.span}"


SPANS: Mapping[str, Callable[[Window], Phrase]] = {"eventually": Eventually, "always": Always, "never": Never, "once": Once}
"""The phrases that have a window of their own, by the word that stories use."""


def eventually(start: Duration, end: Duration) -> Eventually:
    """It holds at one moment between ``start`` and ``end`` at least."""
    return Eventually(during(start, end))


def always(start: Duration, end: Duration) -> Always:
    """It holds throughout."""
    return Always(during(start, end))


def never(start: Duration, end: Duration) -> Never:
    """It holds at no moment."""
    return Never(during(start, end))


def once(start: Duration, end: Duration) -> Once:
    """It begins to hold exactly one time."""
    return Once(during(start, end))


def within(limit: Duration, after: object) -> Within:
    """It holds at the latest ``limit`` after a fault, its cure or a claim (``slow``, ``slow.cure`` or a name)."""
    return Within(seconds(limit), str(after))
