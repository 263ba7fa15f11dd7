"""Components as containers in a network of their run, each with an address of its own, so that it can be taken off it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from pytest_obscheck.clock import Clock, SystemClock
from pytest_obscheck.protocols import Launch
from pytest_obscheck.runtimes._containers import Containers
from pytest_obscheck.runtimes._network import RunNetwork
from pytest_obscheck.runtimes._running import RunningContainer


@dataclass(eq=False)
class BridgeRuntime:
    """Runs components as containers of a Docker daemon on this machine, in a bridge network of the run.

    A service must listen at its own address there (``${host}`` in stack.yaml), not at 127.0.0.1.
    """

    folder: Path
    clock: Clock = field(default_factory=SystemClock)
    name: ClassVar[str] = "bridge"
    limiting: ClassVar[bool] = True
    networked: ClassVar[bool] = True
    _containers: Containers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Give its containers a network of their own."""
        self._containers = Containers(self.folder, RunNetwork(), self.clock)

    def unable(self, images: Sequence[str]) -> str:
        """Return why there can be no containers here: no daemon, or which images it lacks; ``""`` where there can."""
        return self._containers.unable(images)

    def reserve(self, member: str, port: str) -> str:
        """Return an address in the run's network that is this member's for the whole run."""
        return self._containers.reserve(member, port)

    def run(self, member: str, launch: Launch) -> RunningContainer:
        """Create a container and start it; ``StackError`` says in one sentence why the daemon does not."""
        return self._containers.run(member, launch)

    def close(self) -> None:
        """End and remove every container, their logs kept in their folders, and the network; idempotent."""
        self._containers.close()
