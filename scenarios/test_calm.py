"""The story without a fault, in Python: under load and with nothing broken, nobody is told anything."""

from __future__ import annotations

from typing import Any

from pytest_obscheck import Alert, Fireable, Health, Locust, Metric, Notification, during, eventually, never


def test_a_healthy_shop_under_load_pages_nobody(scenario: Any) -> None:
    scenario.load(Locust("loads/checkout.py", users=10), during("0s", "2s"))

    # 10 users make some 50 requests a second; half of that is still far more than silence.
    orders = 'sum(rate(http_requests_total{endpoint="/checkout",status="201"}[1s]))'
    scenario.expect(Metric(orders, "> 20"), eventually("0s", "2s"))
    scenario.expect(Health("checkout", "/health/readiness", status=200, faster="100ms"), eventually("0s", "2s"))
    scenario.expect(Fireable(), eventually("0s", "3s"))
    for alert in ("CheckoutSlow", "HighErrorRate", "ServiceDown"):
        scenario.expect(Alert(alert), never("0s", "2s"))
    for sink in ("pagerduty", "slack", "email"):
        scenario.expect(Notification(sink), never("0s", "2s"))

    scenario.run()
