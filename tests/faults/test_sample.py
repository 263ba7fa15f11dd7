"""Altered samples: what the inbox is told, what confirms it, and what is refused."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from pytest_obscheck.abilities import AltersSamples
from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults.sample import Sample
from pytest_obscheck.protocols import Effect
from pytest_obscheck.speed import Pace, Speed

SERIES = 'node_filesystem_avail_bytes{mountpoint="/"}'
LIKE = "write one of set: 0, scale: 2, ramp: 0 with over: 10s, drop: true, freeze: true, reset: true"


@pytest.mark.parametrize(
    ("fields", "rule", "words"),
    [
        ({"set": 0}, {"action": "set", "value": 0}, "set to 0"),
        ({"scale": 2.5}, {"action": "scale", "value": 2.5}, "scale by 2.5"),
        ({"ramp": 100, "over": "1m30s"}, {"action": "ramp", "value": 100, "over": 90.0}, "ramp to 100 over 1m30s"),
        ({"drop": True}, {"action": "drop"}, "drop"),
        ({"freeze": True}, {"action": "freeze"}, "freeze"),
        ({"reset": True}, {"action": "reset"}, "reset"),
    ],
)
def test_the_inbox_is_told_the_rule_and_the_reader_its_words(fields: Any, rule: Any, words: Any, stack: Any) -> None:
    fault = Sample(SERIES, target="node-1.shop.example:9100", **fields)

    fault.inject(stack)

    assert [{"series": SERIES, "target": "node-1.shop.example:9100", **rule}] == list(stack.inbox.rules.values())
    assert f"samples of {SERIES}: {words}" == str(fault)


def test_altered_samples_confirm_and_restored_ones_do_not(stack: Any) -> None:
    fault = Sample(SERIES, set=0)

    before = fault.confirm(stack).held
    fault.inject(stack)
    after = fault.confirm(stack)
    fault.heal(stack)
    fault.heal(stack)

    assert (False, Effect(True, "2 samples altered"), False) == (before, after, fault.confirm(stack).held)


def test_a_selector_that_matches_nothing_names_what_is_near(stack: Any) -> None:
    stack.inbox.did = {"scrapes": 3, "samples": 0, "seen": ['node_filesystem_avail_bytes{mountpoint="/data"}']}
    fault = Sample(SERIES, set=0, patience="1ms")
    fault.inject(stack)
    expected = f'no sample matched {SERIES!r}; nearest are: node_filesystem_avail_bytes{{mountpoint="/data"}}'

    assert Effect(False, expected) == fault.confirm(stack)


def test_without_a_scrape_nothing_is_confirmed(stack: Any) -> None:
    stack.inbox.did = {"scrapes": 0, "samples": 0, "seen": []}
    fault = Sample(SERIES, set=0, patience="1ms")
    fault.inject(stack)
    expected = "no scrape passed within 1ms; where scrapes are rarer, write a longer `patience`"

    assert Effect(False, expected) == fault.confirm(stack)


def test_an_inbox_that_does_not_answer_fails_the_fault(stack: Any) -> None:
    stack.inbox.silent, fault = True, Sample(SERIES, set=0)

    with pytest.raises(FaultFailed) as injected:
        fault.inject(stack)
    with pytest.raises(FaultFailed) as healed:
        fault.heal(stack)

    assert str(injected.value) == "altering samples could not begin: inbox: not answered"
    assert str(healed.value) == "altering samples could not end: inbox: not answered"


def test_verdicts_that_rest_on_it_can_say_so() -> None:
    fault = Sample(SERIES, set=0)

    assert isinstance(fault, AltersSamples)
    assert fault.alters() == ("node_filesystem_avail_bytes",)


@pytest.mark.parametrize(
    ("series", "target", "problems"),
    [
        (SERIES, "", []),
        (SERIES, "node-1.shop.example:9100", []),
        ("node_load1{", "", ["series 'node_load1{' is not PromQL: unclosed braces"]),
        (
            "{job='x'}",
            "",
            ["series \"{job='x'}\" does not begin with a metric's name; write it like 'node_load1' or 'up{job=\"x\"}'"],
        ),
        (SERIES, "node-1.shop.example", ["no target 'node-1.shop.example'; did you mean 'node-1.shop.example:9100'?"]),
    ],
)
def test_what_cannot_be_altered_is_refused(series: Any, target: Any, problems: Any, plan: Any) -> None:
    assert problems == list(Sample(series, target=target, set=0).problems(plan))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, f"sample: nothing to do with the samples; {LIKE}"),
        ({"set": 0, "drop": True}, f"sample: set and drop together; {LIKE}"),
        ({"ramp": 0}, "sample: ramp and over belong together; write them like ramp: 0 and over: 10s"),
        ({"set": 0, "over": "10s"}, "sample: ramp and over belong together; write them like ramp: 0 and over: 10s"),
        ({"ramp": 0, "over": "long"}, "over: 'long' is not a duration; write it like '800ms', '10s' or '1m30s'"),
    ],
)
def test_anything_but_one_alteration_is_refused(fields: Any, message: Any) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        Sample(SERIES, **fields)

    assert message == str(raised.value)


def test_at_a_speed_a_ramp_lasts_as_long_in_the_story(stack: Any) -> None:
    stack.plan = replace(stack.plan, pace=Pace(Speed(Fraction(60))))

    Sample(SERIES, ramp=100, over="5m").inject(stack)

    assert next(iter(stack.inbox.rules.values()))["over"] == 5.0


def test_a_target_whose_samples_cannot_be_altered_says_why_at_once(stack: Any) -> None:
    stack.inbox.did = {"scrapes": 1, "samples": 0, "seen": [], "refused": "node-1:9100 exposes native histograms"}
    fault = Sample(SERIES, target="node-1.shop.example:9100", set=0)
    fault.inject(stack)

    assert fault.confirm(stack) == Effect(False, "node-1:9100 exposes native histograms")
