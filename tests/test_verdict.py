"""How outcomes combine."""

from __future__ import annotations

import pytest

from pytest_obscheck.verdict import Outcome, combine

PASSED, UNKNOWN, FAILED = Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED


@pytest.mark.parametrize(
    ("outcomes", "wanted"),
    [
        ([], UNKNOWN),
        ([PASSED, PASSED], PASSED),
        ([PASSED, UNKNOWN], UNKNOWN),
        ([PASSED, UNKNOWN, FAILED], FAILED),
        ([FAILED, PASSED], FAILED),
    ],
)
def test_failed_beats_unknown_beats_passed_and_nothing_is_unknown(outcomes: list[Outcome], wanted: Outcome) -> None:
    assert wanted is combine(outcomes)
