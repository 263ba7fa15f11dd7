"""How near a compared value came to its limit, over a story."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pytest_obscheck.matching import Comparison

SLICES = 60
"""Into how many parts of equal length a story is cut, to tell how near a value came meanwhile."""
Points = Sequence[tuple[float, float]]


class Compared(NamedTuple):
    """What is compared with a number: its text, the operator, and the number."""

    lhs: str
    sign: str
    bound: float


def courses(found: Iterable[tuple[Compared, Points]], since: float, until: float) -> dict[str, Any]:
    """Return ``peaks``, how near each compared value came, and ``courses``, how near in each slice of a time."""
    each = list(found)
    return {
        "peaks": said(peak([value for _, value in points], of) for of, points in each),
        "courses": [{"of": list(of), "points": _slices(points, of.sign, since, until)} for of, points in each],
    }


def said(words: Iterable[str]) -> list[str]:
    """Return the words that say something, each once."""
    return list(dict.fromkeys(each for each in words if each))


def peak(values: Sequence[float], of: Compared) -> str:
    """Return how near values came to their limit; ``""`` where they went over it."""
    lhs, sign, bound = of
    if not values:
        return f"{lhs} had no value"
    if any(Comparison(sign, bound).holds(value) for value in values):
        return ""
    extreme, word = (min(values), "never went below") if sign.startswith("<") else (max(values), "never went above")
    if sign == "==":
        return f"{lhs} was never {bound:g}, but between {min(values):.3g} and {max(values):.3g}"
    return f"{' '.join(lhs.split())} {word} {extreme:.3g}; the rule wants {sign} {bound:g}"


def peaks_in(told: Iterable[Mapping[str, Any]], inside: Callable[[float], bool]) -> list[str]:
    """Return how near the values of courses came at the Unix seconds that matter."""
    parts = [([value for at, value in each["points"] if inside(at)], Compared(*each["of"])) for each in told]
    return said(peak(values, of) for values, of in parts if values)


def _slices(points: Points, sign: str, since: float, until: float) -> list[list[float]]:
    """Return what came nearest to the limit in each slice, with the slice's middle in Unix seconds."""
    width = max((until - since) / SLICES, 0.001)
    found: dict[int, list[float]] = {}
    for at, value in points:
        found.setdefault(int((at - since) / width), []).append(value)
    nearest = min if sign.startswith("<") else max
    return [[since + (number + 0.5) * width, nearest(values)] for number, values in sorted(found.items())]
