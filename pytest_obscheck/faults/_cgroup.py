"""Limits of a component's cgroup: its container's own, else one made here, as the kernel documents cgroup v2."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_obscheck.capabilities import QUOTA_PERIOD, Limitable, OnThisMachine
from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults import _machine
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Stack


def no_limits(plan: Plan, controller: str, what: str, instead: str) -> Iterator[str]:
    """Yield why nothing can be limited that way; ``instead``: the other means that ``what`` has here, if any."""
    why = "" if plan.limiting else _machine.no_cgroup(controller)
    other = f"`means: {instead}` works without one, " if instead else ""
    if why:
        yield f"{what}: not on this machine: {why}; {other}--obs-runtime=container has one for each member"


def limits(stack: Stack, component: str) -> Limitable:
    """Return what limits a component: its runtime, where it has a cgroup there, else one that is made here."""
    own = stack.all(Limitable).get(component)
    return own or Cgroup(component, stack.that(OnThisMachine, named=component).pids())


@dataclass(frozen=True)
class Cgroup:
    """A cgroup for the processes of one component; it is there while something is limited."""

    component: str
    pids: Sequence[int]
    root: Path = _machine.CGROUPS
    proc: Path = _machine.PROC

    def limit(self, controller: str, most: float) -> None:
        """Make it and move the processes into it, or back for ``inf``; ``FaultFailed`` where the kernel does not allow that."""
        above = _machine.nearest_cgroup(controller, self.root, self.proc)
        if above is None:
            raise FaultFailed(_machine.no_cgroup(controller, self.root, self.proc))
        folder = self._folder(above, controller)
        try:
            if math.isfinite(most):
                folder.mkdir(exist_ok=True)
                (folder / f"{controller}.max").write_text(_text(controller, most), encoding="utf-8")
                _move(self.pids, folder)
            elif folder.is_dir():
                # Those that its processes have started meanwhile are in it, too.
                _move([int(pid) for pid in _read(folder / "cgroup.procs").split()], _machine.own_cgroup(self.root, self.proc))
                folder.rmdir()
        except OSError as error:
            raise FaultFailed(f"{folder}: {error.strerror}") from error

    def limited(self, controller: str) -> float:
        """Return the limit that all the processes are under; ``inf`` for none."""
        above = _machine.nearest_cgroup(controller, self.root, self.proc)
        folder = self._folder(above, controller) if above else self.root / "none"
        held = {str(pid) for pid in self.pids} <= set(_read(folder / "cgroup.procs").split())
        return _number(_read(folder / f"{controller}.max")) if self.pids and held else math.inf

    def _folder(self, above: Path, controller: str) -> Path:
        return above / f"obscheck-{os.getpid()}-{self.component}-{controller}"


def _text(controller: str, most: float) -> str:
    return f"{round(most * QUOTA_PERIOD)} {QUOTA_PERIOD}" if controller == "cpu" else f"{most:.0f}"


def _number(text: str) -> float:
    """Return what ``25000 100000`` or ``4096`` says; ``inf`` for ``max``, and where there is nothing."""
    most, _, period = text.partition(" ")
    return int(most) / int(period or 1) if most.isdecimal() else math.inf


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _move(pids: Sequence[int], folder: Path) -> None:
    for pid in pids:
        # One that has ended since need not be moved.
        with suppress(ProcessLookupError), (folder / "cgroup.procs").open("a", encoding="utf-8") as file:
            file.write(f"{pid}\n")
