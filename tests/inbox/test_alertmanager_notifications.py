"""A real Alertmanager reaches all four sinks through the proxy, by the names that production has for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.components._http import Http
from pytest_obscheck.components.alertmanager import AlertmanagerClient
from pytest_obscheck.plan import Route
from pytest_obscheck.protocols import Delivery
from pytest_obscheck.registry import find

pytestmark = pytest.mark.integration

CONFIG = """
global:
  http_config:
    proxy_url: http://{proxy}
    tls_config: {{ca_file: {ca}}}
  slack_api_url: https://hooks.slack.com/services/T/B/not-a-secret
  smtp_smarthost: {smtp}
  smtp_from: alertmanager@prod.example
  smtp_auth_username: alertmanager
  smtp_auth_password: not-a-secret
  smtp_tls_config: {{ca_file: {ca}}}
route:
  receiver: everyone
  group_by: [alertname]
  group_wait: 0s
  group_interval: 100ms
receivers:
  - name: everyone
    webhook_configs: [{{url: "http://pager.prod.example:5001/hook"}}]
    slack_configs: [{{channel: "#alerts", send_resolved: true}}]
    pagerduty_configs: [{{routing_key: not-a-secret}}, {{service_key: not-a-secret}}]
    email_configs: [{{to: oncall@prod.example, send_resolved: true}}]
"""
RECEIVERS: Mapping[str, Mapping[str, str]] = {
    "webhook": {"url": "http://pager.prod.example:5001/hook"},
    "slack": {"api_url": "https://hooks.slack.com/services/T/B/not-a-secret"},
    "pagerduty": {"routing_key": "not-a-secret"},
    "email": {"to": "oncall@prod.example"},
}
LABELS = {"alertname": "CheckoutSlow", "severity": "critical", "instance": "api-1.prod.example:8080", "path": "/a=b, {c}"}
SENT = {"webhook": 2, "slack": 2, "pagerduty": 4, "email": 2}


def routes() -> list[Route]:
    ways = [(sink, find("sinks", sink)().route(config, {})) for sink, config in RECEIVERS.items()]
    ways.append(("pagerduty", find("sinks", "pagerduty")().route({"service_key": "not-a-secret"}, {})))
    return [Route(host, path, sink, "everyone") for sink, (host, path) in ways]


def test_all_four_sinks_hear_of_the_firing_and_of_the_end(
    inbox: Callable[..., Any], alertmanager: Callable[[str], Any]
) -> None:
    started = inbox(routes=routes())
    running = alertmanager(CONFIG.format(**started.listen, ca=started.ca_file))

    def arrived(count: int) -> Callable[[], bool]:
        return lambda: started.client.deliveries(0)[0] >= count

    running.send(LABELS)
    assert until(SystemClock(), arrived(5), 10), running.log()
    running.send(LABELS, endsAt="2026-01-01T00:00:00Z")
    assert until(SystemClock(), arrived(10), 10), running.log()

    _, deliveries = started.client.deliveries(0)
    assert {sink: sum(d.sink == sink for d in deliveries) for sink in RECEIVERS} == SENT
    assert started.client.refused() == []
    assert [d.status for d in deliveries] == ["firing"] * 5 + ["resolved"] * 5
    assert {d.receiver for d in deliveries} == {"everyone"}
    assert [understood(d) for d in deliveries] == [expected(d) for d in deliveries]
    assert not any("not-a-secret" in d.text for d in deliveries)


def understood(delivery: Delivery) -> list[tuple[Any, Any, Any]]:
    return [(alert["labels"], alert["annotations"], alert["status"]) for alert in delivery.alerts]


def expected(delivery: Delivery) -> list[tuple[Any, Any, Any]]:
    return [] if delivery.sink == "slack" else [(LABELS, {"summary": "two\nlines"}, delivery.status)]


MUTED = """
route:
  receiver: audit
  group_wait: 0s
  routes:
    - {receiver: on-call, mute_time_intervals: [always], continue: true}
    - {receiver: standby, active_time_intervals: [never], continue: true}
    - {receiver: audit}
receivers: [{name: audit}, {name: on-call}, {name: standby}]
time_intervals:
  - {name: always, time_intervals: [{years: ["2000:2100"]}]}
  - {name: never, time_intervals: [{years: ["1999"]}]}
"""


def test_a_receiver_that_hears_nothing_at_this_time_is_told_with_the_time_interval(alertmanager: Callable[[str], Any]) -> None:
    running = alertmanager(MUTED)
    client = AlertmanagerClient(Http("alertmanager", f"http://{running.address}"))

    running.send(LABELS)

    muted = {"on-call": ["always"], "standby": ["never"]}
    assert until(SystemClock(), lambda: [each["mutedBy"] for each in client.alerts()] == [muted], 5), client.alerts()
    client.close()
