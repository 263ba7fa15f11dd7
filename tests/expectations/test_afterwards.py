"""A rule is evaluated afterwards without the recording rules that it reads: what these record is missing with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest

from pytest_obscheck.capabilities import Series
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.expectations._afterwards import held, written_out
from pytest_obscheck.speed import UNSPED, Speed

RECORDINGS = {
    "job:errors:rate5m": "sum by (job) (rate(errors[5m]))",
    "job:ratio": "job:errors:rate5m / 100",
    "a": "b",
    "b": "a",
}


@pytest.mark.parametrize(
    ("expr", "wanted"),
    [
        ("up == 0", "up == 0"),
        ("job:errors:rate5m > 1", "(sum by (job) (rate(errors[5m]))) > 1"),
        ("job:ratio > 1 and up", "((sum by (job) (rate(errors[5m]))) / 100) > 1 and up"),
        ("a > 1", "((a)) > 1"),
    ],
    ids=["nothing is recorded", "what is recorded", "at any depth", "what records itself"],
)
def test_recording_rules_are_written_out(expr: str, wanted: str) -> None:
    assert written_out(expr, RECORDINGS) == wanted


@dataclass
class Evaluator:
    """A Prometheus that has one answer to one question."""

    expects: str
    answer: Sequence[Series] | LookFailed = ()

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        assert (expr, start, end, step) == (self.expects, 0.0, 9.0, 0.5)
        if isinstance(self.answer, LookFailed):
            raise self.answer
        return list(self.answer)


def found(evaluator: Any, expr: str, speed: Speed = UNSPED) -> Any:
    return held(evaluator, expr, RECORDINGS, speed, (0.0, 9.0, 0.5))


def test_a_rule_holds_at_the_instants_at_which_any_series_is_left() -> None:
    series = [Series({"job": "a"}, ((1.0, 5.0), (2.0, 5.0))), Series({"job": "b"}, ((2.0, 7.0),))]

    assert found(Evaluator("up > 1", series), "up > 1") == {"held": [1.0, 2.0]}


def test_it_is_evaluated_at_the_speed_of_the_story() -> None:
    evaluator = Evaluator("(sum by (job) ((rate(errors[5s]) / 60))) > 1")

    assert found(evaluator, "job:errors:rate5m > 1", Speed(Fraction(60))) == {"held": []}


@pytest.mark.parametrize("expr", ["max_over_time(job:ratio[5m]) > 1", 'job:ratio{job="shop"} > 1'])
def test_of_what_cannot_be_written_out_nothing_is_told(expr: str) -> None:
    with pytest.raises(ValueError, match="cannot be written out"):
        written_out(expr, RECORDINGS)
    assert found(Evaluator(""), expr) == {}


def test_of_what_cannot_be_evaluated_nothing_is_told() -> None:
    assert found(Evaluator("up > 1", LookFailed("many-to-many")), "up > 1") == {}


def test_of_a_rule_whose_evaluator_answers_no_query_nothing_is_told() -> None:
    assert found(None, "up > 1") == {}
