"""The run's folder: everything that a run writes is inside, and what a crashed run left is swept by the next."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

PREFIX = "obscheck-run-"


@dataclass
class RunFolder:
    """A folder of one run, locked while the run lives."""

    path: Path
    keep: bool = False
    _lock: IO[Any] | None = field(default=None, repr=False)

    @classmethod
    def make(cls, *, keep: bool = False) -> RunFolder:
        """Make a new one, after sweeping those that crashed runs left; ``OSError`` where the disk does not allow it."""
        sweep()
        folder = cls(Path(tempfile.mkdtemp(prefix=PREFIX)), keep)
        folder._lock = _locked(folder.path)
        return folder

    def close(self) -> None:
        """Remove it, unless it is to be kept; idempotent."""
        if self._lock is not None:
            if self.keep:
                (self.path / "kept").touch()
            self._lock.close()
            self._lock = None
        if not self.keep:
            shutil.rmtree(self.path, ignore_errors=True)


def _locked(path: Path) -> IO[Any] | None:
    lock = (path / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock


def sweep() -> None:
    """Remove the folders of runs that are gone and were not to be kept."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        # That of another user is theirs to sweep; that of another run may go at any moment.
        with suppress(OSError):
            if (path / "lock").exists() and not (path / "kept").exists() and (lock := _locked(path)) is not None:
                shutil.rmtree(path, ignore_errors=True)
                lock.close()
