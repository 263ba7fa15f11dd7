"""What became of the requests of the last 30 days: counts per second and per minute, which add up exactly for any window."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from service.metrics import DURATION_BUCKETS

HOUR, MONTH = 3600, 30 * 86400
COLUMNS = len(DURATION_BUCKETS) + 1
"""Duration buckets of a slot: the edges of the histogram on ``/metrics``, and one for what is slower."""


@dataclass(frozen=True)
class Totals:
    """What happened in a window. ``seconds`` is the sum of all durations; ``buckets`` are not cumulative.

    ``begin`` and ``end``: the window as it was counted, seconds since 1970; ``alive``: the seconds of it that the service ran.
    """

    begin: float = 0.0
    end: float = 0.0
    alive: float = 0.0
    requests: int = 0
    errors: int = 0
    seconds: float = 0.0
    buckets: tuple[int, ...] = (0,) * COLUMNS

    def quantile(self, share: float) -> float | None:
        """Return the seconds within which a share of the requests was answered, ``None`` without requests.

        Interpolated inside its bucket as Prometheus's ``histogram_quantile`` does; the last edge where it is beyond.
        """
        rank, before = share * self.requests, 0
        if not self.requests:
            return None
        for index, count in enumerate(self.buckets[:-1]):
            if before + count >= rank and count:
                low = DURATION_BUCKETS[index - 1] if index else 0.0
                return low + (DURATION_BUCKETS[index] - low) * (rank - before) / count
            before += count
        return DURATION_BUCKETS[-1]


@dataclass
class Ring:
    """Slots of equal width, the newest taking the place of the oldest; columns are arrays, so that sums are quick."""

    width: float
    size: int
    newest: int = -1
    alive: array[float] = field(init=False, repr=False)
    errors: array[int] = field(init=False, repr=False)
    seconds: array[float] = field(init=False, repr=False)
    buckets: tuple[array[int], ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make empty columns."""
        self.alive = array("d", bytes(8 * self.size))
        self.errors = array("q", bytes(8 * self.size))
        self.seconds = array("d", bytes(8 * self.size))
        self.buckets = tuple(array("q", bytes(8 * self.size)) for _ in range(COLUMNS))

    def slot(self, at: float) -> int | None:
        """Return the place of an instant, emptying what lies between the newest one and it; ``None`` where it is too old."""
        number = int(at // self.width)
        if number <= self.newest - self.size:
            return None
        if number > self.newest:
            self._advance(number)
        return number % self.size

    def _advance(self, number: int) -> None:
        spans = list(self._spans(max(self.newest + 1, number - self.size + 1), number))
        for span in spans:
            empty = bytes(8 * (span.stop - span.start))
            for real in (self.alive, self.seconds):
                real[span] = array("d", empty)
            for whole in (self.errors, *self.buckets):
                whole[span] = array("q", empty)
        self.newest = number

    def totals(self, begin: float, end: float) -> Totals:
        """Return the sums over the slots that begin in ``begin .. end``."""
        first = max(-int(-begin // self.width), self.newest - self.size + 1, 0)
        last = min(int(end // self.width), self.newest)
        spans = list(self._spans(first, last)) if last >= first else []
        buckets = tuple(int(_sum(column, spans)) for column in self.buckets)
        return Totals(
            begin=-(-begin // self.width) * self.width,
            end=end,
            alive=_sum(self.alive, spans),
            requests=sum(buckets),
            errors=int(_sum(self.errors, spans)),
            seconds=_sum(self.seconds, spans),
            buckets=buckets,
        )

    def _spans(self, first: int, last: int) -> Iterator[slice]:
        low, high = first % self.size, last % self.size
        if low <= high:
            yield slice(low, high + 1)
        else:
            yield slice(low, self.size)
            yield slice(0, high + 1)


def _sum(column: array[int] | array[float], spans: Sequence[slice]) -> float:
    return sum(sum(column[span]) for span in spans)


@dataclass
class History:
    """Keeps the last hour by the second and the last 30 days by the minute; ``started`` is in seconds since 1970."""

    started: float
    restored: bool = False
    fine: Ring = field(default_factory=lambda: Ring(1, HOUR), repr=False)
    coarse: Ring = field(default_factory=lambda: Ring(60, MONTH // 60), repr=False)
    _seen: float = 0.0
    _noted: list[tuple[float, float, bool]] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        """Live from the start on."""
        self._seen = self.started

    def note(self, at: float, seconds: float, *, failed: bool) -> None:
        """Add a request that ended at an instant after some seconds; ``failed``: answered with 5xx, or not at all."""
        # Counted when somebody looks: many one after the other cost a fraction of each by itself.
        self._noted.append((at, seconds, failed))

    def _count(self) -> None:
        noted, self._noted = self._noted, []
        for at, seconds, failed in noted:
            bucket = bisect_left(DURATION_BUCKETS, seconds)
            for ring in (self.fine, self.coarse):
                place = ring.slot(at)
                if place is not None:
                    ring.buckets[bucket][place] += 1
                    ring.errors[place] += failed
                    ring.seconds[place] += seconds

    def live(self, at: float) -> None:
        """Note that the service has run until now."""
        self._count()
        for ring in (self.fine, self.coarse):
            _fill(ring, self._seen, at)
        self._seen = max(self._seen, at)

    def window(self, at: float, period: float) -> Totals:
        """Return what happened in the seconds before an instant.

        Windows of over an hour begin with a whole minute, and so do those that reach back to before a restart.
        """
        self.live(at)
        beyond = self.restored and at - period < self.started
        ring = self.coarse if beyond or period > HOUR - 1 else self.fine
        return ring.totals(at - period, at)

    def minute(self, number: int) -> Totals:
        """Return what happened in one minute, counted since 1970."""
        self._count()
        return self.coarse.totals(number * 60, number * 60 + 59)

    def restore(self, number: int, past: Totals) -> None:
        """Add what an earlier life of the service saw of a minute; nothing where that is too long ago."""
        self.restored = True
        place = self.coarse.slot(number * 60)
        if place is None:
            return
        self.coarse.alive[place] += past.alive
        self.coarse.errors[place] += past.errors
        self.coarse.seconds[place] += past.seconds
        for column, count in zip(self.coarse.buckets, past.buckets, strict=True):
            column[place] += count


def _fill(ring: Ring, begin: float, end: float) -> None:
    """Add the seconds of ``begin .. end`` to ``alive``, each to its slot."""
    while begin < end:
        until = min(end, (begin // ring.width + 1) * ring.width)
        place = ring.slot(begin)
        if place is not None:
            ring.alive[place] += until - begin
        begin = until
