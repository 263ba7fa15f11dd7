"""A cgroup of a fault's own: https://docs.kernel.org/admin-guide/cgroup-v2.html."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults import _machine


@dataclass(frozen=True)
class Cgroup:
    """A cgroup for one component; it is there from ``hold`` to ``release``."""

    controller: str
    component: str
    root: Path = _machine.CGROUPS
    proc: Path = _machine.PROC

    @property
    def name(self) -> str:
        """Return the name of its folder: one for each harness, component and controller."""
        return f"obscheck-{os.getpid()}-{self.component}-{self.controller}"

    def hold(self, pids: Sequence[int], limits: Mapping[str, str]) -> None:
        """Make it, limit it, and move processes into it; ``FaultFailed`` where the kernel does not allow that."""
        above = _machine.nearest_cgroup(self.controller, self.root, self.proc)
        if above is None:
            raise FaultFailed(_machine.no_cgroup(self.controller, self.root, self.proc))
        folder = above / self.name
        try:
            folder.mkdir(exist_ok=True)
            for name, text in limits.items():
                (folder / name).write_text(text, encoding="utf-8")
            _move(pids, folder)
        except OSError as error:
            raise FaultFailed(f"{folder}: {error.strerror}") from error

    def read(self, name: str) -> str:
        """Return what one of its files says; ``""`` where there is no such cgroup."""
        folder = self._folder()
        try:
            return (folder / name).read_text(encoding="utf-8").strip() if folder else ""
        except OSError:
            return ""

    def holds(self, pids: Sequence[int]) -> bool:
        """Whether there are such processes, and all of them are in it."""
        return bool(pids) and {str(pid) for pid in pids} <= set(self.read("cgroup.procs").split())

    def release(self) -> None:
        """Move its processes to where the harness is, and remove it; nothing where it is not there."""
        folder = self._folder()
        if folder is None:
            return
        try:
            pids = [int(pid) for pid in self.read("cgroup.procs").split()]
            _move(pids, _machine.own_cgroup(self.root, self.proc))
            folder.rmdir()
        except OSError as error:
            raise FaultFailed(f"{folder}: {error.strerror}") from error

    def _folder(self) -> Path | None:
        above = _machine.nearest_cgroup(self.controller, self.root, self.proc)
        folder = above / self.name if above else None
        return folder if folder and folder.is_dir() else None


def _move(pids: Sequence[int], folder: Path) -> None:
    for pid in pids:
        # One that has ended since need not be moved.
        with suppress(ProcessLookupError), (folder / "cgroup.procs").open("a", encoding="utf-8") as file:
            file.write(f"{pid}\n")
