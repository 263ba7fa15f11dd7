"""A real Alertmanager reaches every kind of receiver that it knows; each sink says which alerts it was told of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.plan import Route
from pytest_obscheck.protocols import Delivery
from pytest_obscheck.registry import find, names

pytestmark = pytest.mark.integration

LABELS = {"alertname": "CheckoutSlow", "severity": "critical", "instance": "api-1.prod.example:8080", "path": "/a=b, <c>"}
BEARER = {"authorization": {"credentials": "not-a-secret"}}


@dataclass(frozen=True)
class Receiver:
    """One receiver as Alertmanager is configured; ``answered``: to the firing and to the end.

    ``labelled``: whether its default words carry labels, for the firing and for the end. ``said`` is in its words.
    """

    sink: str
    config: Mapping[str, Any]
    answered: tuple[int, int] = (200, 200)
    labelled: tuple[bool, bool] = (True, True)
    said: str = "CheckoutSlow"


SNS = {"sigv4": {"region": "eu-west-1", "access_key": "not-a-secret", "secret_key": "not-a-secret"}}
RECEIVERS = [
    Receiver("discord", {"webhook_url": "https://discord.com/api/webhooks/1/not-a-secret"}, (204, 204)),
    Receiver(
        "incidentio",
        {"url": "https://api.incident.io/v2/alert_events/alertmanager/1", "alert_source_token": "not-a-secret"},
        (202, 202),
    ),
    Receiver(
        "jira",
        {
            "api_url": "https://shop.atlassian.net/rest/api/2/",
            "project": "OPS",
            "issue_type": "Bug",
            "resolve_transition": "Done",
            "http_config": {"basic_auth": {"username": "bot", "password": "not-a-secret"}},
        },
        (201, 204),
    ),
    Receiver("mattermost", {"webhook_url": "https://chat.prod.example/hooks/not-a-secret"}),
    Receiver("msteams", {"webhook_url": "https://shop.webhook.office.com/webhookb2/not-a-secret"}),
    Receiver("msteamsv2", {"webhook_url": "https://prod-1.westeurope.logic.azure.com/workflows/not-a-secret"}, (202, 202)),
    Receiver(
        "opsgenie",
        {
            "api_key": "not-a-secret",
            "priority": "P1",
            "tags": "shop,checkout",
            "update_alerts": True,
            "responders": [{"type": "teams", "name": "shop,ops"}],
        },
        (202, 202),
        labelled=(True, False),
        said="priority: P1\nresponders: shop, ops\ntags: shop, checkout\n",
    ),
    Receiver("pushover", {"token": "not-a-secret", "user_key": "not-a-secret"}),
    Receiver(
        "rocketchat", {"channel": "#alerts", "token": "not-a-secret", "token_id": "not-a-secret"}, labelled=(False, False)
    ),
    Receiver("sns", {**SNS, "topic_arn": "arn:aws:sns:eu-west-1:1:alerts"}, said="[FIRING:1] CheckoutSlow"),
    Receiver(
        "sns",
        {**SNS, "phone_number": "+4915112345", "subject": "", "api_url": "https://sms.prod.example"},
        said="PhoneNumber: +4915112345",
    ),
    Receiver("telegram", {"bot_token": "not-a-secret", "chat_id": -1001}),
    Receiver("victorops", {"api_key": "not-a-secret", "routing_key": "shop"}),
    Receiver("webex", {"room_id": "shop", "http_config": BEARER}),
    Receiver("wechat", {"api_secret": "not-a-secret", "corp_id": "shop", "to_party": "2"}),
]


def test_every_receiver_that_is_not_tried_elsewhere_is_tried_here() -> None:
    assert {each.sink for each in RECEIVERS} | {"webhook", "slack", "pagerduty", "email"} == set(names("sinks"))


def configuration(inbox: Any) -> str:
    """Return one Alertmanager with a receiver for each row of the table, each told of everything."""
    through = {"proxy_url": f"http://{inbox.listen['proxy']}", "tls_config": {"ca_file": str(inbox.ca_file)}}
    receivers, routes = [], []
    for number, each in enumerate(RECEIVERS):
        config = {**each.config, "send_resolved": True, "http_config": {**through, **each.config.get("http_config", {})}}
        receivers.append({"name": f"{number} {each.sink}", find("sinks", each.sink).receiver_key: [config]})
        routes.append({"receiver": f"{number} {each.sink}", "continue": True})
    route = {
        "group_by": ["alertname"],
        "group_wait": "0s",
        "group_interval": "200ms",
        "receiver": "0 discord",
        "routes": routes,
    }
    return json.dumps({"route": route, "receivers": receivers})


def test_every_receiver_hears_of_the_firing_and_of_the_end(
    inbox: Callable[..., Any], alertmanager: Callable[[str], Any]
) -> None:
    ways = [find("sinks", each.sink)().route(each.config, {}) for each in RECEIVERS]
    routes = [
        Route(*way, each.sink, f"{number} {each.sink}") for number, (way, each) in enumerate(zip(ways, RECEIVERS, strict=True))
    ]
    started = inbox(routes=routes)
    running = alertmanager(configuration(started))

    def arrived(times: int) -> Callable[[], bool]:
        return lambda: started.client.deliveries(0)[0] >= times * len(RECEIVERS)

    running.send(LABELS)
    assert until(SystemClock(), arrived(1), 10), (told(started), running.log())
    running.send(LABELS, endsAt="2026-01-01T00:00:00Z")
    assert until(SystemClock(), arrived(2), 10), (told(started), running.log())

    _, deliveries = started.client.deliveries(0)
    assert started.client.refused() == []
    for number, each in enumerate(RECEIVERS):
        firing, end = [d for d in deliveries if d.receiver == f"{number} {each.sink}"]
        assert (firing.status, end.status, (firing.answered, end.answered)) == ("firing", "resolved", each.answered), each
        assert [understood(d) for d in (firing, end)] == [
            [(LABELS, {"summary": "two\nlines"}, d.status)] if labelled else []
            for d, labelled in zip((firing, end), each.labelled, strict=True)
        ], each
        assert each.said in firing.text, firing.text
    assert not any("not-a-secret" in d.text for d in deliveries)


def told(inbox: Any) -> Mapping[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for each in inbox.client.deliveries(0)[1]:
        found.setdefault(each.receiver, []).append((each.status, each.text if each.status == "invalid" else ""))
    return found


def understood(delivery: Delivery) -> list[tuple[Any, Any, Any]]:
    return [(alert["labels"], alert["annotations"], alert["status"]) for alert in delivery.alerts]
