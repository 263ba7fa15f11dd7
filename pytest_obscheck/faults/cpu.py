"""Leave a component too little processor time."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytest_obscheck.capabilities import OnThisMachine
from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults import _helpers
from pytest_obscheck.faults._cgroup import limits, no_limits
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack

LONGEST = 600
"""Seconds after which a burner ends by itself, whatever happens."""

BURN = """
import os, sys, time
cpu, parent, seconds = map(int, sys.argv[2:])
os.setsid()  # where the kernel groups processes by session, each burner is to count as one
os.sched_setaffinity(0, {cpu})
end = time.monotonic() + seconds
while os.getppid() == parent and time.monotonic() < end:
    for _ in range(100_000):
        pass
"""


@dataclass(frozen=True)
class Cpu:
    """Leave a component a share of one processor, by the quota of its cgroup, or by burners that it must share with.

    ``left`` is the share, 0.1 for a tenth. ``means: cgroup`` needs containers, whose cgroups the daemon limits, or a cgroup v2
    that this process may divide. ``means: burners`` needs nothing: it pins the component's threads to the last processor, where
    processes that only burn time run, too: three of them leave a fourth to a component with one busy thread. Whatever else runs
    on that processor suffers as well.
    """

    component: str
    left: float = 0.25
    means: Literal["cgroup", "burners"] = "cgroup"

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if isinstance(self.left, bool) or not isinstance(self.left, int | float) or not 0.05 <= self.left < 1:
            raise ValueError(f"left: {self.left!r} is no share of a processor; write it like 0.25, at least 0.05, less than 1")
        if self.means not in ("cgroup", "burners"):
            raise ValueError(f"means: {self.means!r} is neither 'cgroup' nor 'burners'; write one of them")

    def takes(self) -> str:
        """Return what of the machine it takes from everybody there; a cgroup takes from nobody else."""
        return "processor time" if self.means == "burners" else ""

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why the component cannot be starved here."""
        yield from plan.unknown_member(self.component)
        if self.means == "burners" and _no_room():
            yield f"{self}: not on this machine: {_no_room()}"
        if self.means == "cgroup":
            yield from no_limits(plan, "cpu", str(self), "" if _no_room() else "burners")

    def inject(self, stack: Stack) -> None:
        """Begin to starve it."""
        pids = stack.that(OnThisMachine, named=self.component).pids()
        if not pids:
            raise FaultFailed(f"{self.component} has no process to starve")
        if self.means == "cgroup":
            limits(stack, self.component).limit("cpu", self.left)
            return
        for _ in range(self._burners() - len(_helpers.running(self._key()))):
            _helpers.spawn(self._key(), BURN, _last_processor(), os.getpid(), LONGEST)
        _pin(pids, {_last_processor()})

    def confirm(self, stack: Stack) -> Effect:
        """Read back what the kernel has of it: the quota, or where its threads may run and who burns there."""
        pids = stack.that(OnThisMachine, named=self.component).pids()
        if self.means == "cgroup":
            left = limits(stack, self.component).limited("cpu")
            held = math.isfinite(left)
            return Effect(held, f"its cgroup has {left:.0%} of a processor" if held else "its cgroup has no quota")
        burners, pinned = len(_helpers.running(self._key())), _pinned(pids, {_last_processor()})
        if burners and pinned:
            return Effect(burners == self._burners(), f"shares processor {_last_processor()} with {burners} burners")
        return Effect(bool(burners), f"{burners} burners" if burners else "no burners")

    def heal(self, stack: Stack) -> None:
        """Give it all processors back."""
        if self.means == "cgroup":
            limits(stack, self.component).limit("cpu", math.inf)
            return
        _helpers.end(self._key())
        _pin(stack.that(OnThisMachine, named=self.component).pids(), os.sched_getaffinity(0))

    def starves(self) -> str:
        """Return the component: it waits for a processor meanwhile."""
        return self.component

    def _burners(self) -> int:
        return max(1, round(1 / self.left) - 1)

    def _key(self) -> str:
        return f"obscheck-burner-{self.component}"

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.component} is left {self.left:.0%} of a processor"


def _no_room() -> str:
    if not hasattr(os, "sched_setaffinity"):
        return "processes cannot be pinned to processors"
    # On its only processor the burners would starve the harness, and nothing could be judged.
    return "" if len(os.sched_getaffinity(0)) > 1 else "it has one processor, which the harness needs"


def _last_processor() -> int:
    return max(os.sched_getaffinity(0))


def _pin(pids: Sequence[int], processors: set[int]) -> None:
    for thread in _threads(pids):
        try:
            os.sched_setaffinity(thread, processors)
        except ProcessLookupError:
            continue
        except OSError as error:
            raise FaultFailed(f"thread {thread} cannot be pinned to a processor: {error.strerror}") from error


def _pinned(pids: Sequence[int], processors: set[int]) -> bool:
    seen = []
    for thread in _threads(pids):
        with suppress(ProcessLookupError):
            seen.append(os.sched_getaffinity(thread) == processors)
    return bool(seen) and all(seen)


def _threads(pids: Sequence[int]) -> list[int]:
    return [int(path.name) for pid in pids for path in Path(f"/proc/{pid}/task").glob("[0-9]*")]
