"""What is told of stories that are played at the same time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_obscheck.collecting import ROUNDS, together
from pytest_obscheck.playing import BEGUN

FOUR = [SimpleNamespace(nodeid=name, story=SimpleNamespace(name=f"{name} fires")) for name in "abcd"]


def a_run(verbose: int, units: list[list[Any]]) -> Any:
    stash = {BEGUN: {"a", "b", "c", "d"}, ROUNDS: {"venue": [units]}}
    return SimpleNamespace(stash=stash, option=SimpleNamespace(verbose=verbose))


@pytest.mark.parametrize(
    ("verbose", "units", "said"),
    [
        (0, [FOUR], "4 stories at the same time: 'a fires', 'b fires', 'c fires' and 1 more"),
        (1, [FOUR], "4 stories at the same time: 'a fires', 'b fires', 'c fires', 'd fires'"),
        (0, [FOUR[:1], FOUR[1:3]], "3 stories at the same time, on 2 stacks: 'a fires', 'b fires', 'c fires'"),
    ],
)
def test_of_many_stories_the_first_are_named_and_all_where_more_is_asked_for(verbose: int, units: Any, said: str) -> None:
    assert together(a_run(verbose, units)) == [said]
