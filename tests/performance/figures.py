"""What the performance scripts have in common: a figure with its limit, a table of figures, and CPU times."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_obscheck.clock import SystemClock
from pytest_obscheck.session import Session
from pytest_obscheck.stack import read

ROOT = Path(__file__).parents[2]
CLOCK = SystemClock()
USUAL = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""The environment of a run of pytest that is measured: with bytecode, as Python has it unless told otherwise."""


@dataclass(frozen=True)
class Figure:
    """One line of the table: what was measured, what came out, what must hold, and whether it does.

    ``holds`` is ``None`` where nothing must hold.
    """

    name: str
    value: str
    limit: str = ""
    holds: bool | None = None

    def __str__(self) -> str:
        """Return the line."""
        mark = {True: "✓", False: "✗", None: " "}[self.holds]
        return f"{mark} {self.name:<58} {self.value:<44} {self.limit}".rstrip()


def tell(figures: Iterable[Figure]) -> int:
    """Print figures as they come; return 1 where one does not hold, else 0."""
    wrong = 0
    for figure in figures:
        sys.stdout.write(f"{figure}\n")
        sys.stdout.flush()
        wrong += figure.holds is False
    return 1 if wrong else 0


def median(values: Iterable[float]) -> float:
    """Return the middle one, the lower of the two where there is none."""
    ordered = sorted(values)
    return ordered[(len(ordered) - 1) // 2]


def milliseconds(seconds: float) -> str:
    """Return ``123 ms``."""
    return f"{seconds * 1000:.0f} ms"


def cpu_seconds(pid: int) -> float:
    """Return user and system CPU seconds of a process, by its CPU clock (clock_getcpuclockid(3)).

    The counters of ``/proc/PID/stat`` are charged by ticks, and what wakes with a timer meets more or fewer of these.
    """
    return time.clock_gettime(~pid << 3 | 2)


@contextmanager
def a_project() -> Iterator[Path]:
    """Give a folder with a copy of the shipped stack and stories, for as long as it is needed."""
    with tempfile.TemporaryDirectory(prefix="obscheck-figures-") as folder:
        for name in ("stack", "scenarios"):
            shutil.copytree(ROOT / name, Path(folder) / name, ignore=shutil.ignore_patterns("__pycache__"))
        yield Path(folder)


@contextmanager
def a_session(home: Path, runtime: str = "process", stack: str = "stack.yaml") -> Iterator[Session]:
    """Give a session on a stack of a folder, and end it."""
    session = Session(read(home / "stack" / stack, home), runtime)
    try:
        yield session
    finally:
        session.close()


def ready_in(home: Path, runtime: str = "process", stack: str = "stack.yaml") -> float:
    """Return the seconds from a plan to a stack of which every member is ready."""
    with a_session(home, runtime, stack) as session:
        assert session.plan
        begun = CLOCK.now()
        session.stack()
        return CLOCK.now() - begun
