"""The same message again: a repeat, or a page that arrives twice."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pytest_obscheck.expectations.notification import Notification
from pytest_obscheck.journal import Journal
from pytest_obscheck.protocols import Delivery, History
from pytest_obscheck.registry import find
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import once

ZERO = 1000.0
SLOW = ({"labels": {"alertname": "Slow"}, "status": "firing"},)
PASSED, FAILED = Outcome.PASSED, Outcome.FAILED
ONE_EACH = (("hook", "am-0"), ("hook", "am-1"))


def told(
    *at: float, ways: Any = ONE_EACH, repeat: str = "4h", speed: float = 1.0, resolved: bool = True, **more: Any
) -> tuple[Outcome, str]:
    """Return whether Slow came once, where the same message came at these wall seconds; ``ways``: receiver and who sends."""
    journal = Journal()
    journal.write("zero", ZERO, speed=speed)
    routes = [{"sink": "webhook", "receiver": receiver, "member": member, "resolved": resolved} for receiver, member in ways]
    branches = [{"receiver": receiver, "repeat": repeat} for receiver, _ in ways]
    journal.write("plan", ZERO, routes=routes, branches=branches)
    message = {"sink": "webhook", "status": "firing", "alerts": SLOW, "text": "", "group": "g", "receiver": "hook", **more}
    for step in range(101):
        since, until = ZERO + (step - 1) / 10, ZERO + step / 10
        came = [Delivery(**{"wall": ZERO + each, **message}) for each in at if since < ZERO + each <= until]
        arrived = [dataclasses.asdict(each) for each in came]
        journal.write("look", until, key="deliveries", data={"since": since, "until": until, "arrived": arrived})
    phrase, looks = once("0s", f"{9 * speed:g}s"), tuple(journal.of("look", key="deliveries"))
    sights = Notification("webhook", {"alertname": "Slow"}).holds(History(looks, journal))
    decision = phrase.decide(sights, phrase.span, 1.0 * speed)
    return decision.outcome, decision.words


def test_what_a_second_alertmanager_sends_again_is_a_second_page_and_says_who_sends_it() -> None:
    times = "2 times instead of once: at 1.0s, 1.2s"
    why = "the same came again after 250ms, and 'hook' repeats it after 4h00m at the soonest"
    right = "am-0 and am-1 send it, and would once as peers of one cluster (`--cluster.peer`)"
    assert told(1.0, 1.25) == (FAILED, f"{times}; {why}: {right}")


def test_what_the_only_alertmanager_sends_again_too_soon_it_had_forgotten() -> None:
    words = told(1.0, 6.0, ways=[("hook", "am")])[1]

    soonest = "and 'hook' repeats it after 4h00m at the soonest: its Alertmanager forgot that it had sent it"
    assert words.endswith(f"; the same came again after 5.0s, {soonest}")


def test_who_is_not_told_that_an_alert_was_over_is_told_again_when_it_fires_again() -> None:
    outcome, words = told(1.0, 6.0, ways=[("hook", "am")], resolved=False)

    assert outcome is FAILED
    assert words.endswith(": what fired was over in between, of which it is not told (`send_resolved: false`)")


def test_a_copy_does_not_put_off_the_repeat_of_the_first() -> None:
    assert told(1.0, 3.0, 5.0, repeat="4s")[1].startswith("2 times instead of once: at 1.0s, 3.0s; ")


@pytest.mark.parametrize(
    ("at", "more", "wanted"),
    [
        pytest.param((1.0, 5.0), {"repeat": "4s"}, PASSED, id="a repeat when its time has come"),
        pytest.param((1.0, 4.0), {"repeat": "4s"}, FAILED, id="sooner than that"),
        pytest.param((1.0, 5.0), {"repeat": "1h", "speed": 900.0}, PASSED, id="a repeat in story time"),
        pytest.param((1.0, 4.0), {"repeat": "1h", "speed": 900.0}, FAILED, id="sooner than that in story time"),
        pytest.param((1.0, 5.0, 5.25), {"repeat": "4s"}, FAILED, id="a repeat that comes twice"),
        pytest.param((1.0, 1.25), {"ways": [("hook", "am"), ("hook", "am")]}, PASSED, id="two integrations"),
        pytest.param((1.0, 1.25, 1.5), {"ways": [("hook", "am"), ("hook", "am")]}, FAILED, id="thrice by two integrations"),
        pytest.param(
            (1.0, 1.25), {"ways": [("hook", "am"), ("b", "am")], "receiver": "b or hook"}, PASSED, id="shared address"
        ),
        pytest.param((1.0, 1.25), {"merges": True}, PASSED, id="a service that merges"),
        pytest.param((1.0, 1.25), {"answered": 503}, FAILED, id="never taken"),
        pytest.param((1.0, 1.25), {"ways": []}, PASSED, id="nobody knows its routes"),
        pytest.param((1.0, 1.25), {"repeat": "${EVERY}"}, PASSED, id="nobody knows its interval"),
    ],
)
def test_the_same_again_is_a_repeat_only_after_its_interval_by_its_own_integration_or_where_it_is_merged(
    at: tuple[float, ...], more: dict[str, Any], wanted: Outcome
) -> None:
    assert told(*at, **more)[0] is wanted


def test_a_message_that_was_refused_is_sent_again_and_came_once() -> None:
    refused = Delivery("webhook", "firing", SLOW, "", "g", "hook", answered=503, wall=ZERO + 1)
    taken = dataclasses.replace(refused, answered=200, wall=ZERO + 1.25)
    journal = Journal()
    journal.write("zero", ZERO, speed=1.0)
    looks = [{"since": ZERO, "until": ZERO + 2, "arrived": [dataclasses.asdict(each) for each in (refused, taken)]}]
    journal.write("look", ZERO + 2, key="deliveries", data=looks[0])

    sights = Notification("webhook").holds(History(tuple(journal.of("look")), journal))

    assert [sight.at for sight in sights if sight.holds] == [1.25]


PAGE = {
    "pagerduty": ("/v2/enqueue", b'{"routing_key":"k","event_action":"resolve","dedup_key":"g"}'),
    "opsgenie": ("/v2/alerts", b'{"message":"m","alias":"g"}'),
    "victorops": ("/k/r", b'{"message_type":"CRITICAL","entity_id":"g"}'),
    "incidentio": ("/x", b'{"status":"firing","groupKey":"g"}'),
    "webhook": ("/x", b'{"status":"firing","groupKey":"g"}'),
    "slack": ("/services/T/B/X", b'{"text":"[FIRING:1] X"}'),
}


@pytest.mark.parametrize("name", PAGE)
def test_services_that_know_an_incident_by_its_key_merge_and_chats_do_not(name: str) -> None:
    path, body = PAGE[name]
    key = {"opsgenie": "GenieKey k", "incidentio": "Bearer k"}.get(name, "")

    _, _, delivery = find("sinks", name)().accept("POST", path, {"authorization": key}, body)

    assert delivery.merges is (name not in ("webhook", "slack"))
