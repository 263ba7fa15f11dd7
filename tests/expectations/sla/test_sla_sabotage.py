"""A service that counts wrongly is caught by the claims of the shipped stories."""

from __future__ import annotations

from typing import Any

import pytest

FAILING = "scenarios/sla/failing-dependency.obs.yaml"
OWN = "scenarios/sla/own-figures.obs.yaml"
COUNT = "        counter.inc()\n"


@pytest.mark.integration
def test_a_counter_that_leaves_failures_out_is_caught(project: Any) -> None:
    project.edit("stack/service/instrumentation.py", COUNT, f"        if status < 500:\n    {COUNT}")

    said = project.pytest("--obs-stack", FAILING)

    assert "✗ availability of POST /checkout over 2s agrees with the request log" in said
    assert "figure 100.00%, bound " in said
    assert "✗ throughput of POST /checkout over 2s agrees with the request log" in said


@pytest.mark.integration
def test_an_availability_that_forgets_failures_is_caught(project: Any) -> None:
    project.edit(
        "stack/service/sla.py",
        "def _available(totals: Totals) -> float | None:\n    return 1 - totals.errors / totals.requests if",
        "def _available(totals: Totals) -> float | None:\n    return 1.0 if",
    )

    said = project.pytest("--obs-stack", OWN)

    assert "✗ availability over 4s agrees with the request log" in said
    assert "figure 100.00%, bound " in said
    assert "✓ throughput over 4s agrees with the request log" in said
