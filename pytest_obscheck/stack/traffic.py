"""A load that was started: what the runner lets flow and stops."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_obscheck.protocols import Load, Place, Running
from pytest_obscheck.stack.lastwords import last_words


@dataclass
class LoadTraffic:
    """A load that was started; ``Traffic`` of the runner."""

    load: Load
    place: Place
    running: Running
    ended: bool = False

    def waiting(self) -> bool:
        """Whether it has done all its preparations."""
        return self.load.waiting(self.place)

    def begin(self) -> None:
        """Let the traffic flow."""
        self.load.begin(self.place)

    def end(self) -> None:
        """Stop it; idempotent."""
        if not self.ended:
            self.ended = True
            self.running.stop()

    def trouble(self) -> str:
        """Return why it no longer runs; ``""`` while it does, or after ``end``."""
        if self.ended or self.running.alive():
            return ""
        return f"ended by itself (exit code {self.running.exit_code()}); {last_words(self.running)}"

    def requests(self) -> str:
        """Return the log of every request so far."""
        return self.load.requests(self.place)
