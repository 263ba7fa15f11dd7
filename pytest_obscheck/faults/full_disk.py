"""Let a component's disk run full."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_obscheck.capabilities import OnThisMachine, Restartable
from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults import _helpers, _machine, _toxic
from pytest_obscheck.faults._size import UNITS, size, spoken
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack
from pytest_obscheck.when import Duration, seconds

MOST = 64 * UNITS["MB"]
"""The largest file system there may be: it lives in the machine's memory."""

FILLER = ".obscheck-filler"
CHUNK = 64 * UNITS["KB"]
KEEPER = """
import os, subprocess, sys, time
where, parent = sys.argv[2], int(sys.argv[3])
while os.getppid() == parent:
    time.sleep(0.2)
subprocess.run(["umount", "-l", where], check=False)
"""
"""Takes the file system away when the harness was killed: a run's folder with one in it could not be removed."""


@dataclass(frozen=True)
class FullDisk:
    """Mount a small file system (tmpfs) over a component's data folder, and fill it to its last byte.

    The component is stopped, its data are copied over, and it is started on the small file system; after ``settle`` that is
    filled. The cure empties it, and starts the component again on its own folder, with what it has written. So there are two
    restarts. ``folder`` is inside the component's own folder. ``size`` is at most 64MB. Mounting needs CAP_SYS_ADMIN.
    """

    component: str
    folder: str = "data"
    size: str = "64MB"
    settle: Duration = "1s"

    def __post_init__(self) -> None:
        """Refuse a file system that is too large, and a folder elsewhere."""
        if size("size", self.size) > MOST:
            raise ValueError(f"size: {self.size!r} is too large for the machine's memory; write at most '64MB'")
        if not self.folder.strip("./") or self.folder.startswith("/") or ".." in Path(self.folder).parts:
            raise ValueError(f"folder: {self.folder!r} is not inside the component's own folder; write it like 'data'")
        _toxic.span("settle", self.settle)

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why no file system can be mounted here."""
        yield from plan.unknown_member(self.component)
        if not _machine.may(_machine.SYS_ADMIN):
            yield f"{self}: not on this machine: mounting a file system needs CAP_SYS_ADMIN, which this process lacks"

    def inject(self, stack: Stack) -> None:
        """Start it on the small file system, and fill that."""
        where, member = self._where(stack), stack.that(Restartable, named=self.component)
        if not where.is_dir() or where.resolve() != where:
            raise FaultFailed(f"{self.component} has no folder {self.folder!r} of its own")
        if not os.path.ismount(where):
            member.stop()
            try:
                self._mount(where)
            finally:
                member.start()
        until(SystemClock(), lambda: not member.alive(), seconds(self.settle))
        _fill(where / FILLER)

    def confirm(self, stack: Stack) -> Effect:
        """Ask the file system how much room there is."""
        where = self._seen(stack)
        if not os.path.ismount(where):
            return Effect(False, "on the machine's own disk")
        room = os.statvfs(where)
        left = room.f_bavail * room.f_frsize
        return Effect(left == 0, f"{spoken(left)} left of {self.size}")

    def heal(self, stack: Stack) -> None:
        """Make room, and start it on its own folder with what it has written."""
        where, member = self._where(stack), stack.that(Restartable, named=self.component)
        if os.path.ismount(where):
            (where / FILLER).unlink(missing_ok=True)
            member.stop()
            try:
                self._unmount(where)
            finally:
                member.start()
        _helpers.end(self._key(where))

    def _where(self, stack: Stack) -> Path:
        return stack.that(OnThisMachine, named=self.component).folder().resolve() / self.folder

    def _seen(self, stack: Stack) -> Path:
        """Return the folder as the component sees it, which in a container need not be as the harness does."""
        where, pids = self._where(stack), stack.that(OnThisMachine, named=self.component).pids()
        return Path(f"/proc/{pids[0]}/root{where}") if pids else where

    def _mount(self, where: Path) -> None:
        own, status = os.open(where, os.O_DIRECTORY), where.stat()
        try:
            options = f"size={size('size', self.size)},mode={status.st_mode & 0o7777:o},uid={status.st_uid},gid={status.st_gid}"
            _run("mount", "-t", "tmpfs", "-o", options, "obscheck", str(where))
            _helpers.spawn(self._key(where), KEEPER, where, os.getpid())
            # What lies below the mount is reached through the folder that was opened before.
            _copy(Path(f"/proc/self/fd/{own}"), where)
        except (OSError, shutil.Error, FaultFailed) as error:
            if os.path.ismount(where):
                _run("umount", "-l", str(where))
            raise FaultFailed(f"{where}: no file system of {self.size} could take its place: {_words(error)}") from error
        finally:
            os.close(own)

    def _unmount(self, where: Path) -> None:
        small = os.open(where, os.O_DIRECTORY)
        try:
            _run("umount", "-l", str(where))
            _clear(where)
            _copy(Path(f"/proc/self/fd/{small}"), where)
        except (OSError, shutil.Error) as error:
            raise FaultFailed(f"{where}: what the component wrote could not be kept: {_words(error)}") from error
        finally:
            os.close(small)

    def _key(self, where: Path) -> str:
        return f"obscheck-keeper-{where}"

    def __str__(self) -> str:
        """Return it in words."""
        return f"the disk of {self.component} is full"


def _copy(source: Path, to: Path) -> None:
    shutil.copytree(source, to, symlinks=True, dirs_exist_ok=True)


def _clear(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _fill(path: Path) -> None:
    """Write until nothing more can be written."""
    with path.open("ab", buffering=0) as file:
        try:
            while file.write(bytes(CHUNK)):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise FaultFailed(f"{path}: {error.strerror}") from error


def _run(*argv: str) -> None:
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=30)
    if done.returncode:
        raise FaultFailed(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")


def _words(error: Exception) -> str:
    if (isinstance(error, OSError) and error.errno == errno.ENOSPC) or "No space left" in str(error):
        return "what the folder holds is larger"
    return str(error)
