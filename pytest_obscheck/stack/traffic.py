"""A load that was started: what the runner lets flow and stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pytest_obscheck.capabilities import StandsInLine
from pytest_obscheck.protocols import Load, Place, Running
from pytest_obscheck.stack.lastwords import last_words


@dataclass(frozen=True)
class Driver:
    """What drives a load, as far as it is one more process on this machine: ``StandsInLine``."""

    running: Running

    def waited(self) -> Mapping[str, float]:
        """Return for how many seconds each of its threads stood in line; nothing where its runtime does not know."""
        return self.running.waited() if isinstance(self.running, StandsInLine) else {}


@dataclass
class LoadTraffic:
    """A load that was started; ``Traffic`` of the runner."""

    name: str
    load: Load
    place: Place
    running: Running
    ended: bool = False

    @property
    def driver(self) -> Driver:
        """Return what makes the requests."""
        return Driver(self.running)

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
