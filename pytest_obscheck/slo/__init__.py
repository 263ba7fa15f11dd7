"""Service level objectives: read from OpenSLO and Sloth specs, their budgets, and when their burn-rate alerts must fire."""

from __future__ import annotations

from pytest_obscheck.slo.burning import MustFire, Outage, error_ratio, firing, must_fire
from pytest_obscheck.slo.comparing import Finding, compare
from pytest_obscheck.slo.specs import read_spec

__all__ = ["Finding", "MustFire", "Outage", "compare", "error_ratio", "firing", "must_fire", "read_spec"]
