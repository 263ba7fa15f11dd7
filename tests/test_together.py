"""Which stories may be played at the same time: literal plans in, batches and reasons out."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from pytest_obscheck import (
    Alert,
    Cpu,
    Fireable,
    Health,
    Kill,
    Locust,
    Metric,
    Notification,
    Proved,
    Resolved,
    Sample,
    Scraped,
)
from pytest_obscheck.plan import AlertRule, Branch, Facts, Inhibition, Matcher
from pytest_obscheck.scenario import Claim, Planned, Scenario
from pytest_obscheck.together import batches, experiments, lasts, moved, takes
from pytest_obscheck.together import told as told_of
from pytest_obscheck.when import during, eventually, never

DURING, NEVER = during("1s", "2s"), never("0s", "1s")


def grouped(*bys: tuple[str, ...]) -> tuple[Branch, ...]:
    """Return routes that group by such labels."""
    return tuple(Branch("on-call", by=by) for by in bys)


def rule(name: str, expr: str, **labels: str) -> AlertRule:
    return AlertRule(name, expr, "0s", labels, {}, "g", "1s", f"rules.yml:{name}")


FACTS = Facts(
    alerts=(
        rule("Full", 'disk{mount="/"} < 1', severity="warning"),
        rule("Slow", "job:latency:p95 > 1", severity="warning"),
        rule("Late", "queue > 1", severity="warning"),
        rule("Lost", "payments == 0", severity="critical"),
        rule("Watched", 'ALERTS{alertname="Full"} == 1', severity="info"),
    ),
    recordings={
        "job:latency:p95": "histogram_quantile(0.95, job:latency)",
        "job:latency": "sum by (job) (rate(latency_bucket[5m]))",
    },
    branches=grouped(("alertname", "job")),
)


def story(name: str, *expectations: Any, alters: str = "", faults: tuple[Any, ...] = (), share: bool = True) -> Scenario:
    harms = (*faults, Sample(alters, set=0)) if alters else faults
    planned = tuple(Planned(harm, DURING, f"fault {number}") for number, harm in enumerate(harms))
    return Scenario(name, (), planned, tuple(Claim(each, NEVER) for each in expectations), share)


def told(*stories: Scenario, **changed: Any) -> list[list[str]]:
    """Return the names in each batch."""
    made = batches(stories, dataclasses.replace(FACTS, **changed))
    return [[each.name for each in batch.stories] for batch in made]


def why(*stories: Scenario, **changed: Any) -> str:
    """Return why the last story waits; "" where it does not."""
    made = batches(stories, dataclasses.replace(FACTS, **changed))
    return next((words for batch in made for words in batch.waits), "")


FULL = story("full", Alert("Full"), Resolved("Full"), Notification("email", {"alertname": "Full"}), alters="disk")
LATE = story("late", Alert("Late"), Notification("email", {"alertname": "Late"}), alters="queue{a='b'}")
SLOW = story("slow", Alert("Slow"), alters="latency_bucket")
LOST = story("lost", Alert("Lost"), Notification("pagerduty", {"alertname": "Lost"}), alters="payments")


def test_stories_that_touch_nothing_of_each_other_are_one_batch() -> None:
    calm = story("calm", Health("web"), Scraped("web:80"), Alert("Slow"))

    assert told(FULL, LATE, LOST, calm) == [["full", "late", "lost", "calm"]]


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        (SLOW, story("calm", Alert("Slow")), "'calm' waits: 'slow' changes latency_bucket, on which a claim of it rests"),
        (story("calm", Alert("Slow")), SLOW, "'slow' waits: it changes latency_bucket, on which a claim of 'calm' rests"),
        (
            SLOW,
            story("p95", Metric("job:latency:p95", "> 1")),
            "'p95' waits: 'slow' changes latency_bucket, on which a claim of it rests",
        ),
        (FULL, story("two", Health("web"), alters="disk{mount='/'}"), "'two' waits: it and 'full' both alter disk"),
        (FULL, story("any", Metric('{job="web"}')), "'any' waits: 'full' changes disk, on which a claim of it rests"),
        (FULL, story("op", Metric('up and {job="a"}')), "'op' waits: 'full' changes disk, on which a claim of it rests"),
        (FULL, story("told", Alert("Watched")), "'told' waits: 'full' changes ALERTS, on which a claim of it rests"),
        (
            LATE,
            story("quiet", Notification("pagerduty")),
            "'quiet' waits: 'late' changes queue, on which a claim of it rests",
        ),
        (
            LATE,
            story("quiet", Notification("pagerduty", {"alertname": "~La.*"})),
            "'quiet' waits: 'late' changes queue, on which a claim of it rests",
        ),
        (
            FULL,
            story("dead", Alert("Late"), faults=(Kill("web"),)),
            "'dead' waits: what web is killed changes cannot be told beforehand",
        ),
        (FULL, story("fit", Fireable()), "'fit' waits: what 'every alert can fire' rests on cannot be told beforehand"),
        (FULL, story("fresh", Alert("Late"), share=False), "'fresh' waits: it does not say share: true"),
    ],
)
def test_a_story_that_would_disturb_another_waits_and_says_why(one: Scenario, other: Scenario, wanted: str) -> None:
    assert told(one, other) == [[one.name], [other.name]]
    assert why(one, other) == wanted


def test_a_story_with_traffic_is_played_alone() -> None:
    busy = Scenario("busy", (Planned(Locust("a.py", users=2), DURING, "locust"),), (), FULL.claims, share=True)

    assert told(busy, LATE, LOST) == [["busy"], ["late", "lost"]]
    assert why(busy, LATE) == "'late' waits: 'busy' is played alone (what 2 users of a.py change cannot be told beforehand)"


def test_stories_that_do_the_same_disturb_nobody_whom_one_of_them_does_not() -> None:
    quiet = story("quiet", Alert("Lost"), alters="disk")

    assert told(FULL, quiet, LATE) == [["full", "quiet", "late"]]
    assert told(FULL, quiet, LOST, LATE) == [["full", "quiet", "late"], ["lost"]]


def test_stories_that_do_the_same_and_cannot_be_foretold_are_played_together_and_with_nobody_else() -> None:
    dead = [story(name, Alert("Late"), faults=(Kill("web"),)) for name in ("dead", "gone")]

    assert told(*dead, LATE) == [["dead", "gone"], ["late"]]


def test_later_stories_fill_earlier_batches() -> None:
    assert told(FULL, story("two", Alert("Full")), LATE, LOST) == [["full", "late", "lost"], ["two"]]


def test_a_story_joins_the_first_batch_that_it_does_not_disturb() -> None:
    two = story("two", Alert("Full"), alters="queue")

    assert told(FULL, two, LATE, LOST) == [["full", "late", "lost"], ["two"]]


def test_what_a_story_moves_is_followed_through_recording_rules_at_any_depth() -> None:
    assert why(FULL, SLOW, branches=grouped(())) == (
        "'slow' waits: it may make Slow fire, which may come in one message with Full, whose messages 'full' claims"
    )


def test_a_label_that_is_rendered_may_have_any_value() -> None:
    loud = (rule("Full", "disk", severity="warning"), rule("Lost", "payments", severity="{{ $labels.severity }}"))

    assert told(FULL, LOST, alerts=loud, branches=grouped(("severity",))) == [["full"], ["lost"]]


@pytest.mark.parametrize("by", [(), ("job",), ("job", "severity")])
def test_alerts_that_may_come_in_one_message_are_not_played_together(by: tuple[str, ...]) -> None:
    assert why(FULL, LATE, branches=grouped(("alertname",), by)) == (
        "'late' waits: it may make Late fire, which may come in one message with Full, whose messages 'full' claims"
    )


@pytest.mark.parametrize("by", [("alertname", "job"), ("...",)])
def test_alerts_that_never_come_in_one_message_are_played_together(by: tuple[str, ...]) -> None:
    assert why(FULL, LATE, branches=grouped(by)) == ""


def test_labels_that_rules_give_keep_messages_apart() -> None:
    assert told(FULL, LOST, branches=grouped(("severity",))) == [["full", "lost"]]


def test_who_claims_no_message_does_not_mind_company_in_it() -> None:
    alone = story("late", Alert("Late"), alters="queue")

    assert told(story("full", Alert("Full"), alters="disk"), alone, branches=grouped(())) == [["full", "late"]]


MUTES = (Inhibition((Matcher("severity", "=", "critical"),), (Matcher("severity", "=~", "warning|info"),), ("job",)),)


def test_an_alert_that_may_mute_another_is_not_played_with_it() -> None:
    assert told(FULL, LATE, LOST, inhibitions=MUTES) == [["full", "late"], ["lost"]]
    assert why(FULL, LOST, inhibitions=MUTES) == (
        "'lost' waits: it may make Lost fire, which mutes Full, whose messages 'full' claims"
    )


@pytest.mark.parametrize(
    "inhibition",
    [
        Inhibition((Matcher("severity", "!=", "critical"),), (), ()),
        Inhibition((Matcher("alertname", "=~", "Lo"),), (), ()),
        Inhibition((Matcher("alertname", "!~", "Lo.*"),), (Matcher("alertname", "=", "Full"),), ("severity",)),
        Inhibition((), (Matcher("alertname", "=", "Other"),), ()),
        Inhibition((), (), ("severity",)),
    ],
)
def test_an_inhibition_that_cannot_join_two_alerts_does_not_part_them(inhibition: Inhibition) -> None:
    muted = story("full", Notification("email", {"alertname": "Full"}), alters="disk")
    muting = story("lost", Alert("Lost"), alters="payments")

    # Without the alert that watches all others, and which Lost may therefore make fire.
    assert told(muted, muting, inhibitions=(inhibition,), alerts=FACTS.alerts[:-1]) == [["full", "lost"]]


def test_labels_that_are_rewritten_on_their_way_are_not_trusted() -> None:
    changed = {"prometheus.yml": "alerting:\n  alert_relabel_configs: []\n"}

    assert told(FULL, LATE, files=changed) == [["full"], ["late"]]


def test_metrics_that_are_renamed_on_their_way_cannot_be_followed() -> None:
    changed = {"prometheus.yml": "metric_relabel_configs:\n  - {target_label: __name__, replacement: a}\n"}

    assert told(FULL, LATE, files=changed) == [["full"], ["late"]]
    assert why(FULL, LATE, files=changed) == "'late' waits: prometheus.yml renames metrics"


def test_an_alert_that_a_story_claims_never_fires_mutes_nobody_elses() -> None:
    muting = Inhibition((Matcher("severity", "=", "critical"),), (Matcher("severity", "=", "warning"),), ())
    full = story("full", Notification("email", {"alertname": "Full"}))
    lost = story("lost", Alert("Late"), alters="payments")

    def calm(until: str, **labels: str) -> Scenario:
        claim = Claim(Alert("Lost", labels=labels), never("0s", until))
        return dataclasses.replace(lost, claims=(*lost.claims, claim))

    # A claim that ends before the harm does, or is about some labels only, leaves it open.
    assert [told(full, each, inhibitions=(muting,)) for each in (calm("2s"), calm("1900ms"), calm("2s", a="b"), lost)] == [
        [["full", "lost"]],
        [["full"], ["lost"]],
        [["full"], ["lost"]],
        [["full"], ["lost"]],
    ]


# ── on stacks of their own ───────────────────────────────────────────────────


def own(name: str, *faults: Any, until: str = "1s", load: str = "") -> Scenario:
    """Return a story that wants a stack of its own and claims that an alert is quiet until then."""
    loads = (Planned(Locust(load, users=2), DURING, "locust"),) if load else ()
    planned = tuple(Planned(fault, DURING, "fault") for fault in faults)
    return Scenario(name, loads, planned, (Claim(Alert("Slow"), never("0s", until)),))


def apart(*stories: Scenario) -> list[list[str]]:
    """Return the names of the stories of each experiment."""
    return [[story.name for story in batch.stories] for batch in experiments(stories)]


def test_stories_that_do_the_same_are_one_experiment_whatever_they_claim() -> None:
    killed = [own("a", Kill("web"), load="a.py"), own("b", Kill("web"), until="9s", load="a.py")]
    others = [own("c", Kill("db"), load="a.py"), own("d", Kill("web"), load="b.py"), own("e", Kill("web"))]

    assert apart(*killed, *others) == [["a", "b"], ["c"], ["d"], ["e"]]


def test_what_a_claim_itself_asks_of_a_service_is_part_of_the_experiment() -> None:
    asks = Claim(Health("web", "/orders", 200), never("0s", "1s"))
    counts = own("counts", Kill("web"))

    asking, too = dataclasses.replace(counts, name="asks", claims=(asks,)), dataclasses.replace(counts, name="too")

    assert apart(counts, asking, too) == [["counts", "too"], ["asks"]]


def test_stories_that_share_a_stack_are_one_experiment_whatever_each_asks_of_a_service() -> None:
    asks = Claim(Health("web", "/orders", 200), never("0s", "1s"))
    counts = dataclasses.replace(own("counts", Kill("web")), share=True)
    asking = dataclasses.replace(counts, name="asks", claims=(asks,))

    assert told(counts, asking) == [["counts", "asks"]]
    # One that does not is spared what the others ask, also where only one of those does.
    assert apart(counts, asking, dataclasses.replace(counts, name="own", share=False)) == [["counts", "asks"], ["own"]]


def test_a_fault_in_another_window_or_by_another_name_is_another_experiment() -> None:
    late = Planned(Kill("web"), during("1s", "3s"), "fault")
    named = Planned(Kill("web"), DURING, "outage")

    assert apart(own("a", Kill("web")), Scenario("b", faults=(late,)), Scenario("c", faults=(named,))) == [["a"], ["b"], ["c"]]


def test_a_batch_lasts_until_something_happens_in_it_for_the_last_time() -> None:
    short, long = own("short", Kill("a"), until="3s"), own("long", Kill("b"), until="9s")
    # What may come at any time before its window ends tells nothing of how long its story takes.
    late = dataclasses.replace(own("late", Kill("late")), claims=(Claim(Alert("Slow"), eventually("0s", "9m")),))

    assert [lasts(batch) for batch in experiments([short, long, late])] == [3.0, 9.0, 2.0]


def test_what_takes_from_the_machine_itself_says_what() -> None:
    hungry, modest = own("hungry", Cpu("web", means="burners")), own("modest", Cpu("web"))

    assert (takes(hungry), takes(modest)) == ("processor time", "")


def test_what_has_fired_on_a_stack_bears_on_later_messages_about_it() -> None:
    quiet, anything = story("quiet", Alert("Full")), story("killing", faults=(Kill("web"),))

    assert moved([FULL], FACTS) == {"Full", "Watched"}
    assert moved([anything], FACTS) == {rule.name for rule in FACTS.alerts}
    assert (told_of([FULL, LATE], FACTS), told_of([quiet], FACTS)) == ({"Full", "Late"}, set())


def test_what_is_played_offline_leaves_the_machine_to_live_stories() -> None:
    offline = [story(name, Proved("Full", {"disk": "1x9"}, quiet="5m")) for name in ("a", "b")]

    assert told(offline[0], LATE, offline[1], FULL) == [["a", "b"], ["late", "full"]]
    assert why(offline[0], LATE) == "'late' waits: 'a' takes the processors for promtool"
    assert why(LATE, offline[0]) == "'a' waits: it takes the processors for promtool"
