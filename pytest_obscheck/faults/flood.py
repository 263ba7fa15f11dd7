"""Flood the log of a component."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_obscheck.capabilities import OnThisMachine
from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults import _helpers
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack

MOST = 100_000
"""Lines a second that one process writes with ease."""
TEXT = '{"level": "debug", "message": "flood", "number": %d}\n'
"""One line, as services log."""

WRITER = """
import os, sys, time
_, log, parent, lines, text = sys.argv[1:]
begun, written = time.monotonic(), 0
while os.getppid() == int(parent):
    due = int((time.monotonic() - begun) * int(lines))
    with open(log, "a", encoding="utf-8") as file:
        file.writelines(text % number for number in range(written, due))
    written = due
    time.sleep(0.02)
"""
"""Ends with the harness, or when it is ended."""


@dataclass(frozen=True)
class Flood:
    """Write so many ``lines`` a second into the log of a component, beside its own, as if it logged at the level ``debug``.

    Who ships its log, and who stores it, has to cope; the component itself has not a line more to write.
    """

    component: str
    lines: int = 5_000

    def __post_init__(self) -> None:
        """Refuse what is no flood, and one that nobody can write."""
        if isinstance(self.lines, bool) or not isinstance(self.lines, int) or not 0 < self.lines <= MOST:
            raise ValueError(f"lines: {self.lines!r} is no number of lines a second; write it like 5000, at most {MOST}")

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why there is no log to flood."""
        yield from plan.unknown_member(self.component)

    def inject(self, stack: Stack) -> None:
        """Begin to write."""
        log = self._log(stack)
        if not log.is_file():
            raise FaultFailed(f"{self.component} keeps no log in its folder; a service of the stack does")
        _helpers.spawn(self._key(), WRITER, log, os.getpid(), self.lines, TEXT)

    def confirm(self, stack: Stack) -> Effect:
        """Look whether somebody writes."""
        writes = bool(_helpers.running(self._key()))
        return Effect(writes, f"{self.lines} lines a second besides its own" if writes else "its own lines")

    def heal(self, stack: Stack) -> None:
        """Write no more; what was written stays."""
        _helpers.end(self._key())

    def _log(self, stack: Stack) -> Path:
        return stack.that(OnThisMachine, named=self.component).folder() / f"{self.component}.log"

    def _key(self) -> str:
        return f"obscheck-flood-{self.component}"

    def __str__(self) -> str:
        """Return it in words."""
        return f"the log of {self.component} is flooded"
