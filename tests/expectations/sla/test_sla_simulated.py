"""A correct figure always lies inside its bound, whatever the traffic and the scrapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_obscheck.when import Sight

FIGURES = ("availability", "error_rate", "burn_rate", "throughput", "mean", "p50", "p95", "p99")
END = 12.0
CASES = 10
Make = Callable[..., Any]


def correct(simulate: Make, claimed: Make, seeds: range) -> tuple[list[str], int]:
    """Return which correct figures were refused, at random instants of random worlds, and how many were accepted."""
    sights = [sight for seed in seeds for sight in correct_in(simulate(seed), claimed, seed)]
    return [sight.words for sight in sights if sight.holds is False], sum(sight.holds is True for sight in sights)


def correct_in(played: Any, claimed: Make, seed: int) -> list[Sight]:
    """Return what is said of every correct figure at three instants of one world."""
    found = []
    over = round(played.world.over, 3)
    for _ in range(3):
        at = round(played.zero + played.random.uniform(over + 0.1, END - 0.1), 3)
        values = {figure: value for figure in FIGURES if (value := played.right(figure, at)) is not None}
        sights = [(figure, played.sight(claimed(figure, over), at, value)) for figure, value in values.items()]
        found += [replace(sight, words=f"world {seed} at {at - played.zero:.3f}: {sight.words}") for _, sight in sights]
    return found


def test_a_correct_figure_always_lies_inside_its_bound(simulate: Make, claimed: Make) -> None:
    refused, accepted = correct(simulate, claimed, range(CASES))

    assert refused == []
    assert accepted > 15 * CASES


@pytest.mark.long
def test_a_correct_figure_lies_inside_its_bound_in_thousands_of_worlds(simulate: Make, claimed: Make) -> None:
    refused, accepted = correct(simulate, claimed, range(10_000, 12_000))

    assert refused == []
    assert accepted > 30_000
