from __future__ import annotations

import pytest

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.speed.bands import Band, check_margin, fastest_quiet, firing_band, sigmas


def test_a_page_comes_after_crossing_hold_and_group_wait_and_two_intervals_late_at_most() -> None:
    assert firing_band(71, hold=600, scrape=15, evaluation=15, group_wait=30) == Band(701, 731)


def test_a_hold_ends_with_an_evaluation() -> None:
    assert firing_band(0, hold=90, scrape=15, evaluation=60) == Band(120, 195)


def test_both_ends_belong_to_the_band() -> None:
    assert [at in Band(1, 2) for at in (0.9, 1, 2, 2.1)] == [False, True, True, False]


def test_the_margin_shrinks_with_the_root_of_the_speed() -> None:
    assert sigmas(0.06, 0.05, 10, 300, 1) == pytest.approx(2.306, abs=1e-3)
    assert sigmas(0.06, 0.05, 10, 300, 4) == pytest.approx(1.153, abs=1e-3)


def test_the_fastest_quiet_speed_leaves_four_deviations() -> None:
    by = fastest_quiet(0.2, 0.05, 10, 300)

    assert sigmas(0.2, 0.05, 10, 300, by) == pytest.approx(4)


def test_a_share_without_deviation_is_never_noise() -> None:
    check_margin("A", 1.0, 0.05, 1, 1, 60)


def test_a_claim_that_noise_would_decide_is_refused_with_three_ways_out() -> None:
    with pytest.raises(ConfigError) as raised:
        check_margin("Errors (rules.yml:4)", 0.2, 0.05, 10, 300, 60)

    assert str(raised.value) == (
        "Errors (rules.yml:4): 20.00% against 5.00% is 2.7 standard deviations apart in 50 events, which is noise; "
        "it needs a speed of at most 26, or 23 events a second, or scripted samples"
    )


def test_a_share_on_its_threshold_has_no_way_out_but_a_script() -> None:
    with pytest.raises(ConfigError) as raised:
        check_margin("A", 0.05, 0.05, 10, 300, 1)

    assert (
        str(raised.value)
        == "A: 5.00% against 5.00% is 0.0 standard deviations apart in 3000 events, which is noise; it needs scripted samples"
    )
