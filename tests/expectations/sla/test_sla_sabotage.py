"""A service that counts wrongly is caught by the claims of the shipped stories."""

from __future__ import annotations

from typing import Any

import pytest

OWN = "scenarios/sla/own-figures.obs.yaml"


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


@pytest.mark.integration
def test_a_burn_rate_alert_that_waits_too_long_and_an_availability_from_up_are_caught(project: Any) -> None:
    project.edit("stack/prometheus/rules/budget.yml", "ratio_rate3s > 14.4 * 0.01", "ratio_rate3s > 14.4 * 0.1")
    project.edit("scenarios/sla/probes.obs.yaml", "kill: {component: checkout}", "kill: {component: payments}")

    said = project.pytest("--obs-stack", "scenarios/sla/budget.obs.yaml", "scenarios/sla/probes.obs.yaml")

    assert "✗ CheckoutBudgetBurn fires when the budget of orders-availability of POST /checkout burns, and only then" in said
    assert "page 3s/1s (burn rate 14.4) at " in said
    assert ": it did not fire\n" in said
    assert "✗ availability over 3s agrees with the probes of checkout /health/readiness" in said
    assert ", figure 100.00%, bound " in said


@pytest.mark.integration
def test_a_rate_that_does_not_know_of_restarts_is_caught(project: Any) -> None:
    rate = 'query: sum(rate(http_requests_total{endpoint="/checkout"}[3s]))'
    project.edit("scenarios/sla/restart.obs.yaml", rate, rate.replace("rate(", "delta(") + " / 3")

    said = project.pytest("--obs-stack", "scenarios/sla/restart.obs.yaml")

    assert "✗ throughput of POST /checkout over 3s agrees with the request log" in said
    assert "✓ availability of POST /checkout over 3s agrees with the request log" in said
