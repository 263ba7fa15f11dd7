"""A service that counts wrongly is caught by the claims of the shipped stories.

On a machine that keeps the service from its processors, what was seen to fail is told as unknown: then that it was seen counts.
What is right need not be seen there.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

OWN = "scenarios/sla/own-figures.obs.yaml"
SLOW = r"the machine was too slow: [^;]*; seen was: failed, "


def caught(said: Any, claim: str) -> str:
    """Return in which words a claim was seen to fail; nothing where it was not."""
    found = re.search(rf"✗ {re.escape(claim)}.*\n +(.*)|\? {re.escape(claim)}.*\n +{SLOW}(.*)", said.out)
    return found[1] or found[2] if found else ""


@pytest.mark.integration
def test_an_availability_that_forgets_failures_is_caught(project: Any) -> None:
    project.edit(
        "stack/service/sla.py",
        "def _available(totals: Totals) -> float | None:\n    return 1 - totals.errors / totals.requests if",
        "def _available(totals: Totals) -> float | None:\n    return 1.0 if",
    )

    said = project.pytest("--obs-stack", OWN)

    assert "figure 100.00%, bound " in caught(said, "availability over 4s agrees with the request log"), said.out
    assert "✗ throughput over 4s" not in said


@pytest.mark.integration
def test_a_burn_rate_alert_that_waits_too_long_and_an_availability_from_up_are_caught(project: Any) -> None:
    project.edit("stack/prometheus/rules/budget.yml", "ratio_rate3s > 14.4 * 0.01", "ratio_rate3s > 14.4 * 0.1")
    project.edit("scenarios/sla/probes.obs.yaml", "kill: {component: checkout}", "kill: {component: payments}")

    said = project.pytest("--obs-stack", "scenarios/sla/budget.obs.yaml", "scenarios/sla/probes.obs.yaml")

    burns = caught(
        said, "CheckoutBudgetBurn fires when the budget of orders-availability of POST /checkout burns, and only then"
    )
    assert burns.startswith("page 3s/1s (burn rate 14.4) at "), said.out
    assert burns.endswith(": it did not fire")
    up = caught(said, "availability over 3s agrees with the probes of checkout /health/readiness:")
    # 100 %, unless a scrape of a slow machine was lost.
    assert up.startswith("availability: truth "), said.out


@pytest.mark.integration
def test_a_rate_that_does_not_know_of_restarts_is_caught(project: Any) -> None:
    story, rate = "scenarios/sla/restart.obs.yaml", 'query: sum(rate(http_requests_total{endpoint="/checkout"}[3s]))'
    project.edit(story, rate, rate.replace("rate(", "delta(") + " / 6")
    # On a busy machine the service takes seconds to start: a window must hold what it counted before and after that.
    for short, long in (("3s .. 5500ms", "6s .. 8s"), ("[3s]", "[6s]"), ("over: 3s", "over: 6s"), ("until: 6s", "until: 9s")):
        project.write(story, (project.path / story).read_text(encoding="utf-8").replace(short, long))

    said = project.pytest("--obs-stack", story)

    assert "throughput: " in caught(said, "throughput of POST /checkout over 6s agrees with the request log:"), said.out
    assert "✗ availability of POST /checkout" not in said
