import json
from pathlib import Path

import pytest

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks.pagerduty import V1, PagerDuty

PAYLOADS = Path(__file__).parent / "payloads"
V2 = "/v2/enqueue"
GROUP = "271defa687ce89f9b64234d456840cfeffb496118e481250177b8febbc963acb"
VALID = {"routing_key": "k", "event_action": "trigger", "payload": {"summary": "s", "source": "x", "severity": "error"}}


def post(event: object, path: str = V2) -> tuple[int, bytes, Delivery]:
    return PagerDuty().accept("POST", path, {}, json.dumps(event).encode())


def alerts(status: str) -> list[tuple[dict[str, str], dict[str, str], str]]:
    one = {"alertname": "CheckoutSlow", "instance": "api-1.prod.example:8080", "path": "/a=b, {c}", "severity": "critical"}
    two = {"alertname": "CheckoutSlow", "instance": "api-2.prod.example:8080", "severity": "critical"}
    said = {"runbook_url": "https://runbooks.prod.example/slow", "summary": "p95 is 812ms\nfor 5m <now> & then"}
    return [(one, said, status), (two, {"summary": "p95 is 900ms"}, status)]


@pytest.mark.parametrize("status", ["firing", "resolved"])
@pytest.mark.parametrize(("api", "path", "code", "key"), [("v2", V2, 202, "dedup_key"), ("v1", V1[1], 200, "incident_key")])
def test_both_apis_take_what_alertmanager_sends(api: str, path: str, code: int, key: str, status: str) -> None:
    body = (PAYLOADS / f"pagerduty-{api}-{status}.json").read_bytes()

    answered, answer, delivery = PagerDuty().accept("POST", path, {}, body)

    assert (code, {"status": "success", "message": "Event processed", key: GROUP}) == (answered, json.loads(answer))
    assert (status, GROUP) == (delivery.status, delivery.group)
    assert alerts(status) == [(alert["labels"], alert["annotations"], alert["status"]) for alert in delivery.alerts]
    assert "secret" not in delivery.text


@pytest.mark.parametrize(("path", "name"), [(V2, "routing_key"), (V1[1], "service_key")])
def test_receivers_at_the_one_address_are_told_apart_by_the_placeholder_of_their_key(path: str, name: str) -> None:
    event = {**VALID, "event_type": "trigger", "description": "d"}

    assert post({**event, name: "key of on-call: api"}, path)[2].receiver == "on-call: api"
    assert post({**event, name: "k"}, path)[2].receiver == ""


def test_the_text_of_older_alertmanagers_is_parsed_too() -> None:
    text = (
        "Labels:\n - alertname = A\n - path = /x = y\nAnnotations:\n - summary = two\nlines\nSource: http://p/graph\n"
        "Labels:\n - alertname = B\nAnnotations:\nSource: http://p/graph\n"
    )
    event = {**VALID, "payload": {**VALID["payload"], "custom_details": {"firing": text, "resolved": ""}}}

    assert post(event)[2].alerts == (
        {"labels": {"alertname": "A", "path": "/x = y"}, "annotations": {"summary": "two\nlines"}, "status": "firing"},
        {"labels": {"alertname": "B"}, "annotations": {}, "status": "firing"},
    )


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"routing_key": ""}, "'routing_key' is missing or blank"),
        ({"event_action": "page"}, "'event_action' is 'page'; it is one of trigger, acknowledge, resolve"),
        ({"payload": None}, "'summary' is missing or blank\n'source' is missing or blank\n'severity' is missing or blank"),
        (
            {"payload": {"summary": "s", "source": "x", "severity": "page"}},
            "'severity' is 'page'; it is one of critical, warning, error, info",
        ),
    ],
)
def test_an_event_that_pagerduty_would_not_take_is_refused_with_every_error(change: dict[str, object], error: str) -> None:
    code, answer, delivery = post({**VALID, **change})

    assert (400, Delivery("pagerduty", "invalid", (), error)) == (code, delivery)
    assert {"status": "invalid event", "message": "Event object is invalid", "errors": error.split("\n")} == json.loads(answer)


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}"])
def test_what_is_no_event_is_refused(body: bytes) -> None:
    code, _, delivery = PagerDuty().accept("POST", V2, {}, body)

    assert (400, Delivery("pagerduty", "invalid", (), "the request is not a POST of a JSON object")) == (code, delivery)


@pytest.mark.parametrize(
    ("config", "defaults", "route"),
    [
        ({"routing_key": "x"}, {}, ("events.pagerduty.com:443", "/v2/enqueue")),
        (
            {"routing_key_file": "x"},
            {"pagerduty_url": "https://events.eu.pagerduty.com/v2/enqueue"},
            ("events.eu.pagerduty.com:443", V2),
        ),
        ({"url": "http://pd.prod.example:81/z"}, {"pagerduty_url": "https://other/"}, ("pd.prod.example:81", "/z")),
        ({"service_key": "x", "url": "http://pd.prod.example/z"}, {}, V1),
        ({"service_key_file": "x"}, {}, V1),
    ],
)
def test_the_route_is_the_one_that_alertmanager_takes(
    config: dict[str, str], defaults: dict[str, str], route: tuple[str, str]
) -> None:
    assert route == PagerDuty().route(config, defaults)
