"""Leave a component too little memory."""

from __future__ import annotations

import math
import resource
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytest_obscheck.capabilities import OnThisMachine
from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults._cgroup import limits, no_limits
from pytest_obscheck.faults._size import size, spoken
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack


@dataclass(frozen=True)
class Memory:
    """Leave a component so much more memory than it has, by the limit of its cgroup or one on each of its processes.

    ``left`` is the room (``16MB``). ``means: cgroup`` needs containers, or a cgroup v2 that this process may divide: who needs
    more than there is gets killed by the kernel. ``means: rlimit`` needs nothing: it sets the soft ``RLIMIT_DATA`` of each
    process to what it has and ``left``, so that it is refused more: an error in C, a ``MemoryError`` in Python, the end of a
    program in Go.
    """

    component: str
    left: str = "16MB"
    means: Literal["cgroup", "rlimit"] = "cgroup"

    def __post_init__(self) -> None:
        """Refuse what is no size."""
        size("left", self.left)
        if self.means not in ("cgroup", "rlimit"):
            raise ValueError(f"means: {self.means!r} is neither 'cgroup' nor 'rlimit'; write one of them")

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why its memory cannot be limited here."""
        yield from plan.unknown_member(self.component)
        if self.means == "cgroup":
            yield from no_limits(plan, "memory", str(self), "rlimit")

    def inject(self, stack: Stack) -> None:
        """Begin to limit it."""
        pids = stack.that(OnThisMachine, named=self.component).pids()
        if not pids:
            raise FaultFailed(f"{self.component} has no process whose memory could be limited")
        if self.means == "cgroup":
            most = sum(_status(pid, "VmRSS") for pid in pids) + size("left", self.left)
            limits(stack, self.component).limit("memory", most)
            return
        for pid in pids:
            _limit(pid, _status(pid, "VmData") + size("left", self.left))

    def confirm(self, stack: Stack) -> Effect:
        """Read back the limit that the kernel has."""
        pids = stack.that(OnThisMachine, named=self.component).pids()
        if self.means == "cgroup":
            most = limits(stack, self.component).limited("memory")
            held = math.isfinite(most)
            return Effect(held, f"its cgroup has {spoken(most)}" if held else "its cgroup has no limit")
        rooms = [room for pid in pids if (room := _room(pid)) is not None]
        held = bool(rooms) and len(rooms) == len(pids)
        return Effect(held, f"{spoken(max(0, min(rooms)))} left by RLIMIT_DATA" if held else "no limit of its own")

    def heal(self, stack: Stack) -> None:
        """Give it the harness's own limits back, under which it was started."""
        if self.means == "cgroup":
            limits(stack, self.component).limit("memory", math.inf)
            return
        soft, _ = resource.getrlimit(resource.RLIMIT_DATA)
        for pid in stack.that(OnThisMachine, named=self.component).pids():
            _limit(pid, soft)

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.component} is left {self.left} of memory"


def _limit(pid: int, soft: int) -> None:
    try:
        _, hard = resource.prlimit(pid, resource.RLIMIT_DATA)
        resource.prlimit(pid, resource.RLIMIT_DATA, (soft, hard))
    except ProcessLookupError:
        return
    except (OSError, ValueError) as error:
        raise FaultFailed(f"the memory of process {pid} cannot be limited: {error}") from error


def _room(pid: int) -> int | None:
    """Return the bytes that a process may still have; ``None`` where it has no limit but the harness's own."""
    own, _ = resource.getrlimit(resource.RLIMIT_DATA)
    with suppress(OSError):
        soft, _ = resource.prlimit(pid, resource.RLIMIT_DATA)
        return None if soft == own else soft - _status(pid, "VmData")
    return None


def _status(pid: int, name: str) -> int:
    """Return bytes that /proc/PID/status tells; 0 where the process has ended."""
    with suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
    return 0
