"""Alerts: samples of ``ALERTS`` in, sights and sentences out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest

from pytest_obscheck.capabilities import Series
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.expectations.alert import Alert
from pytest_obscheck.expectations.resolved import Resolved
from pytest_obscheck.journal import Journal
from pytest_obscheck.plan import AlertRule, Facts
from pytest_obscheck.protocols import Expectation, History
from pytest_obscheck.testing import FakeClock, FakePrometheus, FakeStack, a_journal, a_plan
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import Decision, Phrase, Sight, Window, always, during, eventually, never, once

ZERO = 1000.0
PASSED, UNKNOWN, FAILED = Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED
Stretches = Mapping[str, Sequence[tuple[float, float, str]]]


def looked(
    expectation: Expectation,
    states: Stretches,
    until: float = 10.0,
    interval: float = 0.2,
    sick: Stretches | None = None,
    besides: Mapping[str, Any] = MappingProxyType({}),
) -> Journal:
    """Return the journal of looks at a Prometheus in which alerts have these states, from zero to ``until`` story seconds.

    Each of ``besides`` evaluates an alert of its own, ``Logged``.
    """
    clock = FakeClock(ZERO)
    prometheus = FakePrometheus(clock, states, interval, sick or {}, ZERO)
    rules = [*((name, "prometheus") for name in states), *(("Logged", name) for name in besides)]
    facts = Facts(tuple(AlertRule(name, "1", "0s", {}, {}, "g", "1s", "r.yml:1", member) for name, member in rules))
    stack = FakeStack({"prometheus": prometheus, **besides}, a_plan(facts))
    look = expectation.evidence()
    seen = []
    for step in range(round(until / look.every) + 1):
        clock.time = round(ZERO + step * look.every, 6)
        since = round(clock.time - (look.every if step else 0), 6)
        seen.append((clock.time - ZERO, look.look(stack, since, clock.time)))
    return a_journal(ZERO, **{str(look): seen})


def history(expectation: Expectation, journal: Journal) -> History:
    return History(tuple(journal.of("look", key=str(expectation.evidence()))), journal)


def decided(expectation: Expectation, phrase: Phrase, journal: Journal) -> Decision:
    window = phrase.window({})
    assert window is not None
    return phrase.decide(expectation.holds(history(expectation, journal)), window, 1.0)


def changes(sights: Sequence[Sight]) -> list[tuple[float, bool | None]]:
    """Return the sights that differ from the one before."""
    found: list[tuple[float, bool | None]] = []
    for sight in sights:
        if not found or found[-1][1] is not sight.holds:
            found.append((sight.at, sight.holds))
    return found


FIRING = {"Slow": [(1.0, 2.0, "pending"), (2.0, 5.0, "firing")]}


@pytest.mark.parametrize(
    ("state", "wanted"),
    [
        ("firing", [(0.0, False), (2.0, True), (5.0, False)]),
        ("pending", [(0.0, False), (1.0, True), (2.0, False)]),
        ("inactive", [(0.0, True), (1.0, False), (5.0, True)]),
    ],
)
def test_states_are_dated_by_the_evaluations_that_found_them(state: Any, wanted: list[tuple[float, bool]]) -> None:
    alert = Alert("Slow", state)

    assert wanted == changes(alert.holds(history(alert, looked(alert, FIRING, interval=0.5))))


def test_an_alert_that_fired_says_when() -> None:
    alert = Alert("Slow")

    assert Decision(PASSED, "fired at 2.0s", settled=True, at=2.0) == decided(
        alert, eventually("0s", "5s"), looked(alert, FIRING)
    )


def test_between_two_evaluations_an_alert_stays_what_it_is() -> None:
    alert = Alert("Slow")
    journal = looked(alert, {"Slow": [(15.0, 45.0, "firing")]}, until=60.0, interval=15.0)

    assert changes(alert.holds(history(alert, journal))) == [(0.0, False), (15.0, True), (45.0, False)]
    assert PASSED is decided(alert, always("15s", "44s"), journal).outcome
    assert PASSED is decided(alert, once("0s", "60s"), journal).outcome


def test_an_alert_that_was_quiet_for_one_evaluation_between_two_looks_fired_twice() -> None:
    alert = Alert("Slow")
    flicker = {"Slow": [(1.0, 2.05, "firing"), (2.1, 3.0, "firing")]}
    journal = looked(alert, flicker, until=4.0, interval=0.05)

    held = changes(alert.holds(history(alert, journal)))

    assert held == [(0.0, False), (1.0, True), (2.05, False), (2.1, True), (3.0, False)]
    assert decided(alert, once("0s", "4s"), journal).words == "2 times instead of once: at 1.0s, 2.1s"


def test_an_alert_that_fired_between_two_looks_only_has_fired() -> None:
    alert = Alert("Slow")
    journal = looked(alert, {"Slow": [(1.05, 1.1, "firing")]}, until=4.0, interval=0.05)

    assert PASSED is decided(alert, eventually("0s", "3s"), journal).outcome
    assert decided(alert, never("0s", "3s"), journal).words == "fired at 1.1s"


def test_a_sample_that_is_written_late_makes_no_second_firing() -> None:
    alert = Alert("Slow")
    journal = looked(alert, FIRING, until=4.0)
    late = journal.of("look", key="alerts")[10].data["data"]
    assert [series["points"][0][0] for series in late["now"]] == [1002.0]
    late["samples"], late["now"] = [], []  # what was evaluated at 2.0s reaches the database after the look at 2.0s

    assert changes(alert.holds(history(alert, journal))) == [(0.0, False), (2.0, True)]


def test_each_instance_is_followed_by_itself_and_one_that_fires_is_enough() -> None:
    alert = Alert("Slow")
    journal = looked(alert, {"Slow": [(1.0, 9.0, "firing")]}, until=4.0)
    for event in journal.of("look", key="alerts"):
        _second_instance(event.data["data"])

    assert PASSED is decided(alert, once("0s", "4s"), journal).outcome
    assert PASSED is decided(alert, always("1s", "4s"), journal).outcome


def _second_instance(data: dict[str, Any]) -> None:
    """Add an instance that is pending all the time, to the same evaluations."""
    for key in ("samples", "now"):
        for series in list(data[key]):
            data[key].append({**series, "labels": {**series["labels"], "instance": "b", "alertstate": "pending"}})


def test_other_alerts_and_other_labels_are_not_looked_at() -> None:
    journal = looked(Alert("Slow"), {"VerySlow": [(1.0, 5.0, "firing")], "Slow": []})

    assert FAILED is decided(Alert("Slow"), eventually("0s", "5s"), journal).outcome
    assert FAILED is decided(Alert("VerySlow", labels={"job": "x"}), eventually("0s", "5s"), journal).outcome


# ── it cannot tell ───────────────────────────────────────────────────────────


def test_an_alert_that_no_rule_makes_is_unknown_and_not_quiet() -> None:
    alert = Alert("Slow")
    journal = looked(alert, {"Other": []})

    assert (
        Decision(UNKNOWN, "every look failed; the last said: no rule called 'Slow' is loaded")
        == decided(alert, never("0s", "5s"), journal)
    )  # fmt: skip


def test_a_rule_that_vanishes_is_unknown_from_when_it_was_last_seen() -> None:
    alert = Alert("Slow")
    journal = looked(alert, {"Slow": []}, sick={"Slow": [(3.5, 99.0, "gone")]})

    assert (
        Decision(UNKNOWN, "nothing was seen during 3.0s .. 5.0s: no rule called 'Slow' is loaded")
        == decided(alert, never("0s", "5s"), journal)
    )  # fmt: skip


def test_a_rule_that_fails_is_unknown_and_not_quiet() -> None:
    alert = Alert("Slow")
    journal = looked(alert, FIRING, sick={"Slow": [(3.0, 4.2, "many-to-many matching")]})

    decision = decided(alert, always("2s", "4800ms"), journal)

    assert decision.words == "nothing was seen during 2.8s .. 4.2s: the rule 'Slow' is not healthy: many-to-many matching"
    assert UNKNOWN is decision.outcome


def test_a_firing_that_was_seen_stays_seen_whatever_became_of_the_rule() -> None:
    alert = Alert("Slow")
    journal = looked(alert, FIRING, sick={"Slow": [(3.0, 99.0, "gone")]})

    assert FAILED is decided(alert, never("0s", "5s"), journal).outcome


def missing_looks(journal: Journal, failed: bool) -> Journal:
    """Return a journal in which the looks from 2.0s to 3.8s failed or were not taken, and the next one reaches back."""
    seen: list[tuple[float, Any]] = [(event.wall - ZERO, event.data["data"]) for event in journal.of("look", key="alerts")]
    samples = [series for _, data in seen[10:21] for series in data["samples"]]
    seen[20] = (seen[20][0], {**seen[20][1], "since": ZERO + seen[9][0], "samples": samples})
    errors = [(at, "prometheus refuses connections") for at, _ in seen[10:20]]
    return a_journal(ZERO, alerts=[*seen[:10], *(errors if failed else []), *seen[20:]])


def test_where_prometheus_did_not_answer_it_may_not_have_evaluated() -> None:
    alert = Alert("Slow")
    journal = missing_looks(looked(alert, {"Slow": []}, until=6.0), failed=True)

    decision = decided(alert, never("0s", "5s"), journal)

    assert decision == Decision(UNKNOWN, "nothing was seen during 1.8s .. 4.0s: prometheus refuses connections")


@dataclass
class Ruler:
    """Evaluates the rule of ``Logged``, which fires, for as long as it answers."""

    answers: bool = True

    def alert_states(self, since: float, until: float) -> tuple[list[Series], list[Series]]:
        if not self.answers:
            raise LookFailed("loki refuses connections")
        firing = Series({"alertname": "Logged", "alertstate": "firing"}, ((until, 1.0),))
        return [firing], [firing]

    def rules(self) -> list[Mapping[str, Any]]:
        if not self.answers:
            raise LookFailed("loki refuses connections")
        return [{"interval": 1.0, "rules": [{"type": "alerting", "name": "Logged", "health": "ok", "duration": 0}]}]

    def missed(self) -> Mapping[str, float]:
        return {}


def test_an_alert_of_another_who_evaluates_rules_is_seen_like_prometheus_s() -> None:
    journal = looked(Alert("Logged"), FIRING, besides={"loki": Ruler()})

    assert decided(Alert("Logged"), always("0s", "9s"), journal).outcome is PASSED
    assert decided(Alert("Slow"), once("0s", "9s"), journal).outcome is PASSED


def test_of_who_does_not_answer_only_its_own_alerts_are_unknown() -> None:
    journal = looked(Alert("Logged"), FIRING, besides={"loki": Ruler(answers=False)})

    logged, slow = (decided(Alert(name), never("0s", "9s"), journal) for name in ("Logged", "Slow"))

    assert (logged.outcome, slow.outcome) == (UNKNOWN, FAILED)
    assert logged == Decision(UNKNOWN, "every look failed; the last said: loki refuses connections")
    assert decided(Alert("Slow"), never("6s", "9s"), journal).outcome is PASSED


def test_an_alert_that_two_evaluate_is_known_where_one_of_them_answers() -> None:
    journal = looked(Alert("Logged"), FIRING, besides={"loki": Ruler(answers=False), "other": Ruler()})

    assert decided(Alert("Logged"), always("0s", "9s"), journal).outcome is PASSED


def test_an_alert_is_not_over_because_prometheus_was() -> None:
    alert = Alert("Slow")
    journal = missing_looks(looked(alert, {"Slow": [(1.0, 2.0, "firing"), (3.9, 9.0, "firing")]}, until=6.0), failed=True)

    assert decided(alert, always("1s", "5s"), journal).outcome is UNKNOWN
    assert decided(alert, once("0s", "5s"), journal).outcome is UNKNOWN


def test_a_harness_that_looks_late_misses_nothing() -> None:
    alert = Alert("Slow")
    quiet = missing_looks(looked(alert, {"Slow": []}, until=6.0), failed=False)
    short = missing_looks(looked(alert, {"Slow": [(2.5, 3.1, "firing")]}, until=6.0), failed=False)

    assert decided(alert, never("0s", "5s"), quiet).outcome is PASSED
    assert decided(alert, never("0s", "5s"), short).words == "fired at 2.6s"


def test_quiet_is_not_believed_before_the_rule_was_read_again() -> None:
    alert = Alert("Slow")
    journal = looked(alert, {"Slow": []}, until=2.8)

    assert alert.holds(history(alert, journal))[-1].at == 2.0


def test_the_rules_are_read_first_once_a_second_and_when_an_alert_has_just_ended() -> None:
    journal = looked(Alert("Slow"), {"Slow": [(0.5, 1.5, "firing")]}, until=4.4)

    read = [round(event.wall - ZERO, 1) for event in journal.of("look", key="alerts") if "rules" in event.data["data"]]

    assert read == [0.0, 1.0, *(tenths / 10 for tenths in range(16, 37, 2)), 4.0]


# ── annotations ──────────────────────────────────────────────────────────────


def annotated(summary: str) -> Journal:
    journal = looked(Alert("Slow"), FIRING)
    for event in journal.of("look", key="alerts"):
        rules = event.data["data"].get("rules", {})
        for rule in rules.get("Slow", ()):
            firing = 2.0 <= event.wall - ZERO < 5.0
            rule["alerts"] = [{"labels": {}, "annotations": {"summary": summary}, "state": "firing"}] if firing else []
    return journal


def test_annotations_are_compared_as_they_were_rendered() -> None:
    alert = Alert("Slow", annotations={"summary": "~p95 is .*"})

    decision = decided(alert, eventually("0s", "5s"), annotated("p95 is 0.8s"))

    assert (decision.outcome, decision.words) == (PASSED, "fired at 2.0s, annotated as wanted")


def test_a_wrong_annotation_says_what_it_is() -> None:
    alert = Alert("Slow", annotations={"summary": "p95 is 0.8s"})

    decision = decided(alert, always("2s", "4s"), annotated("p95 is 0.1s"))

    assert (decision.outcome, decision.words) == (FAILED, "its annotation summary is 'p95 is 0.1s' instead of 'p95 is 0.8s'")


def test_annotations_that_were_not_read_yet_are_unknown() -> None:
    alert = Alert("Slow", annotations={"summary": "x"})
    journal = looked(alert, {"Slow": [(2.2, 9.0, "firing")]})

    sights = [sight for sight in alert.holds(history(alert, journal)) if 2.2 <= sight.at < 3.0]

    assert {Sight(sight.at, None, "fired at 2.2s; its annotations were not read yet") for sight in sights} == set(sights)


# ── explanations ─────────────────────────────────────────────────────────────


def told(alert: Alert, journal: Journal, window: Window) -> str:
    return alert.tell(history(alert, journal), window)


def pending(hold: float, end: float = 999.0) -> Journal:
    journal = looked(Alert("Slow"), {"Slow": [(11.4, end, "pending")]}, until=35.0)
    for event in journal.of("look", key="alerts"):
        for rule in event.data["data"].get("rules", {}).get("Slow", ()):
            rule["duration"] = hold
    journal.write("plan", ZERO, alerts={"Slow": {"where": "rules/api.yml:12", "exprs": []}}, routes=[])
    return journal


def test_a_pending_alert_says_since_when_what_it_needs_and_when_it_would_fire() -> None:
    assert (
        told(Alert("Slow"), pending(300), during("10s", "30s"))
        == "pending since 11.4s, needs `for: 5m` (rules/api.yml:12); it would fire at 5m11s: 4m41s too late"
    )  # fmt: skip


def test_a_pending_that_ended_says_so() -> None:
    assert (
        told(Alert("Slow"), pending(300, end=14.0), during("10s", "30s"))
        == "pending from 11.4s to 14.0s only, needs `for: 5m` (rules/api.yml:12)"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("hold", "words"), [(300, "5m"), (3600, "1h"), (90, "90s"), (5400, "90m"), (0.4, "0.4s")]
)  # fmt: skip
def test_a_hold_is_written_as_rule_files_write_it(hold: float, words: str) -> None:
    assert f"needs `for: {words}`" in told(Alert("Slow"), pending(hold), during("10s", "30s"))


@pytest.mark.parametrize(
    ("window", "wanted"),
    [
        (during("0s", "1500ms"), "it came at 2.0s: 500ms too late"),
        (during("6s", "8s"), "it was last there at 4.8s: 1.2s too early"),
    ],
)
def test_an_alert_that_fired_at_another_time_says_by_how_much(window: Window, wanted: str) -> None:
    assert wanted == told(Alert("Slow"), looked(Alert("Slow"), FIRING), window)


def test_a_pending_of_another_time_is_no_reason_where_the_value_of_the_window_is_known() -> None:
    courses = [{"of": ["a", ">", 1.0], "points": [[ZERO + 12, 3.0], [ZERO + 20, 0.5], [ZERO + 25, 0.7]]}]
    found = {"expr": "a > 1", "where": "rules/api.yml:12", "missing": [], "here": [], "peaks": [], "courses": courses}
    journal = pending(300, end=14.0)
    journal.write("autopsy", ZERO + 30, key="behind Slow", data=found)

    assert [told(Alert("Slow"), journal, during(start, "30s")) for start in ("10s", "15s")] == [
        "pending from 11.4s to 14.0s only, needs `for: 5m` (rules/api.yml:12)",
        "a never went above 0.7; the rule wants > 1 (rules/api.yml:12)",
    ]


def test_an_alert_with_other_labels_shows_them() -> None:
    alert = Alert("Slow", labels={"job": "checkout"})

    assert told(alert, looked(alert, FIRING), during("0s", "9s")) == 'it is firing with other labels: {alertname="Slow"}'


def test_a_quiet_alert_says_what_is_missing_behind_it() -> None:
    journal = looked(Alert("Slow"), {"Slow": []})
    found = {"expr": "a > 1", "where": "rules/api.yml:12", "missing": ["no series is called 'a'"], "peaks": ["a had no value"]}
    journal.write("autopsy", ZERO, key="behind Slow", data=found)

    assert told(Alert("Slow"), journal, during("0s", "9s")) == "no series is called 'a' (rules/api.yml:12)"


def test_an_alert_that_never_fires_says_which_metric_or_label_is_not_there_at_all() -> None:
    journal = looked(Alert("Slow"), {"Slow": []})
    found = {"expr": "a > 1", "where": "rules/api.yml:12", "missing": ["no a has b"], "lacking": ["no series is called 'a'"]}
    journal.write("autopsy", ZERO, key="behind Slow", data=found)
    history = History((), journal)

    assert Alert("Slow").lacks(history) == "no series is called 'a' (rules/api.yml:12)"
    assert Alert("Slow", "inactive").lacks(history) == ""
    assert Alert("Other").lacks(history) == ""


# ── as it is written ─────────────────────────────────────────────────────────


def test_alerts_speak() -> None:
    said = [str(Alert("A")), str(Alert("A", "pending", {"job": "x"})), str(Alert("A", "inactive", annotations={"s": "t"}))]

    assert said == ["alert A fires", 'alert A{job="x"} is pending', "alert A is inactive with s='t'"]


def test_an_alert_that_no_rule_file_has_is_a_problem() -> None:
    rule = AlertRule("CheckoutSlow", "x > 1", "0s", {}, {}, "g", "1s", "rules.yml:1")
    plan = a_plan(Facts(alerts=(rule,)))

    assert list(Alert("ChekoutSlow").problems(plan)) == [
        "no rule file has an alert 'ChekoutSlow'; did you mean 'CheckoutSlow'?"
    ]
    assert list(Alert("CheckoutSlow").problems(plan)) == []


def test_a_label_that_the_rule_gives_another_value_is_a_problem_for_no_such_alert_ever_is() -> None:
    rule = AlertRule(
        "Slow", "x > 1", "0s", {"severity": "critical", "team": "{{ $labels.team }}"}, {}, "g", "1s", "rules.yml:1"
    )
    plan = a_plan(Facts(alerts=(rule,)))
    told = "no alert 'Slow' has severity='critcal'; its rule gives it 'critical' (rules.yml:1)"

    assert [list(each("Slow", labels={"severity": "critcal"}).problems(plan)) for each in (Alert, Resolved)] == [[told], [told]]
    assert list(Alert("Slow", labels={"severity": "~crit.*", "team": "shop", "job": "a"}).problems(plan)) == []


def test_of_several_rules_of_a_name_one_with_the_label_is_enough() -> None:
    page, mail = (
        AlertRule("Slow", "x > 1", "0s", {"severity": each}, {}, "g", "1s", f"{each}.yml:1") for each in ("page", "mail")
    )
    plan = a_plan(Facts(alerts=(page, mail)))

    assert list(Alert("Slow", labels={"severity": "mail"}).problems(plan)) == []
    assert list(Alert("Slow", labels={"severity": "fax"}).problems(plan)) == [
        "no alert 'Slow' has severity='fax'; its rule gives it 'mail' or 'page' (page.yml:1)"
    ]


def test_a_state_that_prometheus_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="state") as caught:
        Alert("A", "resolved")  # type: ignore[arg-type]

    assert str(caught.value) == "'resolved' is not a state of an alert; write one of inactive, pending, firing"


def test_at_a_speed_the_hold_is_read_in_wall_seconds_and_told_in_those_of_the_story() -> None:
    journal = pending(5)
    journal.speed = 60

    assert told(Alert("Slow"), journal, during("10m", "15m")) == (
        "pending since 11m24s, needs `for: 5m` (rules/api.yml:12); it would fire at 16m24s: 84.0s too late"
    )


def test_at_a_speed_a_firing_is_told_on_both_clocks() -> None:
    journal = looked(Alert("Slow"), FIRING)
    journal.speed = 60

    assert decided(Alert("Slow"), eventually("0s", "5m"), journal).words == ("fired at 2m00s (2.0s of wall time)")


def test_at_a_speed_the_band_that_theory_gives_is_told_where_hold_and_intervals_are_known() -> None:
    journal = looked(Alert("Slow"), FIRING)
    journal.speed = 60
    rule = {"where": "r.yml:1", "exprs": [], "for": "1m", "interval": "30s"}
    journal.write("plan", ZERO, alerts={"Slow": rule}, routes=[])
    journal.write("run", ZERO, scrape=15.0)

    assert decided(Alert("Slow"), eventually("0s", "5m"), journal).words == (
        "fired at 2m00s (2.0s of wall time); in theory 60.0s .. 105.0s after its expression comes true"
    )
    journal.speed = 1
    assert decided(Alert("Slow"), eventually("0s", "5s"), journal).words == "fired at 2.0s"
