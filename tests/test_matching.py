"""Label subsets, comparisons, and the recording rules behind an expression."""

from __future__ import annotations

import math

import pytest

from pytest_obscheck.matching import Comparison, braces, expanded, subset


@pytest.mark.parametrize(
    ("text", "value", "wanted"),
    [
        ("== 1", 1.0, True),
        ("!= 1", 1.0, False),
        (">= 0.5", 0.5, True),
        ("> 0.5", 0.5, False),
        ("<= -1", -1.0, True),
        ("> -1", 0.0, True),
        ("> -1", -2.0, False),
        ("<1e3", 999.0, True),
        (" < 5 ", 5.0, False),
        ("< Inf", 1e300, True),
        ("> -Inf", -1e300, True),
        ("== +2", 2.0, True),
        ("== .5", 0.5, True),
    ],
)
def test_a_comparison_compares_with_its_sign_and_with_that_of_its_number(text: str, value: float, wanted: bool) -> None:
    assert wanted is Comparison.parse(text).holds(value)


def test_nan_satisfies_only_not_equal_as_in_promql() -> None:
    held = [sign for sign in ("==", "!=", ">=", "<=", ">", "<") if Comparison.parse(f"{sign} 1").holds(math.nan)]

    assert held == ["!="]


@pytest.mark.parametrize("text", ["", "1", "= 1", "> x", ">> 1", "> 1 and < 2", "> 1,5", "> 1h"])
def test_what_is_no_comparison_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="comparison") as caught:
        Comparison.parse(text)

    assert f"{text!r} is not a comparison; write it like '== 1' or '>= 0.5'" == str(caught.value)


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        ({}, True),
        ({"job": "api"}, True),
        ({"job": "ap"}, False),
        ({"job": "~a.*"}, True),
        ({"job": "~a"}, False),
        ({"team": ""}, True),
        ({"team": "x"}, False),
        ({"job": "api", "port": 8080}, True),
        ({"job": ""}, False),
    ],
)
def test_every_wanted_label_must_be_there_and_an_absent_one_is_empty(wanted: dict[str, str], matches: bool) -> None:
    assert matches is subset({"job": "api", "port": "8080"}, wanted)


def test_labels_are_shown_as_promql_writes_them() -> None:
    assert (braces({}), braces({"b": "2", "a": "1"})) == ("", '{a="1", b="2"}')


def test_recording_rules_are_found_at_any_depth_and_a_circle_ends() -> None:
    recordings = {"job:a": "sum(job:b) / job:a", "job:b": "rate(c[5m])", "other": "d"}

    assert expanded("job:a > 1", recordings) == ["job:a > 1", "sum(job:b) / job:a", "rate(c[5m])"]
