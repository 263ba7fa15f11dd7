from pathlib import Path

import pytest

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks.email import Email

PAYLOADS = Path(__file__).parent / "payloads"


def take(body: bytes) -> tuple[int, bytes, Delivery]:
    return Email().accept("MAIL", "oncall@prod.example", {}, body)


@pytest.mark.parametrize(("status", "title"), [("firing", "[FIRING:2]"), ("resolved", "[RESOLVED]")])
def test_labels_and_annotations_are_read_back_from_the_default_html(status: str, title: str) -> None:
    code, _, delivery = take((PAYLOADS / f"email-{status}.eml").read_bytes())

    assert (250, status) == (code, delivery.status)
    assert (
        {
            "labels": {
                "alertname": "CheckoutSlow",
                "instance": "api-1.prod.example:8080",
                "path": "/a=b, {c}",
                "severity": "critical",
            },
            "annotations": {
                "runbook_url": "https://runbooks.prod.example/slow",
                "summary": "p95 is 812ms\nfor 5m <now> & then",
            },
            "status": status,
        },
        {
            "labels": {"alertname": "CheckoutSlow", "instance": "api-2.prod.example:8080", "severity": "critical"},
            "annotations": {"summary": "p95 is 900ms"},
            "status": status,
        },
    ) == delivery.alerts
    assert ["To: oncall@prod.example", f"Subject: {title} CheckoutSlow (critical)"] == delivery.text.split("\n")[:2]
    assert "font-family" not in delivery.text


@pytest.mark.parametrize(
    ("subject", "status"), [("[FIRING:1] X", "firing"), ("[RESOLVED] X", "resolved"), ("something happened", "")]
)
def test_a_text_of_ones_own_has_words_and_the_status_of_its_subject(subject: str, status: str) -> None:
    text = f"To: a@prod.example\nSubject: {subject}\n\nthe words = of the team\n"

    words = f"To: oncall@prod.example\nSubject: {subject}\nthe words = of the team"
    assert (250, b"2.0.0 OK", Delivery("email", status, (), words)) == take(text.encode())


def test_a_message_without_a_header_is_refused_and_noted() -> None:
    delivery = Delivery("email", "invalid", (), "a message without a header")

    assert (554, b"5.6.0 the message has no header", delivery) == take(b"")


def test_no_name_leads_to_a_mailbox_so_its_route_is_a_marker_and_the_recipients() -> None:
    assert Email().route({"to": "a@prod.example, b@prod.example"}, {}) == ("smtp", "a@prod.example, b@prod.example")
