"""Durations as Prometheus and Go write them, in whole milliseconds; never through floats."""

from __future__ import annotations

import re
from fractions import Fraction

UNITS = {"y": 31_536_000_000, "w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|[ywdhms])")
_SMALL = {"us": Fraction(1, 1000), "µs": Fraction(1, 1000), "ns": Fraction(1, 1_000_000)}
_NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+")


def milliseconds(text: str) -> Fraction:
    """Return the milliseconds in ``5m``, ``1h30m``, Go's ``1.5h`` and ``0``, and PromQL's bare seconds ``300``.

    Hardly ever anything but a whole number; ``ValueError`` says how to write it.
    """
    text = str(text).strip()
    if _NUMBER.fullmatch(text):
        return Fraction(text) * 1000
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration; write it like '800ms', '10s' or '1m30s'")
    return sum((Fraction(number) * _SMALL.get(unit, UNITS.get(unit, 1)) for number, unit in parts), Fraction(0))


def spelled(span: Fraction | int) -> str:
    """Return milliseconds in the largest unit that holds a whole number of them, as Prometheus and Go read it: ``90s``.

    Days and longer are written in hours, which Go knows too. ``ValueError`` where they are not whole milliseconds.
    """
    if Fraction(span).denominator != 1:
        raise ValueError(f"{float(span)}ms is not a whole number of milliseconds")
    if not span:
        return "0s"
    unit = next(unit for unit in ("h", "m", "s", "ms") if span % UNITS[unit] == 0)
    return f"{int(span) // UNITS[unit]}{unit}"
