"""The audit trail keeps what Alertmanager sends, or makes it send again."""

from __future__ import annotations

from typing import Any

ALERT = {
    "status": "firing",
    "labels": {"alertname": "CheckoutSlow", "severity": "critical"},
    "annotations": {"summary": "slow"},
    "startsAt": "2026-05-01T12:00:00.123Z",
    "endsAt": "0001-01-01T00:00:00Z",
    "generatorURL": "http://prometheus/graph",
    "fingerprint": "c2f8a1b0",
}
PAYLOAD = {
    "version": "4",
    "groupKey": "{}:{}",
    "status": "firing",
    "receiver": "audit",
    "groupLabels": {},
    "externalURL": "http://alertmanager",
    "alerts": [ALERT, {**ALERT, "status": "resolved", "labels": {"alertname": "ServiceDown"}}],
}


def test_every_alert_of_a_notification_is_kept_as_it_came(shop: Any) -> None:
    kept = shop.ask("POST", "/webhooks/alerts", json=PAYLOAD)

    trail = shop.ask("GET", "/audit/alerts").json()["alerts"]
    assert (kept.status_code, kept.json()) == (200, {"kept": 2})
    assert {(alert["alertname"], alert["status"]) for alert in trail} == {
        ("CheckoutSlow", "firing"),
        ("ServiceDown", "resolved"),
    }
    slow = next(alert for alert in trail if alert["alertname"] == "CheckoutSlow")
    assert slow.pop("id")
    assert slow.pop("received").endswith("+00:00")
    assert slow == {
        "status": "firing",
        "alertname": "CheckoutSlow",
        "fingerprint": "c2f8a1b0",
        "receiver": "audit",
        "starts": "2026-05-01T12:00:00.123Z",
        "ends": "0001-01-01T00:00:00Z",
        "labels": {"alertname": "CheckoutSlow", "severity": "critical"},
        "annotations": {"summary": "slow"},
    }


def test_the_trail_can_be_asked_for_one_alert_and_for_a_few(shop: Any) -> None:
    for _ in range(3):
        shop.ask("POST", "/webhooks/alerts", json=PAYLOAD)

    one = shop.ask("GET", "/audit/alerts", params={"alertname": "ServiceDown"}).json()["alerts"]
    few = shop.ask("GET", "/audit/alerts", params={"limit": 2}).json()["alerts"]
    assert {alert["alertname"] for alert in one} == {"ServiceDown"}
    assert (len(one), len(few)) == (3, 2)


def test_what_is_no_notification_is_refused(shop: Any) -> None:
    assert shop.ask("POST", "/webhooks/alerts", json={"alerts": "many"}).status_code == 422
    assert shop.ask("GET", "/audit/alerts").json() == {"alerts": []}


def test_a_trail_that_cannot_be_written_makes_alertmanager_send_again(make_shop: Any, tmp_path: Any) -> None:
    shop = make_shop(database_url=f"sqlite:///{tmp_path}/no/such/folder/shop.db")

    assert shop.ask("POST", "/webhooks/alerts", json=PAYLOAD).status_code == 503
