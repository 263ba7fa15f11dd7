"""Time ranges, and the intervals that Grafana makes of them: ``$__interval``, ``$__rate_interval``, ``$__auto``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pytest_obscheck.panel.formats import Value

POINTS = 1000
"""Points across a panel that does not say how many: about its width in pixels."""

SCRAPE = 15.0
"""Seconds between two scrapes, where the data source does not say."""

SAFE = 11000
"""Prometheus refuses more points for one series than this."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "M": 2592000.0, "y": 31536000.0}
_ROUNDED = (
    (0.01, 0.001), (0.015, 0.01), (0.035, 0.02), (0.075, 0.05), (0.15, 0.1), (0.35, 0.2), (0.75, 0.5), (1.5, 1), (3.5, 2),
    (7.5, 5), (12.5, 10), (17.5, 15), (25, 20), (45, 30), (90, 60), (210, 120), (450, 300), (750, 600), (1050, 900),
    (1500, 1200), (2700, 1800), (5400, 3600), (9000, 7200), (16200, 10800), (32400, 21600), (86400, 43200), (604800, 86400),
    (1814400, 604800), (3628800, 2592000),
)  # fmt: skip
"""Seconds below which an interval becomes the second number; above the last it is a year. From Grafana's roundInterval."""


@dataclass(frozen=True)
class Range:
    """From when to when, in Unix seconds."""

    start: float
    end: float

    def values(self) -> Mapping[str, Value]:
        """Return what ``$__from``, ``$__to`` and ``$__range`` stand for."""
        length = round(self.end - self.start)
        return {
            "__from": _value(round(self.start * 1000)),
            "__to": _value(round(self.end * 1000)),
            "__range": _value(f"{length}s"),
            "__range_s": _value(length),
            "__range_ms": _value(length * 1000),
        }


def duration(text: str) -> float:
    """Return the seconds of ``15s`` or ``1m30s``, ``>`` in front or not; ``ValueError`` where it is none."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|[smhdwMy])", text)
    if not parts or "".join(number + unit for number, unit in parts) != text.strip().lstrip(">"):
        raise ValueError(f"{text!r} is not an interval; write it like '15s' or '1m'")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def written(seconds: float) -> str:
    """Return seconds as PromQL takes them: whole milliseconds in the largest unit that fits."""
    milliseconds = max(1, round(seconds * 1000))
    for unit in ("d", "h", "m", "s"):
        size = round(_UNITS[unit] * 1000)
        if milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def interval(span: Range, points: int, least: float) -> float:
    """Return the seconds between two points: the range over their number, rounded, and no less than ``least``."""
    ideal = (span.end - span.start) / max(1, points)
    rounded = next((value for limit, value in _ROUNDED if ideal < limit), 31536000.0)
    return max(float(rounded), least, (span.end - span.start) / SAFE)


def interval_values(step: float, scrape: float) -> Mapping[str, Value]:
    """Return what ``$__interval`` and ``$__rate_interval`` stand for; a rate needs four scrapes at least."""
    rate = max(step + scrape, 4 * scrape)
    return {
        "__interval": _value(written(step)),
        "__interval_ms": _value(round(step * 1000)),
        "__rate_interval": _value(written(rate)),
        "__rate_interval_ms": _value(round(rate * 1000)),
    }


def moment(text: str, now: float, end: bool = False) -> float:
    """Return the Unix second of ``now-6h``, ``now/d`` (its ``end``, where asked for) or a date; ``ValueError`` otherwise."""
    found = re.fullmatch(r"now((?:[-+]\d+[smhdwMy])*)(?:/([smhdwMy]))?", text)
    if not found:
        return _date(text)
    at = now
    for sign, number, unit in re.findall(r"([-+])(\d+)(\w)", found[1]):
        at += (1 if sign == "+" else -1) * int(number) * _UNITS[unit]
    return _edge(at, found[2], end) if found[2] else at


def _date(text: str) -> float:
    if text.isdigit():
        return int(text) / 1000
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a time; write it like 'now-1h' or '2026-01-31T12:00:00Z'") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _edge(at: float, unit: str, end: bool) -> float:
    """Return the first moment of the unit that holds ``at``, or the last; weeks begin on Sunday, months and years on day 1."""
    day = datetime.fromtimestamp(at, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if unit in "smhd":
        start = at - at % _UNITS[unit]
        return start + _UNITS[unit] - 0.001 if end else start
    if unit == "w":
        first = day - timedelta(days=(day.weekday() + 1) % 7)
        after = first + timedelta(days=7)
    elif unit == "M":
        first = day.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
    else:
        first = day.replace(month=1, day=1)
        after = first.replace(year=first.year + 1)
    return after.timestamp() - 0.001 if end else first.timestamp()


def _value(text: object) -> Value:
    return Value((str(text),))
