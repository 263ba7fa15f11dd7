"""What the monitoring missed bears on a claim only where that rests on it: on its rule groups, and the targets it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from pytest_obscheck import Alert, Health, Metric, Notification, Sla
from pytest_obscheck.grounds import grounds, read_of
from pytest_obscheck.journal import Journal
from pytest_obscheck.judge import judge
from pytest_obscheck.protocols import Expectation
from pytest_obscheck.scenario import Claim, Scenario
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import Phrase, always, eventually, never, once

ZERO = 1000.0
RULES = {
    "api": {"Slow": "job:latency:p95 > 1", "Down": 'up{job="shop"} == 0'},
    "api-recordings": {"job:latency:p95": "histogram_quantile(0.95, job:buckets:rate5m)"},
    "buckets": {"job:buckets:rate5m": "sum by (le) (rate(latency_bucket[5m]))"},
    "node": {"Full": "disk_free < 1", "Any": '{team="shop"} > 1', "Loud": 'count(ALERTS{alertname="Slow"}) > 1'},
}
TARGETS = [{"instance": "shop:80", "job": "shop"}, {"instance": "node:9100", "job": "node"}]
BROUGHT = {"latency_bucket": ["shop:80"], "disk_free": ["node:9100"], "federated": ["elsewhere:1"]}


def a_journal(brought: Mapping[str, Sequence[str]] | None = None, rules: bool = True) -> Journal:
    """Return what a story leaves that is over: the rules, the targets, and who brings which metric."""
    journal = Journal()
    alerts = {name: expr for group in RULES.values() for name, expr in group.items() if name[0].isupper()}
    told = {name: {"where": "", "exprs": [expr], "for": "0s", "interval": "1s"} for name, expr in alerts.items()}
    journal.write("plan", ZERO, alerts=told, recordings=[], routes=[])
    journal.write("zero", ZERO, speed=1.0)
    if rules:
        groups = [{"file": "r.yml", "name": name, "rules": _rules(group)} for name, group in RULES.items()]
        journal.write("rules", ZERO + 9, groups=groups)
    journal.write("targets", ZERO + 9, targets=[{"labels": labels} for labels in TARGETS])
    journal.write("autopsy", ZERO + 9, key="sources", data=BROUGHT if brought is None else brought)
    return journal


def _rules(group: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "query": expr} for name, expr in group.items()]


def missed(group: str) -> str:
    return f'prometheus: {{rule_group="r.yml;{group}"}}'


@pytest.mark.parametrize(
    ("expectation", "groups"),
    [
        (Alert("Slow"), ["api", "api-recordings", "buckets"]),
        (Alert("Down"), ["api"]),
        (Notification("slack", {"alertname": "~Fu.*"}), ["node"]),
        (Notification("slack"), ["api", "api-recordings", "buckets", "node"]),
        (Metric("job:buckets:rate5m", "> 1"), ["buckets"]),
        (Health("shop", "/"), []),
    ],
    ids=str,
)
def test_a_claim_rests_on_the_groups_of_its_alert_and_of_what_these_record_for_it(
    expectation: Expectation, groups: list[str]
) -> None:
    found = grounds(expectation, a_journal())

    assert sorted(group for group in RULES if found.evaluated(missed(group))) == groups


def test_a_group_that_nobody_knows_may_be_anybodys() -> None:
    assert grounds(Alert("Down"), a_journal()).evaluated(missed("new"))


@pytest.mark.parametrize(
    ("expectation", "instances"),
    [
        (Alert("Slow"), ["shop:80"]),
        (Alert("Full"), ["node:9100"]),
        (Alert("Down"), ["shop:80"]),
        (Metric("up", "== 1"), ["node:9100", "shop:80"]),
        (Metric("sum(rate(latency_bucket[5m])) / disk_free", "> 1"), ["node:9100", "shop:80"]),
        (Health("shop", "/"), []),
    ],
    ids=str,
)
def test_a_claim_rests_on_the_targets_that_bring_what_it_reads(expectation: Expectation, instances: list[str]) -> None:
    found = grounds(expectation, a_journal())

    assert sorted(labels["instance"] for labels in TARGETS if found.scraped(labels["instance"])) == instances


@pytest.mark.parametrize(
    ("expectation", "journal"),
    [
        (Metric("never_seen_total", "> 1"), a_journal()),
        (Metric("federated", "> 1"), a_journal()),
        (Alert("Full"), a_journal({})),
        (Alert("Any"), a_journal()),
        (Alert("Loud"), a_journal()),
        (Alert("Full"), a_journal(rules=False)),
    ],
    ids=["nobody brought it", "who brings it speaks for others", "nobody looked", "no name", "other alerts", "no rules known"],
)
def test_where_it_is_not_known_who_brings_what_a_claim_reads_it_may_be_any_target(
    expectation: Expectation, journal: Journal
) -> None:
    assert grounds(expectation, journal).scraped("shop:80")


@pytest.mark.parametrize("alert", ["Any", "Loud"])
def test_what_may_read_anything_may_rest_on_any_group(alert: str) -> None:
    assert grounds(Alert(alert), a_journal()).evaluated(missed("buckets"))


def test_what_rests_on_no_series_minds_nothing_that_the_monitoring_missed_whatever_is_known_of_it() -> None:
    found = grounds(Health("shop", "/"), a_journal(rules=False))

    assert not found.evaluated(missed("new"))
    assert not found.scraped("shop:80")


def test_an_up_of_a_target_that_is_gone_may_be_any() -> None:
    assert grounds(Alert("Down"), a_journal()).scraped("gone:80")


def a_figure(**how: Any) -> Sla:
    return Sla("availability", "5m", **how)


@pytest.mark.parametrize(
    ("figure", "bears"),
    [
        (a_figure(query="avg(disk_free)"), False),
        (a_figure(query="avg_over_time(up[5m])"), True),
        (a_figure(query="avg(disk_free)", probes="shop /health"), True),
        (a_figure(service="shop", path="/sla", field="availability"), False),
    ],
    ids=["its bound holds the samples there were", "a lost scrape is a sample of up", "probes tell of time", "no samples"],
)
def test_a_lost_scrape_bears_on_no_figure_whose_bound_is_computed_from_the_samples_there_were(figure: Sla, bears: bool) -> None:
    assert grounds(figure, a_journal()).scraped("node:9100") is bears


def test_what_is_read_is_known_by_name_where_targets_bring_it() -> None:
    assert read_of(Alert("Slow"), a_journal()) == {"latency_bucket"}
    assert read_of(Alert("Down"), a_journal()) == set()
    assert read_of(Alert("Any"), a_journal()) == set()


# ── what the judge makes of it ───────────────────────────────────────────────

NEVER = never("0s", "4s")


def judged(
    expectation: Expectation,
    group: str = "",
    instance: str = "",
    phrase: Phrase = NEVER,
    fires: str = "",
    more: Callable[[Journal], None] = lambda _: None,
) -> tuple[Outcome, str]:
    """Return the verdict on a claim, where an evaluation or a scrape was missed; ``fires``: what does all the time."""
    journal = a_journal()
    for second in range(5):
        told = {missed(group): 1.0 if second > 1 else 0.0} if group else {}
        timeouts = [[instance, ZERO + 2]] if instance and second == 3 else []
        journal.write("look", ZERO + second, key="vitals", data={"missed": told, "timeouts": timeouts, "scraped": []})
        journal.write("look", ZERO + second, key=str(expectation.evidence()), data=_seen(ZERO + second, fires))
    more(journal)
    journal.write("over", ZERO + 4, why="settled")
    (verdict,) = judge(Scenario("s", claims=(Claim(expectation, phrase),)), journal).claims
    return verdict.outcome, verdict.words


def _seen(at: float, fires: str) -> dict[str, Any]:
    rule = {"health": "ok", "lastError": "", "interval": 1, "duration": 0, "alerts": []}
    now = [{"labels": {"alertname": fires, "alertstate": "firing"}, "points": [[at, 1]]}] if fires else []
    rules = {name: [rule] for name in ("Slow", "Full", "Down")}
    return {"since": at - 1, "until": at, "samples": now, "now": now, "rules": rules, "arrived": []}


def test_an_evaluation_that_was_missed_in_a_group_below_a_claim_makes_it_unknown_and_no_other() -> None:
    assert judged(Alert("Slow"), group="node") == (Outcome.PASSED, "inactive")
    assert judged(Alert("Slow"), group="buckets") == (
        Outcome.UNKNOWN,
        "the machine was too slow: a rule evaluation was missed before 2.0s",
    )


def test_a_scrape_that_was_lost_of_a_target_below_a_claim_makes_it_unknown_and_no_other() -> None:
    assert judged(Alert("Slow"), instance="node:9100") == (Outcome.PASSED, "inactive")
    assert judged(Alert("Slow"), instance="shop:80") == (
        Outcome.UNKNOWN,
        "the machine was too slow: the scrape of shop:80 timed out at 2.0s, with no fault on it",
    )


DOWN = "the machine was too slow: the scrape of shop:80 timed out at 2.0s, with no fault on it"


def test_a_lost_scrape_hides_no_alert_that_watches_for_it() -> None:
    assert judged(Alert("Down"), instance="shop:80") == (Outcome.PASSED, "inactive")


@pytest.mark.parametrize(
    ("expectation", "phrase", "said"),
    [
        (Alert("Down"), eventually("0s", "4s"), f"{DOWN}; seen was: failed, inactive"),
        (Alert("Down", state="inactive"), always("0s", "4s"), DOWN),
        (Alert("Down", state="pending"), NEVER, DOWN),
    ],
    ids=["what failed may have failed for it", "that it is quiet is another claim", "it may have been pending instead"],
)
def test_a_lost_scrape_makes_unknown_what_is_not_claimed_never_to_fire(
    expectation: Expectation, phrase: Phrase, said: str
) -> None:
    assert judged(expectation, instance="shop:80", phrase=phrase) == (Outcome.UNKNOWN, said)


@pytest.mark.parametrize("phrase", [NEVER, always("0s", "4s")], ids=str)
def test_an_alert_that_fires_while_a_scrape_is_lost_may_fire_for_it(phrase: Phrase) -> None:
    outcome, words = judged(Alert("Down"), instance="shop:80", phrase=phrase, fires="Down")

    assert (outcome, words.partition("; seen was")[0]) == (Outcome.UNKNOWN, DOWN)


def test_an_alert_that_watches_for_lost_scrapes_may_be_hidden_by_a_missed_evaluation() -> None:
    assert judged(Alert("Down"), group="api")[0] is Outcome.UNKNOWN


# ── evaluated afterwards ─────────────────────────────────────────────────────


def missing(
    held: Sequence[float] | None,
    phrase: Phrase = NEVER,
    labels: Mapping[str, str] | None = None,
    fires: str = "",
    of: Expectation | None = None,
    **how: Any,
) -> Outcome:
    """Return the verdict on an alert whose evaluations were missed around 2s; ``held``: when it finds something."""
    told = {} if held is None else {"held": [ZERO + at for at in held]}

    def more(journal: Journal) -> None:
        journal.write("autopsy", ZERO + 9, key="behind Slow", data={"where": "", "missing": [], "peaks": [], **told})
        if labels:
            recorded = {"name": "job:latency:p95", "type": "recording", "query": "up", "labels": labels}
            journal.write("rules", ZERO + 9, groups=[{"file": "r.yml", "name": "api", "rules": [recorded]}])

    return judged(of or Alert("Slow", **how), group="api", phrase=phrase, fires=fires, more=more)[0]


def test_an_evaluation_that_would_have_found_nothing_hides_nothing_from_an_alert_that_never_fires() -> None:
    assert missing([]) is Outcome.PASSED
    assert missing([9.0]) is Outcome.PASSED
    assert missing([2.0]) is Outcome.UNKNOWN
    # What it reads may be recorded by an evaluation before it.
    assert missing([-1.5]) is Outcome.UNKNOWN
    assert missing([], state="pending") is Outcome.PASSED
    assert missing([], phrase=once("0s", "4s"), fires="Slow") is Outcome.PASSED


@pytest.mark.parametrize(
    "outcome",
    [
        missing(None),
        missing([], labels={"env": "prod"}),
        missing([], phrase=eventually("0s", "4s")),
        missing([], fires="Slow"),
        missing([], phrase=always("0s", "4s"), fires="Slow"),
        missing([], state="inactive", fires="Slow"),
    ],
    ids=["nobody evaluated it", "labels of their own", "it never fired", "it fired", "it always fires", "it is never quiet"],
)
def test_where_it_is_not_known_what_an_evaluation_would_have_found_its_lack_hides_something(outcome: Outcome) -> None:
    assert outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(("held", "outcome"), [([], Outcome.PASSED), ([2.0], Outcome.UNKNOWN)])
def test_an_evaluation_that_would_have_found_nothing_sends_no_message(held: Sequence[float], outcome: Outcome) -> None:
    assert missing(held, of=Notification("slack", {"alertname": "Slow"})) is outcome


def test_what_an_evaluation_would_have_found_is_not_known_of_any_alert() -> None:
    assert missing([], of=Notification("slack")) is Outcome.UNKNOWN
