import json
from pathlib import Path

import pytest

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks.slack import UNNAMED, Slack

PAYLOADS = Path(__file__).parent / "payloads"
HOOK = "/services/T/B/not-a-secret"
APP = "/api/chat.postMessage"
BEARER = {"authorization": "Bearer xoxb-not-a-secret"}
LINK = "https://alerts.prod.example/#/alerts?receiver=everyone"


@pytest.mark.parametrize(("status", "title"), [("firing", "[FIRING:2]"), ("resolved", "[RESOLVED]")])
def test_an_incoming_webhook_takes_what_alertmanager_sends(status: str, title: str) -> None:
    answered = Slack().accept("POST", HOOK, {}, (PAYLOADS / f"slack-hook-{status}.json").read_bytes())

    subject = f"{title} CheckoutSlow (critical)"
    words = ["#alerts", subject, LINK, "p95 is 812ms\nfor 5m <now> & then", f"{subject} | {LINK}", "Severity: critical"]
    assert (200, b"ok", Delivery("slack", status, (), "\n".join(words))) == answered


@pytest.mark.parametrize(("status", "title"), [("firing", "[FIRING:2]"), ("resolved", "[RESOLVED]")])
def test_the_web_api_takes_what_alertmanager_sends(status: str, title: str) -> None:
    code, body, delivery = Slack().accept("POST", APP, BEARER, (PAYLOADS / f"slack-app-{status}.json").read_bytes())

    subject = f"{title} CheckoutSlow (critical)"
    assert (code, json.loads(body)["ok"]) == (200, True)
    assert Delivery("slack", status, (), "\n".join(["#app", subject, LINK, f"{subject} | {LINK}"])) == delivery


@pytest.mark.parametrize(
    ("colour", "text", "status"),
    [
        ("danger", "all is lost", "firing"),
        ("good", "all is well", "resolved"),
        ("#fff", "it is", ""),
        ("good", "[FIRING:1] x", "firing"),
    ],
)
def test_a_message_of_ones_own_has_the_status_of_its_title_else_of_its_colour(colour: str, text: str, status: str) -> None:
    body = json.dumps({"attachments": [{"text": text, "color": colour}]}).encode()

    assert (200, b"ok", Delivery("slack", status, (), text)) == Slack().accept("POST", HOOK, {}, body)


@pytest.mark.parametrize(("body", "why"), [(b"{", "invalid_payload"), (b"[]", "invalid_payload"), (b"{}", "no_text")])
def test_a_webhook_refuses_in_slacks_words(body: bytes, why: str) -> None:
    assert (400, why.encode(), Delivery("slack", "invalid", (), why)) == Slack().accept("POST", HOOK, {}, body)


@pytest.mark.parametrize(
    ("headers", "body", "why"),
    [
        ({}, b'{"text": "x", "channel": "#a"}', "not_authed"),
        (BEARER, b'{"text": "x"}', "channel_not_found"),
        (BEARER, b'{"channel": "#a"}', "no_text"),
    ],
)
def test_the_web_api_refuses_with_a_200(headers: dict[str, str], body: bytes, why: str) -> None:
    answer = json.dumps({"ok": False, "error": why}).encode()

    assert (200, answer, Delivery("slack", "invalid", (), why)) == Slack().accept("POST", APP, headers, body)


@pytest.mark.parametrize(
    ("config", "defaults", "route"),
    [
        ({}, {"slack_api_url": "https://hooks.slack.com/services/T/B/x"}, ("hooks.slack.com:443", "/services/T/B/x")),
        ({"api_url": "http://slack.prod.example/y"}, {"slack_api_url": "https://other/"}, ("slack.prod.example:80", "/y")),
        ({"app_token": "x"}, {}, ("slack.com:443", APP)),
        (
            {},
            {"slack_app_token_file": "x", "slack_app_url": "https://slack.prod.example/api/z"},
            ("slack.prod.example:443", "/api/z"),
        ),
        ({"api_url_file": "x"}, {"slack_app_token": "x"}, (UNNAMED, "")),
        ({}, {"slack_api_url_file": "x"}, (UNNAMED, "")),
    ],
)
def test_the_route_is_the_one_that_alertmanager_takes(
    config: dict[str, str], defaults: dict[str, str], route: tuple[str, str]
) -> None:
    assert route == Slack().route(config, defaults)
