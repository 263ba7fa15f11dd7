"""What noise could have decided is unknown, with what would be better; what it could not have, stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import pytest

from pytest_obscheck import Alert, Latency, Sample
from pytest_obscheck.capabilities import Series
from pytest_obscheck.journal import Journal
from pytest_obscheck.judge import judge
from pytest_obscheck.noise import Noise, at_most, calm, foregone, too_fast, undecided
from pytest_obscheck.plan import AlertRule, Facts
from pytest_obscheck.runner import Play, play
from pytest_obscheck.scenario import Claim, Planned, Scenario
from pytest_obscheck.speed import Pace, Source, Speed
from pytest_obscheck.testing import FakeClock, FakeStack, Inline, a_plan
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import Window, always, eventually, never, within

ZERO = 1_000_000.0
BY = 60.0
"""Ten events a second, of which five minutes of the story hold fifty at this speed."""
CLAIM, OTHER = (Claim(Alert(name), never("0s", "8m")) for name in ("Errors", "Other"))
TOO_NEAR = (
    "noise would decide it: Errors (rules.yml:4): 6.00% against 5.00% is 0.3 standard deviations apart in 50 events, which is "
    "noise; it needs 1805 events a second, or scripted samples"
)


def counted(*parts: tuple[float, float]) -> list[list[float]]:
    """Return the counters of parts of ten wall seconds each: which share of ten events a second is bad, from when on."""
    points, bad = [], 0.0
    for number in range(10 * len(parts) + 1):
        points.append([ZERO + number, bad, 10.0 * number])
        bad += 10.0 * parts[min(number // 10, len(parts) - 1)][0]
    return points


def journal(*parts: float, sign: str = ">") -> Journal:
    """Return the journal of a story whose parts of ten wall seconds, faults between them, have these shares of bad events."""
    made = Journal()
    made.write("zero", ZERO, speed=BY)
    for number in range(1, len(parts)):
        phase = "injected" if number % 2 else "healed"
        made.write("fault", ZERO + 10 * number, name="latency", phase=phase, held=True, words="", traffic=1)
    counts = [{"labels": {}, "points": counted(*((part, 0.0) for part in parts))}]
    told = {"where": "rules.yml:4", "sign": sign, "threshold": 0.05, "span": 300.0, "counts": counts}
    made.write("autopsy", ZERO + 10 * len(parts), key="noise of Errors", data={"alerts": {"Errors": [told]}})
    return made


def test_a_share_near_its_threshold_is_noise_and_the_sentence_says_what_would_do() -> None:
    assert undecided(journal(0.06), CLAIM, Window(0.0, 600.0), fired=False) == TOO_NEAR
    assert undecided(journal(0.06), CLAIM, Window(0.0, 600.0), fired=True) == TOO_NEAR


@pytest.mark.parametrize("share", [0.0, 1.0, 0.9])
def test_a_share_far_from_its_threshold_is_none(share: float) -> None:
    assert undecided(journal(share), CLAIM, Window(0.0, 600.0), fired=False) == ""


def test_the_largest_speed_that_would_do_is_named() -> None:
    words = undecided(journal(0.25), CLAIM, Window(0.0, 600.0), fired=False)

    assert words == (
        "noise would decide it: Errors (rules.yml:4): 25.00% against 5.00% is 3.3 standard deviations apart in 50 events, "
        "which is noise; it needs a speed of at most 40, or 15 events a second, or scripted samples"
    )
    assert (at_most(words), at_most(TOO_NEAR)) == (40, 1)


def test_each_part_of_a_story_has_a_share_of_its_own() -> None:
    made = journal(0.0, 0.9, 0.04)

    assert undecided(made, CLAIM, Window(0.0, 600.0), fired=False) == ""
    assert undecided(made, CLAIM, Window(600.0, 1200.0), fired=False) == ""
    assert undecided(made, CLAIM, Window(0.0, 1800.0), fired=True) == ""
    assert "4.00% against 5.00%" in undecided(made, CLAIM, Window(1200.0, 1800.0), fired=False)


def test_what_scrapes_tell_late_of_a_fault_is_no_part_of_what_comes_after() -> None:
    made = journal(0.0, 0.9, 0.0)
    made.write("run", ZERO - 1, scrape=60.0)
    (told,) = made.of("autopsy")[0].data["data"]["alerts"]["Errors"]
    # Two seconds after the cure a scrape still brings errors.
    told["counts"][0]["points"] = [
        [at, bad - (9.0 if at == ZERO + 20 else 0.0), total] for at, bad, total in told["counts"][0]["points"]
    ]

    assert undecided(made, CLAIM, Window(1200.0, 1800.0), fired=False) == ""


def test_what_fires_below_its_threshold_has_it_the_other_way_round() -> None:
    assert undecided(journal(0.0, 0.06, sign="<"), CLAIM, Window(0.0, 1200.0), fired=True) == ""
    assert "6.00%" in undecided(journal(0.9, 0.06, sign="<"), CLAIM, Window(0.0, 1200.0), fired=True)


def test_other_alerts_and_stories_that_were_not_looked_at_have_no_noise() -> None:
    assert undecided(journal(0.06), OTHER, Window(0.0, 600.0), fired=False) == ""
    assert undecided(Journal(), CLAIM, Window(0.0, 600.0), fired=False) == ""


def looked(made: Journal) -> Journal:
    """Add looks at the alert, which stays quiet."""
    rule = {"health": "ok", "lastError": "", "lastEvaluation": "", "duration": 0.0, "interval": 0.25, "alerts": []}
    for number in range(70):
        since, until = ZERO + 0.2 * number, ZERO + 0.2 * (number + 1)
        data = {"since": since, "until": until, "samples": [], "now": [], "rules": {"Errors": [rule]}}
        made.write("look", until, key="alerts", data=data)
    made.write("over", ZERO + 15, why="settled", ended=ZERO + 15)
    return made


def test_a_claim_that_noise_would_decide_is_unknown_whether_it_held_or_not() -> None:
    claims = (Claim(Alert("Errors"), never("0s", "8m")), Claim(Alert("Errors"), eventually("0s", "8m")))
    story = Scenario("s", claims=claims)

    report = judge(story, looked(journal(0.06)))
    calm = judge(story, looked(journal(0.0)))

    assert [(each.outcome, each.words.partition("; seen was: ")[0]) for each in report.claims] == [
        (Outcome.UNKNOWN, TOO_NEAR)
    ] * 2
    assert too_fast(report) == TOO_NEAR
    assert [each.outcome for each in calm.claims] == [Outcome.PASSED, Outcome.FAILED]


@dataclass(frozen=True)
class Counters:
    """A Prometheus with the counters of two statuses."""

    def query(self, expr: str, at: float) -> Sequence[Series]:
        return []

    def query_range(self, expr: str, start: float, end: float, step: float) -> Sequence[Series]:
        total = 'status=~"5.."' not in expr
        return [Series({}, ((start, 100.0 if total else 6.0), (end, 200.0 if total else 12.0)))]

    def metric_names(self) -> Sequence[str]:
        return []

    def label_names(self, selector: str) -> Sequence[str]:
        return []


RATIO = 'sum(rate(x{status=~"5.."}[5m])) / sum(rate(x[5m])) > 0.05'


def told(speed: Speed) -> Mapping[str, Any]:
    rule = AlertRule("Errors", RATIO, "0s", {}, {}, "g", "", "rules.yml:4")
    stack = FakeStack({"prometheus": Counters()}, replace(a_plan(Facts(alerts=(rule,))), pace=Pace(speed)))
    found: Mapping[str, Any] = Noise(("Errors",)).look(stack, 10.0, 20.0)["alerts"]
    return found


def test_the_counters_behind_a_rule_over_real_services_are_read() -> None:
    counts = [{"labels": {}, "points": [[10.0, 6.0, 100.0], [20.0, 12.0, 200.0]]}]

    assert told(Speed(Fraction(60), Source.REAL)) == {
        "Errors": [{"where": "rules.yml:4", "sign": ">", "threshold": 0.05, "span": 300.0, "counts": counts}]
    }


def test_scripted_samples_and_stories_at_speed_1_have_no_noise() -> None:
    assert told(Speed(Fraction(60), Source.SCRIPTED)) == told(Speed(Fraction(1), Source.REAL)) == {}


def test_altered_samples_have_no_noise_either() -> None:
    claim = Claim(Alert("Errors"), never("0s", "8m"))
    story = Scenario("s", (), (Planned(Sample("x", set=1), Window(0.0, 1.0), "sample"),), (claim,))
    made = journal(0.06)
    made.write("plan", ZERO - 1, alerts={"Errors": {"exprs": [RATIO], "where": "rules.yml:4", "for": "0s"}})

    (verdict,) = judge(story, looked(made)).claims

    assert verdict.words == "the experiment is void; seen was: passed, inactive"


# ── before a story begins ────────────────────────────────────────────────────


def counters(share: float, lasted: int = 10) -> Mapping[str, Any]:
    """Return what the counters behind an alert told, so many seconds of ten events each."""
    counts = [{"labels": {}, "points": counted((share, 0.0))[: lasted + 1]}]
    return {"Errors": [{"where": "rules.yml:4", "sign": ">", "threshold": 0.05, "span": 300.0, "counts": counts}]}


def test_a_share_near_its_threshold_before_any_fault_is_noise() -> None:
    assert foregone(counters(0.06), BY) == TOO_NEAR


@pytest.mark.parametrize("share", [0.0, 0.9, 0.25])
def test_a_share_that_may_be_far_enough_is_left_to_the_story(share: float) -> None:
    assert foregone(counters(share), BY) == ""


def test_what_was_measured_for_a_moment_is_taken_for_less() -> None:
    assert "17.00% against 5.00% is 2.3 standard deviations apart" in foregone(counters(0.17), BY)
    assert foregone(counters(0.17, lasted=2), BY) == ""


def test_where_nothing_was_counted_nothing_is_noise() -> None:
    (told,) = counters(0.06)["Errors"]
    idle = {**told, "counts": [{"labels": {}, "points": [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]}, {"labels": {}, "points": []}]}

    assert foregone({"Errors": [idle]}, BY) == ""


def test_only_claims_that_count_what_is_before_any_fault_are_refused_beforehand() -> None:
    phrases = [never("0s", "1s"), always("0s", "9s"), eventually("0s", "9s"), never("5s", "9s"), within("5s", after="latency")]
    claims = tuple(Claim(Alert("Errors"), phrase) for phrase in phrases)
    slow, altered = (Planned(what, Window(5.0, 8.0), "latency") for what in (Latency(to="x", by="1s"), Sample("x", set=1)))

    assert [calm(Scenario("s", (), faults, claims)) for faults in ((slow,), (altered,))] == [[*claims[:2]], []]
    assert calm(Scenario("s", (), (), claims[3:4])) == [claims[3]]


def test_a_story_that_noise_would_decide_is_not_played_and_auto_plays_it_slower() -> None:
    rule = AlertRule("Errors", RATIO, "0s", {}, {}, "g", "", "rules.yml:4")
    plan = replace(a_plan(Facts(alerts=(rule,))), pace=Pace(Speed(Fraction(60), Source.REAL)))
    story, made = Scenario("s", claims=(CLAIM,)), Journal()
    made.write("plan", ZERO, alerts={"Errors": {"exprs": [RATIO], "where": "rules.yml:4", "for": "0s"}}, routes=[])

    play(Play(story, FakeStack({"prometheus": Counters()}, plan), FakeClock(ZERO), made, Inline(), lambda *_: True))
    report = judge(story, made)

    assert made.zero is None
    assert (report.outcome, too_fast(report)) == (Outcome.UNKNOWN, report.notes[0].removeprefix("the experiment is void: "))
    assert too_fast(report).startswith("noise would decide it: Errors (rules.yml:4): 6.00% against 5.00% is")
