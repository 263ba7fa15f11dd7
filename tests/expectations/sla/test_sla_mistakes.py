"""Figures as they are computed wrongly fall out of the bound of a correct one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

END = 12.0
Make = Callable[..., Any]

BUSY: dict[str, Any] = {"rate": 40, "bad": 0.3, "restart": None, "slow": 0.05, "interval": 0.2, "over": 3.0}
Wrong = Callable[[Any, float], float | None]


def by_up(_: Any, __: float) -> float:
    """Return ``avg_over_time(up[...])``: every scrape succeeded."""
    return 1.0


def of_one_status(played: Any, at: float) -> float:
    """Return the ratio of answers with status 500, and forget 502 and 503."""
    everything = sum(played.rates(at, "http_requests_total").values())
    return sum(played.rates(at, "http_requests_total", status="500").values()) / everything


def without_exceptions(played: Any, at: float) -> float:
    """Return the throughput where the counter is not incremented when the handler raises."""
    return sum(played.rates(at, "http_requests_total", status="200").values())


def unsummed(_: Any, __: float) -> float:
    """Return ``rate(a{5xx}) / rate(a)``, matched one to one, where one series fails."""
    return 1.0


def average_of_averages(played: Any, at: float) -> float:
    """Return the mean of the endpoints' mean latencies."""
    sums, counts = (played.rates(at, f"latency_seconds_{what}") for what in ("sum", "count"))
    means = [total / count for total, count in zip(sums.values(), counts.values(), strict=True) if count]
    return sum(means) / len(means)


def average(played: Any, at: float) -> float | None:
    """Return the mean latency, where a percentile is the target."""
    return played.right("mean", at)


def other_quantile(q: float) -> Wrong:
    """Return a quantile that is not the wanted one."""
    return lambda played, at: played.quantile(q, at)


def of_half_the_window(played: Any, at: float) -> float:
    """Return the throughput over half the window, in bursty traffic."""
    half = replace(played, world=replace(played.world, over=played.world.over / 2))
    return sum(half.rates(at, "http_requests_total").values())


def increased(played: Any, at: float) -> float:
    """Return ``increase()`` for ``rate()``."""
    return sum(played.rates(at, "http_requests_total").values()) * played.world.over


MISTAKES: tuple[tuple[str, Wrong, Mapping[str, Any]], ...] = (
    ("availability", by_up, {}),
    ("error_rate", of_one_status, {}),
    ("error_rate", unsummed, {}),
    ("burn_rate", of_one_status, {}),
    ("throughput", without_exceptions, {}),
    ("throughput", increased, {}),
    ("throughput", of_half_the_window, {}),
    ("mean", average_of_averages, {"endpoints": (("/checkout", 0.8, 1.0), ("/report", 0.2, 8.0))}),
    ("p95", average, {}),
    ("p95", other_quantile(0.5), {}),
    ("p95", other_quantile(0.9), {}),
    ("p99", other_quantile(0.9), {}),
)


EASY: Mapping[str, Any] = {"missed": 0.0, "transport": 0.002}
HARD: Mapping[str, Any] = {"missed": 0.15, "transport": 0.02, "lazy": True}
BOTH = [(*mistake, EASY) for mistake in MISTAKES] + [
    (*mistake, HARD) for mistake in MISTAKES if mistake[1] not in (average_of_averages, of_half_the_window)
]
"""Where scrapes are missed, the bound is too wide to tell an average of averages, or bursts."""


@pytest.mark.parametrize(("figure", "wrong", "fixed", "more"), BOTH)
def test_a_wrong_figure_falls_out_of_the_bound(
    figure: str, wrong: Wrong, fixed: Mapping[str, Any], more: Mapping[str, Any], simulate: Make, claimed: Make
) -> None:
    accepted = []
    for seed in range(4):
        played = simulate(20_000 + seed, **{**BUSY, **more, **fixed})
        at = round(played.zero + played.random.uniform(5, END - 0.2), 3)
        sight = played.sight(claimed(figure, 3.0), at, wrong(played, at))
        if sight.holds is not False:
            accepted.append(f"world {20_000 + seed}: {sight.words}")

    assert accepted == []


def test_several_series_are_no_figure(simulate: Make, claimed: Make) -> None:
    played = simulate(1, **BUSY)
    expected = "the figure is 3 series instead of one number; aggregate them, or choose one"

    sight = played.sight(claimed("error_rate", 3.0), played.zero + 8, 1.0, 1.0, 1.0)

    assert (sight.holds, sight.words) == (False, expected)
