"""Service level objectives: read from OpenSLO and Sloth specs, their budgets, and when their burn-rate alerts must fire."""

from __future__ import annotations

from pytest_obscheck.slo.burning import PAIRS, MustFire, Outage, Pair, error_ratio, firing, must_fire, pairs
from pytest_obscheck.slo.comparing import Finding, compare
from pytest_obscheck.slo.objective import Events, Objective, Ratio, Threshold
from pytest_obscheck.slo.openslo import read_openslo
from pytest_obscheck.slo.sloth import read_sloth

__all__ = [
    "PAIRS", "Events", "Finding", "MustFire", "Objective", "Outage", "Pair", "Ratio", "Threshold", "compare", "error_ratio",
    "firing", "must_fire", "pairs", "read_openslo", "read_sloth",
]  # fmt: skip
