"""When burn-rate alerts must fire: known instants, and the same as by looking at every second."""

from __future__ import annotations

from random import Random

import pytest

from pytest_obscheck.objective import DAY, HOUR, PAIRS, Objective, Ratio
from pytest_obscheck.slo.burning import Outage, error_ratio, firing, must_fire, spent
from pytest_obscheck.slo.comparing import Finding, compare

SLO = Objective("availability", "checkout", 0.999, 30 * DAY, Ratio("errors"))


def test_the_burn_rates_of_thirty_days_are_the_workbooks() -> None:
    assert [(str(pair), round(pair.factor(SLO.period), 9)) for pair in SLO.pairs] == [
        ("page 1h/5m", 14.4),
        ("page 6h/30m", 6.0),
        ("ticket 1d/2h", 3.0),
        ("ticket 3d/6h", 1.0),
    ]


def test_the_budget_of_three_nines_is_43_minutes_a_month() -> None:
    assert SLO.budget_seconds / 60 == pytest.approx(43.2)
    assert SLO.burn_rate(0.0144) == pytest.approx(14.4)
    assert spent(SLO, [Outage(0, 600, errors=0.5), Outage(5000, 5300)]) == pytest.approx((300 + 300) / 2592)


def test_an_outage_pages_when_the_long_window_has_burnt_its_share() -> None:
    expected = [
        "page 1h/5m (burn rate 14.4) at 68m38s, seen 68m23s .. 69m23s",
        "page 6h/30m (burn rate 6) at 81m36s, seen 81m21s .. 82m21s",
    ]

    found = must_fire(SLO, [Outage(HOUR, HOUR + 2400, errors=0.1)], scrape=15, evaluation=15)

    assert [str(each) for each in found] == expected
    assert [each.until for each in found] == pytest.approx([6000 + 300 * (1 - 0.144), 6000 + 1800 * (1 - 0.06)])


def test_a_total_outage_is_slower_to_page_than_the_short_window_alone() -> None:
    (first, *_) = must_fire(SLO, [Outage(0, HOUR)])

    assert first.at == pytest.approx(0.001 * 14.4 * HOUR)


def test_with_little_history_the_same_outage_pages_at_once() -> None:
    found = must_fire(SLO, [Outage(100, HOUR, errors=0.5)], since=0)

    # e (t - 100) > f * budget * t: the window is as long as the history.
    expected = [100 * 0.5 / (0.5 - factor * 0.001) for factor in (1.0, 3.0, 6.0, 14.4)]
    assert [each.at for each in found] == pytest.approx(expected)


def test_errors_below_the_burn_rate_never_page() -> None:
    assert firing(SLO, PAIRS[0], [Outage(0, 30 * DAY, errors=0.0143)]) == []
    assert len(firing(SLO, PAIRS[0], [Outage(0, 30 * DAY, errors=0.0145)])) == 1


def test_a_hold_that_is_longer_than_the_burning_keeps_it_quiet() -> None:
    outage = [Outage(0, 60)]

    assert [str(each.pair) for each in must_fire(SLO, outage)] == ["page 1h/5m"]
    assert must_fire(SLO, outage, hold=600) == []


@pytest.mark.parametrize("seed", range(40))
def test_the_instants_are_those_that_looking_at_every_second_finds(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a simulation
    outages = _outages(random)
    since = random.choice([float("-inf"), 0.0, -1800.0])
    pair = random.choice(PAIRS[:2])
    bound = pair.factor(SLO.period) * SLO.budget
    stretches = firing(SLO, pair, outages, since)

    for at in range(1, 40_000, 97):
        burns = all(error_ratio(outages, window, at, since) > bound for window in (pair.long, pair.short))
        near = any(abs(at - edge) < 1e-3 for stretch in stretches for edge in stretch)
        assert near or burns == any(start < at < end for start, end in stretches)


def _outages(random: Random) -> list[Outage]:
    edges = sorted(random.uniform(0, 20_000) for _ in range(6))
    return [Outage(a, b, random.choice([0.01, 0.05, 0.3, 1.0])) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def test_what_fired_is_compared_with_what_had_to() -> None:
    expected = must_fire(SLO, [Outage(HOUR, HOUR + 2400, errors=0.1)], scrape=15, evaluation=15)
    page, slow = (str(each) for each in expected)

    assert compare(expected, {"page 1h/5m": [4130.0], "page 6h/30m": [4896.0]}) == [
        Finding(True, f"{page}: fired at 68m50s"),
        Finding(True, f"{slow}: fired at 81m36s"),
    ]
    assert compare(expected, {"page 1h/5m": [4000.0], "ticket 1d/2h": [90.0]}) == [
        Finding(False, f"{page}: fired at 66m40s, 103.4s too early"),
        Finding(False, f"{slow}: it did not fire"),
        Finding(False, "ticket 1d/2h: fired at 90.0s, but nothing burnt that fast"),
    ]
    assert compare(expected[:1], {"page 1h/5m": [4200.0]}) == [Finding(False, f"{page}: fired at 70m00s, 36.6s too late")]
