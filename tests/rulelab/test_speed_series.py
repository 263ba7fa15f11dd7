from __future__ import annotations

import re
from fractions import Fraction

import pytest

from pytest_obscheck.rulelab.promtool import Trial, packed
from pytest_obscheck.rulelab.regexes import avoiding, matching
from pytest_obscheck.rulelab.series import STORY, Series, Variant, generate, layout
from pytest_obscheck.speed.trees import parsed

FACTORS = [Fraction(60), Fraction(8)]


@pytest.mark.parametrize(
    "pattern", ["5..", ".*thanos-(rule|query).*", "a|b", "[^x]+", "[a-c]{2,}", "\\d+s?", "", "(fuse.*|tmpfs)", "x\\.y"]
)
def test_a_text_matches_the_whole_pattern(pattern: str) -> None:
    assert re.fullmatch(pattern, matching(pattern))


@pytest.mark.parametrize(("pattern", "text"), [("2..", ""), (".*", ""), ("|a", "x"), ("", "x"), ("x?", "0")])
def test_a_text_avoids_the_pattern_if_any_does(pattern: str, text: str) -> None:
    assert avoiding(pattern) == text


def test_samples_stand_where_both_factors_leave_whole_milliseconds() -> None:
    when = layout(parsed("rate(x[1m]) > 1"), [120_000], FACTORS)

    assert when.step == 15_000
    assert when.phases == (8, 20, 8)
    assert when.start == 0


def test_rules_that_ask_for_the_time_begin_at_an_instant_of_the_calendar() -> None:
    assert layout(parsed("time() - x > 1"), [], FACTORS).start == STORY


def levels(expr: str, variant: Variant | None = None) -> list[tuple[str, list[float | None]]]:
    tree = parsed(expr)
    when = layout(tree, [], FACTORS)
    picks = (when.phases[0] - 1, when.phases[0] + when.phases[1] - 1, when.length - 1)
    found = generate(tree, when, variant or Variant(2.0))
    return [(series.notation()[0], [series.values[at] for at in picks]) for series in found]


@pytest.mark.parametrize(
    ("expr", "moves"),
    [
        ("x > 10", [5.0, 20.0, 5.0]),
        ("x < 10", [20.0, 5.0, 20.0]),
        ("x == 1", [2.0, 1.0, 2.0]),
        ("10 < x", [5.0, 20.0, 5.0]),
        ("abs(x) * 2 > 10", [2.5, 10.0, 2.5]),
        ("absent(x)", [1.0, None, 1.0]),
        ("x", [None, 1.0, None]),
        ("0 <= x < 4", [8.0, 2.0, 8.0]),
    ],
)
def test_series_cross_the_threshold_and_come_back(expr: str, moves: list[float | None]) -> None:
    assert levels(expr) == [('x{instance="i", job="j"}', moves)]


def test_joined_series_get_equal_labels_and_matchers_are_met() -> None:
    names = [name for name, _ in levels('sum by (pod) (a{code=~"5.."}) / on (pod) group_left b{job="shop", x!="y"} > 2')]

    assert names == ['a{instance="i", job="shop", pod="v", code="5xx"}', 'b{instance="i", pod="v", job="shop"}']


def test_a_series_that_ends_is_marked_stale_once() -> None:
    assert Series({"__name__": "x"}, (1.0, None, None, 0.5)).notation() == ("x{}", "1.0 stale _ 0.5")


def trial(step: int, *names: str) -> Trial:
    return Trial({}, [], step, 0, [], frozenset(names))


def test_trials_that_share_a_name_or_a_step_do_not_share_a_storage() -> None:
    trials = [trial(1, "A", "up"), trial(1, "B", "up"), trial(1, "C", "x"), trial(2, "D", "y"), trial(1)]

    assert packed(trials) == [[4], [0, 2], [1], [3]]
