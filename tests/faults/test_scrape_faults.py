"""Skewed, slow and unparsable scrapes: what the inbox is told, what confirms them, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults.garbage import Garbage
from pytest_obscheck.faults.skew import Skew
from pytest_obscheck.faults.slow_scrape import SlowScrape
from pytest_obscheck.protocols import Effect

NODE = "node-1.shop.example:9100"
URL = f"http://{NODE}/metrics"


def target(**more: Any) -> dict[str, Any]:
    return {"scrapeUrl": URL, "health": "up", "lastError": "", "lastScrapeDuration": 0.002, **more}


@pytest.mark.parametrize(
    ("fault", "rule", "words"),
    [
        (Skew(NODE, "-5m"), {"action": "skew", "value": -300.0}, f"samples of {NODE} are dated 5m back"),
        (
            Skew(NODE, "30s", series='up{a="b"}'),
            {"action": "skew", "value": 30.0, "series": 'up{a="b"}'},
            'samples of up{a="b"} are dated 30s ahead',
        ),
        (SlowScrape(NODE, "800ms"), {"action": "delay", "value": 0.8}, f"scrapes of {NODE} are 800ms late"),
        (Garbage(NODE), {"action": "cut"}, f"what {NODE} exposes is cut off"),
        (Garbage(NODE, how="page"), {"action": "garble"}, f"what {NODE} exposes is an error page"),
    ],
)
def test_the_inbox_is_told_the_rule_and_the_reader_its_words(fault: Any, rule: Any, words: str, stack: Any) -> None:
    fault.inject(stack)

    assert ([{"target": NODE, **rule}], words) == (list(stack.inbox.rules.values()), str(fault))


@pytest.mark.parametrize(
    ("fault", "scraped", "effect"),
    [
        (Skew(NODE, "-5m"), target(), Effect(True, "2 samples shifted")),
        (SlowScrape(NODE, "1s"), target(lastScrapeDuration=1.01), Effect(True, "a scrape took 1.0s")),
        (
            SlowScrape(NODE, "1s"),
            target(health="down", lastError=f'Get "{URL}": context deadline exceeded'),
            Effect(True, "scrapes time out"),
        ),
        (Garbage(NODE), target(health="down", lastError="expected label name"), Effect(True, "expected label name")),
    ],
)
def test_what_prometheus_says_confirms_and_a_healed_fault_is_gone(fault: Any, scraped: Any, effect: Effect, stack: Any) -> None:
    stack.inbox.scraped = [target(scrapeUrl="http://other:1/metrics"), scraped]

    before = fault.confirm(stack).held
    fault.inject(stack)
    during = fault.confirm(stack)
    fault.heal(stack)
    fault.heal(stack)

    assert (False, effect, False) == (before, during, fault.confirm(stack).held)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            SlowScrape(NODE, "1ms", patience="1ms"),
            f"a scrape was delayed, but Prometheus does not show it for {NODE}",
        ),
        (Garbage(NODE, patience="1ms"), f"a scrape was spoilt, but Prometheus takes {NODE} for up"),
    ],
)
def test_harm_that_prometheus_does_not_see_is_not_confirmed(fault: Any, words: str, stack: Any) -> None:
    # Down for another reason, and quick: neither fault is behind it.
    down = target(health="down", lastError="server returned HTTP status 502 Bad Gateway", lastScrapeDuration=0.0)
    other = target(scrapeUrl="http://other:1/metrics", lastError="expected label name", lastScrapeDuration=9.0)
    stack.inbox.scraped = [other, down]
    fault.inject(stack)

    assert fault.confirm(stack) == Effect(False, words)


@pytest.mark.parametrize("fault", [Skew(NODE, "-5m", patience="1ms"), Garbage(NODE, patience="1ms")])
def test_without_a_scrape_nothing_is_confirmed(fault: Any, stack: Any) -> None:
    stack.inbox.did = {"scrapes": 0, "samples": 0, "seen": []}
    fault.inject(stack)

    expected = "no scrape passed within 1ms; where scrapes are rarer, write a longer `patience`"
    assert fault.confirm(stack) == Effect(False, expected)


def test_no_scrape_that_could_be_late_is_told(stack: Any) -> None:
    stack.inbox.did = {"scrapes": 0, "samples": 0, "seen": []}
    fault = SlowScrape(NODE, "1s", patience="1ms")

    fault.inject(stack)

    expected = "no scrape came within 1ms; where scrapes are rarer, write a longer `patience`"
    assert fault.confirm(stack) == Effect(False, expected)


def test_a_selector_that_matches_nothing_names_what_is_near(stack: Any) -> None:
    stack.inbox.did = {"scrapes": 3, "samples": 0, "seen": ["node_load1", "node_load5"]}
    fault = Skew(NODE, "-5m", series="node_load2", patience="1ms")
    fault.inject(stack)

    assert fault.confirm(stack) == Effect(False, "no sample matched 'node_load2'; nearest are: node_load1, node_load5")


@pytest.mark.parametrize("fault", [Skew(NODE, "1s"), SlowScrape(NODE, "1s"), Garbage(NODE)])
def test_an_inbox_that_does_not_answer_fails_the_fault(fault: Any, stack: Any) -> None:
    stack.inbox.silent = True

    with pytest.raises(FaultFailed) as injected:
        fault.inject(stack)
    with pytest.raises(FaultFailed) as healed:
        fault.heal(stack)

    assert str(injected.value) == "harming scrapes could not begin: inbox: not answered"
    assert str(healed.value) == "harming scrapes could not end: inbox: not answered"


@pytest.mark.parametrize(
    ("fault", "problems"),
    [
        (Skew(NODE, "1s", series="a"), []),
        (SlowScrape(NODE, "1s"), []),
        (Garbage(NODE), []),
        (
            Skew("node-1.shop.example:910", "1s", series="a{"),
            [f"no target 'node-1.shop.example:910'; did you mean '{NODE}'?", "series 'a{' is not PromQL: unclosed braces"],
        ),
        (SlowScrape("node", "1s"), [f"no target 'node'; did you mean '{NODE}'?"]),
        (Garbage("x"), [f"no target 'x'; known are: {NODE}"]),
    ],
)
def test_a_target_that_is_not_there_is_refused(fault: Any, problems: list[str], plan: Any) -> None:
    assert list(fault.problems(plan)) == problems


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Skew(NODE, "-0s"), "by: '-0s' is no shift; write it like '-5m' for the past, '30s' for what is to come"),
        (lambda: Skew(NODE, "ago"), "by: 'ago' is no shift; write it like '-5m' for the past, '30s' for what is to come"),
        (lambda: SlowScrape(NODE, "0s"), "by: '0s' is too short; write it like '1ms' or longer"),
        (lambda: Garbage(NODE, how="noise"), "how: 'noise' is neither 'cut' nor 'page'; write one of them"),  # type: ignore[arg-type]
    ],
)
def test_what_is_no_harm_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        make()

    assert str(raised.value) == said


def test_verdicts_that_rest_on_skewed_samples_can_say_so() -> None:
    assert [Skew(NODE, "1s", series=' up{a="b"}').alters(), Skew(NODE, "1s").alters()] == [("up",), ()]
