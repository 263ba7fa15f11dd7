"""Figures in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pytest_obscheck.expectations._slafigures import LATENCIES


def said(figure: str) -> str:
    """Return a figure's name as it is spoken."""
    return figure.replace("_", " ")


def shown(figure: str, value: float, sign: str = "") -> str:
    """Return a figure's value with its unit; seconds are those of a latency."""
    value = round(value, 12) + 0.0  # no minus before nothing
    if figure in LATENCIES:
        return f"{value * 1000:{sign}.3g}ms" if abs(value) < 0.9995 else f"{value:{sign}.3g}s"
    if figure in ("availability", "error_rate"):
        return f"{value * 100:{sign}.2f}%"
    return f"{value:{sign}.4g}" + ("/s" if figure == "throughput" else "")


def because(words: str) -> str:
    """Return words in brackets; nothing for none."""
    return f" ({words})" if words else ""


@dataclass(frozen=True)
class Between:
    """A figure beside the truth, and between what it must lie; ``low`` above ``high`` where nothing can be right."""

    value: float
    truth: float
    low: float
    high: float
    why: Sequence[str]


def compared(figure: str, truth: str, found: Between) -> str:
    """Return truth (in words), figure, bound and difference."""
    nothing = found.low > found.high
    span = "none" if nothing else f"{shown(figure, found.low)} .. {shown(figure, found.high)}"
    why = because("no sample in the window" if nothing else ", ".join(found.why))
    difference = shown(figure, found.value - found.truth, "+")
    return f"{truth}, figure {shown(figure, found.value)}, bound {span}{why}, difference {difference}"
