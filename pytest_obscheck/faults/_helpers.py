"""Small processes of a fault, which end when the harness does, and are found again by their name: a fault keeps no state."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")


def spawn(key: str, program: str, *args: object) -> int:
    """Start a Python program that finds its arguments in ``sys.argv[2:]``; return its process id."""
    argv = [sys.executable, "-I", "-S", "-c", program, key, *map(str, args)]
    null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    return os.posix_spawn(sys.executable, argv, {"PATH": os.environ.get("PATH", os.defpath)}, file_actions=null)


def running(key: str) -> list[int]:
    """Return the ids of the living processes that were started under a key by this process."""
    return sorted(pid for pid in _children() if key.encode() in _words(pid))


def end(key: str) -> None:
    """End the processes that were started under a key, and wait until they are gone; nothing where there are none."""
    for pid in running(key):
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _children() -> Iterator[int]:
    for path in PROC.glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):
            # The name, in brackets, may hold anything, blanks and brackets too.
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[1]) == os.getpid() and fields[0] != "Z":
                yield int(path.parent.name)


def _words(pid: int) -> list[bytes]:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return []
