"""Components as containers in this machine's own network, so that every address and file is what it is for a process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from pytest_obscheck.clock import Clock, SystemClock
from pytest_obscheck.protocols import Launch
from pytest_obscheck.runtimes._containers import Containers
from pytest_obscheck.runtimes._network import MachineNetwork
from pytest_obscheck.runtimes._running import RunningContainer


@dataclass(eq=False)
class ContainerRuntime:
    """Runs components as containers of a Docker daemon on this machine, in its network."""

    folder: Path
    clock: Clock = field(default_factory=SystemClock)
    name: ClassVar[str] = "container"
    limiting: ClassVar[bool] = True
    _containers: Containers = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Put its containers into this machine's network."""
        self._containers = Containers(self.folder, MachineNetwork(), self.clock)

    def unable(self, images: Sequence[str]) -> str:
        """Return why there can be no containers here: no daemon, or which images it lacks; ``""`` where there can."""
        return self._containers.unable(images)

    def reserve(self, member: str, port: str) -> str:
        """Return an address ``127.0.0.1:port`` that is this member's for the whole run; ``PortTaken`` where there is none."""
        return self._containers.reserve(member, port)

    def run(self, member: str, launch: Launch) -> RunningContainer:
        """Create a container and start it; ``StackError`` says in one sentence why the daemon does not."""
        return self._containers.run(member, launch)

    def make(self, image: str, program: str, files: Mapping[str, str]) -> None:
        """Make an image that holds these files and nothing else (path inside → path here), and starts the program."""
        self._containers.make(image, program, files)

    def close(self) -> None:
        """End and remove every container, their logs kept in their folders, and give the ports back; idempotent."""
        self._containers.close()
