"""The history of requests: exact counts for any window, whatever is in between."""

from __future__ import annotations

import random
from typing import Any

import pytest

START = 1_700_000_000.0


def _history() -> Any:
    from service.history import History  # noqa: PLC0415

    return History(START)


def test_a_window_holds_what_ended_in_it() -> None:
    history = _history()
    for second in range(100):
        history.note(START + second, 0.02, failed=second % 10 == 0)

    totals = history.window(START + 99.5, 10)

    assert (totals.requests, totals.errors) == (10, 1)
    assert (totals.begin, totals.end) == (START + 90, START + 99.5)


def test_a_minute_that_is_saved_holds_what_was_noted_last() -> None:
    history = _history()
    history.note(START, 0.02, failed=True)

    minute = history.minute(int(START) // 60)

    assert (minute.requests, minute.errors, minute.seconds) == (1, 1, 0.02)


def test_no_request_is_no_data() -> None:
    totals = _history().window(START + 50, 10)

    assert (totals.requests, totals.quantile(0.95)) == (0, None)
    assert totals.alive == 10 - 0.0


def test_only_the_seconds_alive_count_as_alive() -> None:
    history = _history()

    assert history.window(START + 30, 60).alive == pytest.approx(30)
    assert history.window(START + 30.5, 7200).alive == pytest.approx(30.5)


def test_what_is_overwritten_is_forgotten() -> None:
    from service.history import Ring  # noqa: PLC0415

    ring = Ring(1, 4)
    for second in range(10):
        place = ring.slot(second)
        ring.buckets[0][place] += second

    assert [ring.totals(begin, 9).requests for begin in (9, 6, 0)] == [9, 9 + 8 + 7 + 6, 9 + 8 + 7 + 6]
    assert ring.slot(5) is None


def test_a_long_silence_leaves_nothing_behind() -> None:
    from service.history import Ring  # noqa: PLC0415

    ring = Ring(1, 4)
    ring.buckets[0][ring.slot(2)] += 7
    ring.slot(1000)

    assert ring.totals(0, 1000).requests == 0


def test_seconds_and_minutes_agree() -> None:
    history, chance = _history(), random.Random(7)  # noqa: S311  the same every time
    noted = [(START + chance.uniform(0, 3000), chance.expovariate(5), chance.random() < 0.1) for _ in range(5000)]
    for at, seconds, failed in sorted(noted):
        history.note(at, seconds, failed=failed)

    fine, coarse = history.window(START + 3000, 3590), history.window(START + 3000, 86400)
    assert (fine.requests, fine.errors, fine.buckets) == (5000, coarse.errors, coarse.buckets)
    assert fine.seconds == pytest.approx(coarse.seconds)
    assert fine.errors == sum(failed for *_, failed in noted)


def test_the_quantile_is_in_the_bucket_that_holds_the_rank() -> None:
    from service.history import Totals  # noqa: PLC0415

    fast_and_slow = Totals(requests=100, buckets=(0, 0, 90, 0, 0, 0, 0, 10, 0, 0, 0, 0))

    assert fast_and_slow.quantile(0.90) == pytest.approx(0.025)
    assert fast_and_slow.quantile(0.95) == pytest.approx(0.75)
    assert fast_and_slow.quantile(0.45) == pytest.approx(0.0175)
    assert Totals(requests=1, buckets=(0,) * 11 + (1,)).quantile(0.5) == 10.0


def test_a_duration_on_an_edge_belongs_below_it_as_in_prometheus() -> None:
    history = _history()
    history.note(START, 0.5, failed=False)

    assert history.window(START + 0.5, 1).buckets == (0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0)


def test_an_earlier_life_counts_in_every_window_that_reaches_it() -> None:
    from service.history import Totals  # noqa: PLC0415

    history = _history()
    history.note(START + 1, 0.02, failed=False)
    before = int(START) // 60 - 1
    history.restore(before, Totals(alive=60, errors=2, seconds=1.0, buckets=(8,) + (0,) * 11))

    totals = history.window(START + 2, 180)
    assert (totals.requests, totals.errors, totals.alive) == (9, 2, pytest.approx(62))
    assert history.window(START + 2, 1).requests == 1


def test_what_is_older_than_the_ring_is_not_restored() -> None:
    from service.history import MONTH, Totals  # noqa: PLC0415

    history = _history()
    history.live(START + 1)
    history.restore(int(START - MONTH) // 60 - 1, Totals(errors=1, buckets=(1,) + (0,) * 11))

    assert history.window(START + 1, MONTH).requests == 0
