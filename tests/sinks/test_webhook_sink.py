from pathlib import Path

import pytest

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks.webhook import UNNAMED, Webhook

PAYLOADS = Path(__file__).parent / "payloads"


def post(body: bytes) -> tuple[int, bytes, Delivery]:
    return Webhook().accept("POST", "/hook", {}, body)


@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_what_alertmanager_sends_is_understood_whole(status: str) -> None:
    code, _, delivery = post((PAYLOADS / f"webhook-{status}.json").read_bytes())

    assert (200, status, "everyone", '{}:{alertname="CheckoutSlow"}') == (
        code,
        delivery.status,
        delivery.receiver,
        delivery.group,
    )
    assert [
        (
            {"alertname": "CheckoutSlow", "instance": "api-1.prod.example:8080", "path": "/a=b, {c}", "severity": "critical"},
            {"runbook_url": "https://runbooks.prod.example/slow", "summary": "p95 is 812ms\nfor 5m <now> & then"},
            status,
        ),
        (
            {"alertname": "CheckoutSlow", "instance": "api-2.prod.example:8080", "severity": "critical"},
            {"summary": "p95 is 900ms"},
            status,
        ),
    ] == [(alert["labels"], alert["annotations"], alert["status"]) for alert in delivery.alerts]
    assert "summary = p95 is 900ms" in delivery.text.split("\n")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))"),
        (b"[]", "JSON, but not an object"),
    ],
)
def test_what_is_no_message_is_refused_and_noted(body: bytes, why: str) -> None:
    code, _, delivery = post(body)

    assert (400, Delivery("webhook", "invalid", (), why)) == (code, delivery)


def test_anything_but_a_post_is_refused() -> None:
    code, _, delivery = Webhook().accept("GET", "/hook", {}, b"{}")

    assert (405, Delivery("webhook", "invalid", (), "GET instead of POST")) == (code, delivery)


def test_an_empty_object_is_taken_and_says_nothing() -> None:
    code, _, delivery = post(b"{}")

    assert (200, Delivery("webhook", "", (), "")) == (code, delivery)


@pytest.mark.parametrize(
    ("url", "route"),
    [
        ("http://pager.prod.example:5001/hook", ("pager.prod.example:5001", "/hook")),
        ("https://Hooks.Prod.example", ("hooks.prod.example:443", "")),
        ("http://user:word@hooks.prod.example/a?b=c", ("hooks.prod.example:80", "/a")),
        ("http://hooks.prod.example/{{ .CommonLabels.team }}/x", ("hooks.prod.example:80", "/")),
        ("http://[::1]:5001/x", ("[::1]:5001", "/x")),
    ],
)
def test_the_url_says_where_it_leads(url: str, route: tuple[str, str]) -> None:
    assert route == Webhook().route({"url": url}, {})


def test_a_url_in_a_file_leads_to_a_name_of_our_own() -> None:
    assert Webhook().route({"url_file": "/etc/secret"}, {}) == (UNNAMED, "")
