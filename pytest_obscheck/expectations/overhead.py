"""What something costs that a service does for every request: instrumentation, a proxy, a new release."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pytest_obscheck.capabilities import OnThisMachine, TakesRequests
from pytest_obscheck.errors import LookFailed, did_you_mean
from pytest_obscheck.expectations._median import median_of
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Stack
from pytest_obscheck.when import Sight, Window

PERCENT_PATTERN = r"^[0-9]+(\.[0-9]+)?%$"
Percent = Annotated[str, PERCENT_PATTERN]
"""A share as people write it: ``5%``."""

WARM, AT_ONCE = 4, 4
"""Rounds that do not count, since everything is new to the processes; and rounds in one look."""


@dataclass(frozen=True)
class Spent:
    """CPU seconds that two members take for the same requests, which they get in turns."""

    members: tuple[str, str]
    request: tuple[str, str, str]
    count: int
    every: float = 2.0

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``rounds``: pairs of CPU seconds, the first member's and the second's."""
        return {"rounds": [self._round(stack, turn) for turn in range(AT_ONCE)]}

    def asks(self) -> str:
        """Return the members and what they are asked for."""
        return " ".join((*self.members, *self.request))

    def _round(self, stack: Stack, turn: int) -> list[float]:
        # Each goes first as often as the other: what comes second may find a warmer machine.
        order = self.members if turn % 2 else self.members[::-1]
        spent = {member: self._spent(stack, member) for member in order}
        return [spent[member] for member in self.members]

    def _spent(self, stack: Stack, member: str) -> float:
        process = stack.that(OnThisMachine, named=member)
        before = cpu_seconds(process.pids())
        stack.that(TakesRequests, named=member).send(*self.request, self.count)
        return cpu_seconds(process.pids()) - before

    def __str__(self) -> str:
        """Return the key."""
        return f"overhead {' '.join(self.members)} {' '.join(self.request)} {self.count}"


@dataclass(frozen=True)
class Overhead:
    """A service takes less than ``below`` (``5%``) more CPU time for a request than its twin ``without``.

    Both are members that differ in nothing but what is to be measured, such as ``INSTRUMENTATION: "on"``. The harness sends
    both the same: ``requests`` in a round, in turns, for ``rounds`` rounds; what else the machine does befalls both. The median
    of the rounds' ratios is compared, with the interval that holds it with 95 %: where the bound lies in it, the verdict is
    unknown. It is one verdict for all the time it took, some 0.2 s a round. Where its memory happens to lie makes a process
    some per cent faster or slower for its whole life: that much is said of these two processes, not of the next two.
    """

    service: str
    without: str
    below: Percent
    path: str = "/"
    method: str = "GET"
    json: Mapping[str, Any] = field(default_factory=dict)
    requests: int = 50
    rounds: int = 40

    def __post_init__(self) -> None:
        """Refuse a bound that is no share, and too few rounds for an interval."""
        if not re.fullmatch(PERCENT_PATTERN, self.below):
            raise ValueError(f"below: {self.below!r} is not a share; write it like '5%'")
        if self.rounds < 6 or self.requests < 1:
            raise ValueError("rounds and requests: write 6 rounds at least, of one request at least")

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield that the stack has no such services."""
        services = [name for name, kind in plan.members.items() if kind == "service"]
        for name in (self.service, self.without):
            if name not in services:
                yield f"overhead: no service called {name!r}; {did_you_mean(name, services)}"

    def exprs(self, alerts: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Return nothing: it rests on no series."""
        return ()

    def history(self, alerts: Mapping[str, Sequence[str]]) -> float:
        """Return that it looks back on nothing."""
        return 0.0

    def evidence(self) -> Spent:
        """Return the rounds."""
        body = json.dumps(dict(self.json)) if self.json else ""
        return Spent((self.service, self.without), (self.method, self.path, body), self.requests)

    def holds(self, history: History) -> Sequence[Sight]:
        """Return a sight for every look, all of them of the one verdict that they give together."""
        rounds = [each for event in history.looks if "data" in event.data for each in event.data["data"]["rounds"]]
        holds, words = self._verdict(rounds[WARM : WARM + self.rounds])
        return [
            Sight(history.story(event.wall), None, event.data["error"])
            if "error" in event.data
            else Sight(history.story(event.wall), holds, words)
            for event in history.looks
        ]

    def _verdict(self, rounds: Sequence[Sequence[float]]) -> tuple[bool | None, str]:
        if len(rounds) < self.rounds:
            return None, f"{len(rounds)} of {self.rounds} rounds are done; it takes a longer window"
        found = median_of([100 * (on / off - 1) for on, off in rounds if off > 0])
        if found is None:
            return None, f"{self.without} took no CPU time that could be measured; write more requests"
        words = f"{found.value:+.1f}% CPU time for a request, with 95% between {found.low:+.1f}% and {found.high:+.1f}%"
        bound = float(self.below[:-1])
        if found.low < bound <= found.high:
            return None, f"{words}: {self.below} lies between; write more rounds"
        return found.high < bound, words

    def tell(self, history: History, window: Window) -> str:
        """Return nothing: the verdict says it."""
        return ""

    def __str__(self) -> str:
        """Return the expectation in words."""
        return f"{self.service} takes less than {self.below} more CPU time than {self.without} for {self.method} {self.path}"


def cpu_seconds(pids: Sequence[int], proc: Path = Path("/proc")) -> float:
    """Return the CPU time of processes' threads, finer than ticks of 10 ms (proc(5), schedstat); ``LookFailed``."""
    files = [each for pid in pids for each in (proc / str(pid) / "task").glob("*/schedstat")]
    if not files:
        raise LookFailed("nothing says how much CPU time it takes: it does not run, or its processes are not seen from here")
    try:
        return sum(int(each.read_text().split()[0]) for each in files) / 1e9
    except OSError as error:
        raise LookFailed(f"a thread ended while its CPU time was read ({error.strerror})") from None
