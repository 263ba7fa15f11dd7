"""Raw samples as Prometheus has them: when which series had which value, dated by the scrape and not by the look."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, TypeVar

from pytest_obscheck.capabilities import AnswersPromQL
from pytest_obscheck.protocols import History, Stack

K = TypeVar("K")

Change = tuple[float, K, float | None]
"""At this Unix second a series (by a key) had a value; ``None``: there was no such series."""


@dataclass(frozen=True)
class Samples:
    """The series of an instant selector: raw samples since the last look, and the value now.

    ``called`` is its key; ``overlap``: by how many seconds a look reaches back behind the one before it, for samples that are
    written long after the time that they are dated.
    """

    selector: str
    called: str
    overlap: float = 2.0
    every: float = 0.2

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``until``, ``samples`` and ``now``: lists of labels and points."""
        prometheus = stack.that(AnswersPromQL)
        span = max(1, math.ceil((until - since + self.overlap) * 1000))
        found = {
            "samples": prometheus.query(f"{self.selector}[{span}ms]", until),
            "now": prometheus.query(self.selector, until),
        }
        return {"until": until, **{key: [each.data() for each in series] for key, series in found.items()}}

    def __str__(self) -> str:
        """Return the key."""
        return self.called


def changes(history: History, key: Callable[[Mapping[str, str]], K | None]) -> Iterator[Change[K | None]]:
    """Yield what was known when, in no order; ``key`` names the series by its labels, ``None`` for one that is not meant.

    At the end of a look in which there was no series at all, the key of that is ``None``. What a later look learns about an
    earlier time wins.
    """
    looks = [event.data["data"] for event in history.looks if "data" in event.data]
    every: set[K | None] = {each for data in looks for part in ("samples", "now") for each, _, _ in _points(data[part], key)}
    learned: dict[K, float] = {}
    for data in reversed(looks):
        now = {each: value for each, _, value in _points(data["now"], key)}
        for each in every or {None}:
            if each is None or data["until"] < learned.get(each, inf):
                yield data["until"], each, None if each is None else now.get(each)
        for each, at, value in _points(data["samples"], key):
            learned[each] = min(at, learned.get(each, inf))
            yield at, each, value


def _points(
    series: Iterable[Mapping[str, Any]], key: Callable[[Mapping[str, str]], K | None]
) -> Iterator[tuple[K, float, float]]:
    for each in series:
        name = key(each["labels"])
        if name is not None:
            yield from ((name, at, value) for at, value in each["points"])
