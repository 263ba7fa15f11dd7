"""Work beside the main loop, and several pieces of it at the same time."""

from __future__ import annotations

import threading

import pytest

from pytest_obscheck.hands import all_at_once


def test_pieces_of_work_are_done_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=5)
    done: list[int] = []

    all_at_once([lambda: done.append(both.wait()), lambda: done.append(both.wait())])

    assert sorted(done) == [0, 1]


@pytest.mark.parametrize("others", [0, 2])
def test_what_one_raises_is_raised_when_all_are_done(others: int) -> None:
    done: list[int] = []

    def broken() -> None:
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        all_at_once([broken, *[lambda: done.append(1)] * others])

    assert len(done) == others
