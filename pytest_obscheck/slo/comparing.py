"""What burn-rate alerts did, compared with what they had to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pytest_obscheck.slo.burning import MustFire
from pytest_obscheck.when import spoken


@dataclass(frozen=True)
class Finding:
    """Whether one firing is as it must be, in words."""

    right: bool
    words: str


def compare(expected: Sequence[MustFire], fired: Mapping[str, Sequence[float]]) -> Sequence[Finding]:
    """Return a finding for each alert that had to fire and for each that fired without cause.

    ``fired``: the pair's words (``page 1h/5m`` is ``str(pair)``) → the seconds at which its alert began to fire.
    """
    left = {name: sorted(seen) for name, seen in fired.items()}
    found = [_met(each, left.get(str(each.pair), [])) for each in expected]
    return [*found, *(Finding(False, _needless(name, at)) for name, seen in left.items() for at in seen)]


def _met(each: MustFire, seen: list[float]) -> Finding:
    """Compare with the first firing before the alert had to be over again, and take that out of ``seen``."""
    first = next((at for at in seen if at <= max(each.until, each.latest)), None)
    if first is None:
        return Finding(False, f"{each}: it did not fire")
    seen.remove(first)
    off = each.earliest - first if first < each.earliest else first - each.latest
    if off <= 0:
        return Finding(True, f"{each}: fired at {spoken(first)}")
    return Finding(False, f"{each}: fired at {spoken(first)}, {spoken(off)} too {'early' if first < each.earliest else 'late'}")


def _needless(name: str, at: float) -> str:
    return f"{name}: fired at {spoken(at)}, but nothing burnt that fast"
