"""Notifications: deliveries in, sights and sentences out."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from typing import Any

import pytest

from pytest_obscheck.errors import Problem
from pytest_obscheck.expectations.notification import Deliveries, Notification
from pytest_obscheck.journal import Journal
from pytest_obscheck.plan import AlertRule, Branch, Facts, Matcher, Route
from pytest_obscheck.protocols import Delivery, History
from pytest_obscheck.speed import Pace, Speed
from pytest_obscheck.testing import FakeStack, a_journal, a_plan
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import Decision, Phrase, Window, during, eventually, never, once

ZERO = 1000.0
PASSED, UNKNOWN, FAILED = Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED
SLOW = {"alertname": "Slow", "job": "checkout"}


def page(at: float, *alerts: tuple[str, str], **more: Any) -> Delivery:
    """Return a page that arrived at a story second, about alerts given as (name, status)."""
    told = tuple({"labels": {"alertname": name, "job": "checkout"}, "status": status} for name, status in alerts)
    status = "firing" if any(status == "firing" for _, status in alerts) else "resolved"
    given = {"sink": "pagerduty", "status": status, "alerts": told, "text": "", "group": "g", "receiver": "on-call"}
    return Delivery(**{**given, "answered": 202, "wall": ZERO + at, **more})


def slack(at: float, text: str, status: str = "firing") -> Delivery:
    """Return a message as Slack gets it: text without labels."""
    return Delivery("slack", status, (), text, wall=ZERO + at)


def arrived(*deliveries: Delivery, held: list[dict[str, Any]] | None = None, until: float = 10.0) -> Journal:
    """Return looks in each half second at what arrived."""
    seen: list[tuple[float, Any]] = []
    for step in range(int(until * 2) + 1):
        since, at = ZERO + (step - 1) / 2, ZERO + step / 2
        mine = [dataclasses.asdict(each) for each in deliveries if since < each.wall <= at]
        seen.append((step / 2, {"since": since, "until": at, "arrived": mine, "held": held or []}))
    return a_journal(ZERO, deliveries=seen)


def decided(expectation: Notification, phrase: Phrase, journal: Journal) -> Decision:
    window = phrase.window({})
    assert window is not None
    return phrase.decide(expectation.holds(_history(journal)), window, 1.0)


def _history(journal: Journal) -> History:
    return History(tuple(journal.of("look", key="deliveries")), journal)


def test_a_page_is_dated_by_its_arrival() -> None:
    decision = decided(Notification("pagerduty", SLOW), eventually("0s", "9s"), arrived(page(2.3, ("Slow", "firing"))))

    assert decision == Decision(PASSED, "notified at 2.3s", settled=True, at=2.3)


def test_silence_of_an_alertmanager_that_notifies_others_proves_nothing_and_an_arrival_does() -> None:
    route = {"sink": "pagerduty", "receiver": "on-call", "host": "x:443", "where": "alertmanager.yml:9", "seen": False}
    quiet, loud = arrived(), arrived(page(2.3, ("Slow", "firing")))
    for journal in (quiet, loud):
        journal.write("plan", ZERO, routes=[route])
    expectation = Notification("pagerduty", SLOW)

    why = "receiver 'on-call' of an attached Alertmanager leads to no sink of this run, but to x:443 (alertmanager.yml:9)"
    assert decided(expectation, never("0s", "9s"), quiet).outcome is UNKNOWN
    assert decided(expectation, never("0s", "9s"), quiet).words.endswith(why)
    assert decided(expectation, eventually("0s", "9s"), quiet).outcome is UNKNOWN
    assert decided(expectation, eventually("0s", "9s"), loud).outcome is PASSED
    assert decided(expectation, never("0s", "9s"), loud).outcome is FAILED
    assert decided(Notification("pagerduty", SLOW, receiver="others"), never("0s", "9s"), quiet).outcome is PASSED


@pytest.mark.parametrize(
    "delivery",
    [
        page(2.0, ("Slow", "resolved")),
        page(2.0, ("VerySlow", "firing")),
        page(2.0, ("Slow", "firing"), sink="webhook"),
        page(2.0, ("Slow", "firing"), answered=400),
        page(2.0, ("Slow", "firing"), answered=503),
        page(2.0, ("Slow", "firing"), receiver="other"),
        page(2.0, ("Slow", "resolved"), ("Other", "firing")),
    ],
)
def test_what_is_something_else_or_was_not_acknowledged_does_not_count(delivery: Delivery) -> None:
    expectation = Notification("pagerduty", SLOW, receiver="on-call")

    assert decided(expectation, eventually("0s", "9s"), arrived(delivery)).outcome is FAILED
    assert decided(expectation, never("0s", "9s"), arrived(delivery)).outcome is PASSED


def test_once_does_not_count_retries_repeats_and_what_is_resolved() -> None:
    journal = arrived(
        page(1.0, ("Slow", "firing"), answered=503),
        page(1.5, ("Slow", "firing")),
        page(3.0, ("Slow", "firing")),
        page(5.0, ("Slow", "resolved")),
    )

    decision = decided(Notification("pagerduty", SLOW), once("0s", "9s"), journal)

    assert decision == Decision(PASSED, "notified at 1.5s", at=1.5)


def test_once_counts_a_second_firing_after_a_resolution() -> None:
    journal = arrived(page(1.0, ("Slow", "firing")), page(3.0, ("Slow", "resolved")), page(5.0, ("Slow", "firing")))

    decision = decided(Notification("pagerduty", SLOW), once("0s", "9s"), journal)

    assert decision.words == "2 times instead of once: at 1.0s, 5.0s"


def test_once_counts_a_group_that_grew_and_each_group_by_itself() -> None:
    grew = arrived(page(1.0, ("Slow", "firing")), page(3.0, ("Slow", "firing"), ("Other", "firing")))
    groups = arrived(page(1.0, ("Slow", "firing")), page(3.0, ("Slow", "firing"), group="h"))

    outcomes = [decided(Notification("pagerduty", SLOW), once("0s", "9s"), journal).outcome for journal in (grew, groups)]

    assert outcomes == [FAILED, FAILED]


def closed(at: float, group: str = "g") -> Delivery:
    """Return an end that names its group only."""
    return Delivery("opsgenie", "resolved", (), f"closed by its alias {group}", group, "on-call", wall=ZERO + at)


def test_an_end_that_names_its_group_only_is_about_the_alerts_of_that_group() -> None:
    journal = arrived(
        page(1.0, ("Slow", "firing"), sink="opsgenie"), page(1.5, ("Other", "firing"), sink="opsgenie", group="h"), closed(3.0)
    )
    slow, other = (Notification("opsgenie", {"alertname": name}, "resolved") for name in ("Slow", "Other"))

    assert decided(slow, once("0s", "9s"), journal).words == "told of the end at 3.0s, found by its group"
    assert decided(other, never("0s", "9s"), journal).outcome is PASSED


@pytest.mark.parametrize("before", [[], [page(1.0, ("Slow", "firing"), sink="opsgenie", answered=503)]])
def test_an_end_of_a_group_that_nobody_was_told_of_is_about_nothing(before: list[Delivery]) -> None:
    ended = Notification("opsgenie", SLOW, "resolved")

    assert decided(ended, never("0s", "9s"), arrived(*before, closed(3.0))).outcome is PASSED


def test_a_repeat_of_one_group_is_one_whatever_other_groups_say_in_between() -> None:
    journal = arrived(
        page(1.0, ("Slow", "firing")), page(2.0, ("Other", "firing"), group="h"), page(3.0, ("Slow", "firing"))
    )  # fmt: skip

    assert decided(Notification("pagerduty", SLOW), once("0s", "9s"), journal).outcome is PASSED


def test_the_end_of_an_alert_in_a_group_that_still_fires_is_told() -> None:
    journal = arrived(page(2.0, ("Slow", "resolved"), ("Other", "firing")))

    decision = decided(Notification("pagerduty", SLOW, "resolved"), eventually("0s", "9s"), journal)

    assert decision == Decision(PASSED, "told of the end at 2.0s", settled=True, at=2.0)


def test_a_count_holds_while_exactly_so_many_have_arrived() -> None:
    journal = arrived(page(2.0, ("Slow", "firing")), page(4.0, ("Slow", "firing"), group="h"))
    expectation = Notification("pagerduty", SLOW, count=1)

    held = [sight.at for sight in expectation.holds(_history(journal)) if sight.holds]

    assert (held[0], held[-1]) == (2.0, 3.5)
    assert decided(Notification("pagerduty", SLOW, count=0), never("0s", "1s"), journal).words == "nothing arrived"


# ── by text ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FIRING: Slow", True),
        ("[FIRING:1] Slow (checkout)", True),
        ("firing:Slow", True),
        ("Slow.", True),
        ("*Slow*", True),
        ('alertname="Slow"', True),
        ("VerySlow", False),
        ("Slower", False),
        ("Slow-Disk", False),
        ("Too_Slow", False),
        ("slow", False),
    ],
)
def test_text_is_searched_for_the_whole_value_of_a_label(text: str, found: bool) -> None:
    decision = decided(Notification("slack", {"alertname": "Slow"}), eventually("0s", "9s"), arrived(slack(2.0, text)))

    assert decision.outcome is (PASSED if found else FAILED)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("shop.example:8080", True),
        ("shop.example", False),
        ("example:8080", False),
        ("a b", True),
        ("~a .", True),
        ("~shop.*", True),
        ("~b.b", False),
    ],
)
def test_values_may_hold_spaces_dots_and_ports_and_may_be_patterns(wanted: str, found: bool) -> None:
    journal = arrived(slack(2.0, "about shop.example:8080 and a b"))

    decision = decided(Notification("slack", {"instance": wanted}), eventually("0s", "9s"), journal)

    assert decision.outcome is (PASSED if found else FAILED)


def test_what_was_found_by_text_says_so() -> None:
    journal = arrived(slack(2.0, "Slow"))

    assert decided(Notification("slack", SLOW), eventually("0s", "9s"), journal).outcome is FAILED  # `job` is not in the text
    assert (
        decided(Notification("slack", {"alertname": "Slow"}), eventually("0s", "9s"), journal).words
        == "notified at 2.0s, found by its text"
    )


def test_a_message_whose_status_cannot_be_read_still_told_somebody() -> None:
    journal = arrived(slack(2.0, "Slow", status=""))

    decision = decided(Notification("slack", {"alertname": "Slow"}), never("0s", "9s"), journal)

    assert decision.words == "notified at 2.0s, found by its text; its status cannot be read"
    assert decided(Notification("slack", {"alertname": "Slow"}, "resolved"), never("0s", "9s"), journal).outcome is PASSED


def test_without_labels_any_message_counts() -> None:
    assert decided(Notification("slack"), never("0s", "9s"), arrived(slack(2.0, "anything"))).outcome is FAILED


GAP = "no file matches 'rules/*.yml' (prometheus.yml:3)"


@pytest.mark.parametrize("labels", [{}, {"alertname": "~Slow.*"}, {"severity": "page"}])
def test_a_silence_says_which_rules_it_does_not_speak_of(labels: dict[str, str]) -> None:
    journal = arrived()
    journal.write("plan", ZERO, alerts={}, gaps=[GAP])

    assert Notification("pagerduty", labels).lacks(_history(journal)) == f"{GAP}: what its rules would tell is not seen"
    assert Notification("pagerduty", labels).lacks(_history(arrived())) == ""


def test_the_silence_of_one_alert_speaks_of_its_own_rule() -> None:
    journal = arrived()
    journal.write("plan", ZERO, alerts={}, gaps=[GAP])

    assert Notification("pagerduty", SLOW).lacks(_history(journal)) == ""


# ── it cannot tell ───────────────────────────────────────────────────────────


def test_an_inbox_that_cannot_be_asked_is_not_a_quiet_one() -> None:
    journal = a_journal(ZERO, deliveries=[(at, "inbox: no answer") for at in range(10)])

    decision = decided(Notification("pagerduty"), never("0s", "9s"), journal)

    assert decision == Decision(UNKNOWN, "every look failed; the last said: inbox: no answer")


def test_a_look_that_reaches_back_over_a_long_pause_saw_all_of_it() -> None:
    late = dataclasses.asdict(page(3.2, ("Slow", "firing")))
    looks: list[tuple[float, Any]] = [
        (0.0, {"since": ZERO, "until": ZERO, "arrived": []}),
        (1.0, "inbox: no answer"),
        (4.0, {"since": ZERO, "until": ZERO + 4, "arrived": [late]}),
    ]
    journal = a_journal(ZERO, deliveries=looks)

    assert decided(Notification("pagerduty", SLOW), never("0s", "3s"), journal).outcome is PASSED
    assert decided(Notification("pagerduty", SLOW), once("0s", "4s"), journal).words == "notified at 3.2s"


# ── explanations ─────────────────────────────────────────────────────────────

TO_AUDIT = "Alertmanager routed Slow to 'audit' only"
ROUTES = [
    {"sink": "pagerduty", "receiver": "on-call", "host": "", "where": "am.yml:40", "resolved": False},
    {"sink": "pagerduty", "receiver": "management", "host": "", "where": "am.yml:50", "resolved": True},
]


def held(receiver: str = "on-call", **status: list[str]) -> list[dict[str, Any]]:
    return [{"labels": SLOW, "status": {"state": "active", **status}, "receivers": [receiver], "fingerprint": "1"}]


def _json(values: list[Any]) -> Any:
    """Return dataclasses as a journal keeps them."""
    return json.loads(json.dumps(values, default=dataclasses.asdict))


def told(journal: Journal, window: Window, expectation: Notification | None = None, **plan: Any) -> str:
    journal.write("plan", ZERO, **{"alerts": {}, "routes": ROUTES, **plan})
    return (expectation or Notification("pagerduty", SLOW)).tell(_history(journal), window)


@pytest.mark.parametrize(
    ("journal", "wanted"),
    [
        (arrived(page(8.0, ("Slow", "firing"))), "it came at 8.0s: 3.0s too late"),
        (arrived(page(1.0, ("Slow", "firing"))), "it came at 1.0s: 1.0s too early"),
        (arrived(), "Alertmanager was never given such an alert"),
        (
            arrived(page(3.0, ("Slow", "firing"), answered=400, text="'payload' is missing\nmore")),
            "pagerduty answered 400 to what reached it: 'payload' is missing",
        ),
        (
            arrived(held=held(inhibitedBy=["2"])),
            "Alertmanager inhibited it: another alert mutes it (inhibit_rules)",
        ),
        (arrived(held=held(silencedBy=["s-1"])), "a silence mutes it: s-1"),
        (arrived(held=held()), "Alertmanager gave it to 'on-call', but nothing matching reached pagerduty"),
        (
            arrived(held=held("audit")),
            f"{TO_AUDIT}; no route leads it to 'management', 'on-call', which has pagerduty (am.yml:40)",
        ),
    ],
)
def test_where_a_notification_got_lost_is_told(journal: Journal, wanted: str) -> None:
    assert told(journal, during("2s", "5s")) == wanted


@pytest.mark.parametrize("receiver", ["management", "on-call"])
def test_who_is_meant_is_named_with_the_line_where_it_stands(receiver: str) -> None:
    where = {"on-call": "am.yml:40", "management": "am.yml:50"}[receiver]

    said = told(arrived(held=held("audit")), during("2s", "5s"), Notification("pagerduty", SLOW, receiver=receiver))

    nobody = f"no route leads it to '{receiver}', which has pagerduty ({where})"
    assert said == f"{TO_AUDIT}; {nobody}"


@pytest.mark.parametrize(
    ("journal", "receiver", "wanted"),
    [
        (arrived(), "on-call", "it was never told that it fires"),
        (
            arrived(page(3.0, ("Slow", "firing"))),
            "on-call",
            "'on-call' does not tell pagerduty of the end: send_resolved is false (am.yml:40)",
        ),
        (
            arrived(page(3.0, ("Slow", "firing"), receiver="management")),
            "management",
            "it was told that it fires, and never of the end",
        ),
        (arrived(page(3.0, ("Slow", "firing"))), "", "it was told that it fires, and never of the end"),
    ],
)
def test_why_nobody_was_told_of_the_end_is_told(journal: Journal, receiver: str, wanted: str) -> None:
    assert told(journal, during("2s", "5s"), Notification("pagerduty", SLOW, "resolved", receiver=receiver)) == wanted


def test_of_a_long_message_the_nearest_line_is_shown() -> None:
    text = "To: on-call@shop.example\n9% of the disk is used\nLabels\n" + "x" * 1000
    expectation = Notification("pagerduty", SLOW, says=("91% of the disk is used",))

    said = told(arrived(page(3.0, ("Slow", "firing"), text=text)), during("2s", "5s"), expectation)

    assert said == "pagerduty was told '9% of the disk is used', not '91% of the disk is used'"


def test_what_muted_it_has_a_name() -> None:
    culprit = {"labels": {"alertname": "ServiceDown"}, "status": {}, "receivers": [], "fingerprint": "2"}
    inhibited = arrived(held=[*held(inhibitedBy=["2"]), culprit])
    silenced = arrived(held=held(silencedBy=["s-1"]))
    silenced.write("alertmanager", ZERO, silences=[{"id": "s-1", "comment": "migration", "createdBy": "ann"}], alerts=[])

    assert told(inhibited, during("2s", "5s")) == "Alertmanager inhibited it: ServiceDown mutes it (inhibit_rules)"
    assert told(silenced, during("2s", "5s")) == "a silence mutes it: 'migration' by ann"


def test_the_inhibition_rule_that_muted_it_has_a_line() -> None:
    sources, targets = ([Matcher("alertname", "=", name)] for name in ("ServiceDown", "Slow"))
    rules = [
        {"sources": targets, "targets": sources, "equal": [], "where": "am.yml:60"},
        {"sources": sources, "targets": targets, "equal": ["job"], "where": "am.yml:63"},
        {"sources": sources, "targets": targets, "equal": [], "where": "am.yml:66"},
    ]
    culprit = {"labels": {"alertname": "ServiceDown"}, "status": {}, "receivers": [], "fingerprint": "2"}

    said = told(arrived(held=[*held(inhibitedBy=["2"]), culprit]), during("2s", "5s"), inhibitions=_json(rules))

    assert said == "Alertmanager inhibited it: ServiceDown mutes it (inhibit_rules, am.yml:66)"


CRITICAL = Branch(
    "on-call", (Matcher("severity", "=", "critical"), Matcher("job", "=~", "check.*")), (), "1m", "5m", "am.yml:20"
)


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ({"severity": "page"}, """its route asks for severity="critical" (am.yml:20), and the alert has severity='page'"""),
        ({}, """its route asks for severity="critical" (am.yml:20), and the alert has severity=''"""),
        ({"severity": "critical"}, "its route (am.yml:20) fits, but another takes the alert before it"),
    ],
)
def test_what_keeps_an_alert_from_its_route_is_named(labels: dict[str, str], why: str) -> None:
    mine = [{**each, "labels": {**SLOW, **labels}} for each in held("audit")]

    said = told(arrived(held=mine), during("2s", "5s"), branches=_json([CRITICAL]))

    assert said == f"{TO_AUDIT}; no route leads it to 'management', 'on-call', which has pagerduty (am.yml:40); {why}"


def test_what_kept_a_late_message_is_named_with_the_line_of_its_route() -> None:
    mine = [{**each, "since": "1970-01-01T00:16:41.500Z"} for each in held()]
    ways = [dataclasses.replace(CRITICAL, where="am.yml:30"), dataclasses.replace(CRITICAL, matchers=())]

    said = told(arrived(page(8.0, ("Slow", "firing")), held=mine), during("2s", "5s"), branches=_json(ways))

    kept = "it fired at 1.5s, and Alertmanager kept it for 6.5s (group_wait 1m, group_interval 5m: am.yml:20)"
    assert said == f"it came at 8.0s: 3.0s too late; {kept}"


UNGIVEN = "Alertmanager was never given such an alert"
UNSENT = "it was not sent; see `alerting` in prometheus.yml (alertmanagers, alert_relabel_configs)"
ALERTS = {"Slow": {"for": "5m", "where": "rules.yml:7"}}


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ({"missing": ["no series is called 'a'"], "where": "rules.yml:7"}, f"{UNGIVEN}: no series is called 'a' (rules.yml:7)"),
        ({"states": {"pending": ZERO + 3}}, f"{UNGIVEN}: Slow was pending and no more; it needs `for: 5m` (rules.yml:7)"),
        ({"states": {"pending": ZERO + 3, "firing": ZERO + 8}}, f"{UNGIVEN} in time: Slow fired at 8.0s"),
        (
            {"states": {"firing": ZERO + 4}},
            f"{UNGIVEN}, though Slow fired at 4.0s: {UNSENT}",
        ),
    ],
)
def test_why_alertmanager_was_given_no_alert_is_told(found: dict[str, Any], wanted: str) -> None:
    journal = arrived()
    expectation = Notification("pagerduty", SLOW)
    data = {"missing": [], "peaks": [], "states": {}, "where": "", **found}
    journal.write("autopsy", ZERO + 9, key=str(expectation.autopsy()), data=data)

    assert told(journal, during("2s", "5s"), expectation, alerts=ALERTS) == wanted


def test_an_alertmanager_that_prometheus_did_not_find_is_named() -> None:
    journal = arrived()
    journal.write(
        "autopsy", ZERO + 9, key=str(Notification("pagerduty", SLOW).autopsy()), data={"states": {"firing": ZERO + 4}}
    )
    journal.write("targets", ZERO + 9, targets=[{"scrapeUrl": "http://shop:80/metrics"}])
    by = [("shop:80", "Prometheus/3"), ("alertmanger:9093", "Prometheus/3"), ("hooks:443", "Alertmanager/0")]
    journal.write("refused", ZERO + 9, hosts=[{"host": host, "by": who, "count": 1} for host, who in by])

    assert told(journal, during("2s", "5s")) == (
        f"{UNGIVEN}, though Slow fired at 4.0s: no member of the stack is called 'alertmanger:9093', where it was sent;"
        " name it in the alertmanager's `hosts`"
    )


def test_only_an_alert_with_a_name_is_looked_behind() -> None:
    looks = [Notification("pagerduty", labels).autopsy() for labels in (SLOW, {"alertname": "~Sl.*"}, {"job": "a"})]

    assert list(map(str, looks)) == ['behind Slow{job="checkout"}', "None", "None"]


def test_a_time_interval_that_keeps_a_page_from_its_receiver_is_named() -> None:
    muted = [{**each, "muted": {"on-call": ["weekends"]}} for each in held()]
    other = [{**each, "muted": {"audit": ["weekends"]}} for each in held()]

    assert [told(arrived(held=each), during("2s", "5s")) for each in (muted, other)] == [
        "the time interval 'weekends' keeps it from 'on-call' now (mute_time_intervals or active_time_intervals of its route)",
        "Alertmanager gave it to 'on-call', but nothing matching reached pagerduty",
    ]


# ── looking, and as it is written ────────────────────────────────────────────


class _Inbox:
    def arrived(self, since: float, until: float) -> list[Delivery]:
        return [page(0.5, ("Slow", "firing"))]

    def refused(self) -> list[Any]:
        return []


class _Alertmanager:
    def alerts(self) -> list[Any]:
        return [{"labels": SLOW, "status": {}, "receivers": [{"name": "on-call"}], "fingerprint": "1"}]

    def silences(self) -> list[Any]:
        return []


def test_a_look_holds_what_arrived_and_what_alertmanager_holds() -> None:
    found = Deliveries().look(FakeStack({"inbox": _Inbox(), "alertmanager": _Alertmanager()}), ZERO, ZERO + 0.2)

    assert found["held"] == [
        {"fingerprint": "1", "labels": SLOW, "status": {}, "since": "", "receivers": ["on-call"], "muted": {}}
    ]
    assert [each["wall"] for each in found["arrived"]] == [ZERO + 0.5]


def test_without_anybody_who_holds_alerts_what_arrived_is_seen_all_the_same() -> None:
    found = Deliveries().look(FakeStack({"inbox": _Inbox()}), ZERO, ZERO + 0.2)

    assert (found["held"], len(found["arrived"])) == ([], 1)


@pytest.mark.parametrize(
    ("expectation", "words"),
    [
        (Notification("slack"), "slack is notified of any alert"),
        (Notification("slack", SLOW), 'slack is notified of Slow{job="checkout"}'),
        (
            Notification("email", {"alertname": "A"}, "resolved", receiver="team"),
            "email (receiver team) is told of the end of A",
        ),
        (Notification("email", count=2), "email is notified of any alert 2 times"),
    ],
)
def test_notifications_speak(expectation: Notification, words: str) -> None:
    assert str(expectation) == words


@pytest.mark.parametrize(
    ("expectation", "wanted"),
    [
        (Notification("pagerdty"), "no sink called 'pagerdty'; did you mean 'pagerduty'?"),
        (Notification("slack"), "no receiver of alertmanager.yml uses 'slack'; used are: pagerduty"),
        (Notification("pagerduty", receiver="oncall"), "no receiver called 'oncall'; did you mean 'on-call'?"),
        (Notification("pagerduty", {"alertname": "Slw"}), "no rule file has an alert 'Slw'; did you mean 'Slow'?"),
    ],
)
def test_what_cannot_arrive_is_a_problem(expectation: Notification, wanted: str) -> None:
    rule = AlertRule("Slow", "x", "0s", {}, {}, "g", "1s", "rules.yml:1")
    plan = a_plan(Facts(alerts=(rule,), routes=(Route("h", "", "pagerduty", "on-call"),)))

    assert list(expectation.problems(plan)) == [wanted]
    assert list(Notification("pagerduty", {"alertname": "~S.*"}, receiver="on-call").problems(plan)) == []


@pytest.mark.parametrize(
    ("prometheus", "wanted"),
    [
        ("{}", ["no alert 'Slow' has severity='critcal'; its rule gives it 'critical' (rules.yml:1)"]),
        ("alerting: {alert_relabel_configs: []}", []),
    ],
)
def test_a_label_that_the_rule_gives_another_value_never_arrives_unless_it_may_be_relabelled(
    prometheus: str, wanted: list[str]
) -> None:
    rule = AlertRule("Slow", "x", "0s", {"severity": "critical"}, {}, "g", "1s", "rules.yml:1")
    routes = (Route("h", "", "pagerduty", "on-call"),)
    plan = a_plan(Facts(alerts=(rule,), routes=routes, files={"prometheus.yml": prometheus}))

    assert list(Notification("pagerduty", {"alertname": "Slow", "severity": "critcal"}).problems(plan)) == wanted


def test_a_status_that_alertmanager_does_not_send_is_refused() -> None:
    with pytest.raises(ValueError, match="status") as caught:
        Notification("slack", status="pending")  # type: ignore[arg-type]

    assert str(caught.value) == "'pending' is not a status; write 'firing' or 'resolved'"


SAID = "Checkout is slow: 612ms\nrunbook_url = https://runbooks.shop.example/slow"


@pytest.mark.parametrize("sink", ["pagerduty", "slack"])
@pytest.mark.parametrize("says", ["is slow: 612ms", "~is slow: [0-9]+ms", "~runbooks.*/slow$"])
def test_a_message_says_what_it_must(sink: str, says: str) -> None:
    delivery = page(2.0, ("Slow", "firing"), text=SAID) if sink == "pagerduty" else slack(2.0, f"Slow checkout {SAID}")
    expectation = Notification(sink, SLOW, says=(says,))

    assert decided(expectation, eventually("0s", "9s"), arrived(delivery)).outcome is PASSED


def test_a_message_that_says_something_else_does_not_count_and_is_shown() -> None:
    expectation = Notification("pagerduty", SLOW, says=("is slow", "12% used"))
    journal = arrived(page(2.0, ("Slow", "firing"), text="88% used, is slow"))

    assert decided(expectation, eventually("0s", "9s"), journal).outcome is FAILED
    told = expectation.tell(_history(journal), Window(0.0, 9.0))
    assert told == "pagerduty was told '88% used, is slow', not '12% used'"
    assert str(expectation) == "pagerduty is notified of Slow{job=\"checkout\"}, saying 'is slow' and '12% used'"


@pytest.mark.parametrize(("receiver", "refused"), [("nights", True), ("on-call", False), ("", False)])
def test_at_a_speed_a_receiver_that_hangs_on_the_wall_clock_is_a_problem(receiver: str, refused: bool) -> None:
    fixed = {"nights": Problem("am.yml:4", "mute_time_intervals hangs on the wall clock", "run it at speed 1")}
    ways = (Route("x", "/", "slack", "nights"), Route("x", "/", "slack", "on-call"))
    plan = dataclasses.replace(a_plan(Facts(routes=ways)), pace=Pace(Speed(Fraction(60)), fixed=fixed))
    told = "receiver 'nights' cannot be sped up: mute_time_intervals hangs on the wall clock (am.yml:4); run it at speed 1"

    assert list(Notification("slack", receiver=receiver).problems(plan)) == ([told] if refused else [])
    assert list(Notification("slack", receiver="nights").problems(dataclasses.replace(plan, pace=Pace()))) == []
