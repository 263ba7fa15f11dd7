"""One component as a container, with every process in it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_obscheck.clock import Clock, until
from pytest_obscheck.errors import StackError
from pytest_obscheck.runtimes import _limits
from pytest_obscheck.runtimes._daemon import in_a_sentence
from pytest_obscheck.runtimes._folders import last_lines
from pytest_obscheck.runtimes._network import Network
from pytest_obscheck.runtimes._queueing import waited

LAST_LINES = 10_000
"""How many lines of a container's log are kept when it is removed."""
SOON = 0.01
_REMOVED = {"Running": False, "Paused": False, "ExitCode": 137, "Pid": 0}
"""The state of a container that somebody else removed: as if killed."""


@dataclass(eq=False)
class RunningContainer:
    """One component: a container, with every process in it."""

    name: str
    _folder: Path = field(repr=False)
    _container: Any = field(repr=False)
    _network: Network = field(repr=False)
    _clock: Clock = field(repr=False)
    _grace: int = field(default=5, repr=False)
    _spent: float = field(default=0.0, repr=False)
    _first: int = field(default=0, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def pause(self) -> None:
        """Stop every process of it from being scheduled; ``StackError`` where the daemon cannot."""
        with in_a_sentence(f"{self.name}: cannot be paused"):
            self._container.pause()

    def paused(self) -> bool:
        """Whether every process of it is stopped."""
        return bool(self._state()["Paused"])

    def resume(self) -> None:
        """Let it run on; nothing when it does."""
        if self.paused():
            with in_a_sentence(f"{self.name}: cannot be resumed"):
                self._container.unpause()

    def kill(self) -> None:
        """End every process of it at once, stopped or not, with no chance to clean up."""
        self._spent += self._life_cpu()
        self.signal("SIGKILL")
        if not until(self._clock, lambda: not self.alive(), self._grace, SOON):
            raise StackError(f"{self.name}: SIGKILL does not end every process of it; see what they wait for in `ps -o wchan`")

    def stop(self) -> None:
        """Ask it to end, let it run on if it is paused, and kill what is left after a grace (5 s)."""
        self._spent += self._life_cpu()
        self.resume()
        with in_a_sentence(f"{self.name}: cannot be stopped"):
            self._container.stop(timeout=self._grace)

    def start(self) -> None:
        """Start it again, same command, same ports, the log going on; nothing when it runs."""
        # The daemon knows best whether it runs: it does nothing then.
        with self._lock, in_a_sentence(f"{self.name}: cannot be started"):
            self._container.start()

    def alive(self) -> bool:
        """Whether its first process is there."""
        return bool(self._state()["Running"])

    def exit_code(self) -> int | None:
        """Return the code with which it last ended, negative for a signal; ``None`` while it runs."""
        state = self._state()
        code = int(state["ExitCode"])
        if state["Running"]:
            return None
        return 128 - code if code > 128 else code

    def logs(self, last: int = 20) -> list[str]:
        """Return its last log lines, stdout and stderr as they came."""
        with in_a_sentence(f"{self.name}: its log cannot be read"):
            text: bytes = self._container.logs(tail=last)
        return [*last_lines(self._log(), last), *text.decode(errors="replace").splitlines()][-last:]

    def cpu_seconds(self) -> float:
        """Return user and system CPU seconds of all its processes since its first start: it never falls."""
        return self._spent + self._life_cpu()

    def pids(self) -> Sequence[int]:
        """Return the ids of all its living processes, as this machine has them."""
        if not self.alive():
            return ()
        with in_a_sentence(f"{self.name}: its processes cannot be listed"):
            told = self._container.top(ps_args="-o pid")
        return tuple(int(row[0]) for row in told["Processes"] if _lives_in(int(row[0]), self._folder))

    def waited(self) -> dict[str, float]:
        """Return for how many seconds each of its threads has stood in line for a processor, since that began.

        Nothing where this machine does not see its processes under the ids that the daemon tells.
        """
        if not _lives_in(self._first, self._folder):
            self._first = int(self._state()["Pid"])
        return waited(self._first) if _lives_in(self._first, self._folder) else {}

    def disconnect(self) -> None:
        """Take it off its network; ``StackError`` where that is this machine's own."""
        self._network.leave(self._container, self.name)

    def connected(self) -> bool:
        """Whether the daemon has it on its network."""
        return self._network.joined(self._container)

    def connect(self) -> None:
        """Put it back on its network, at the address that it had; nothing when it is there."""
        self._network.join(self._container, self.name)

    def limit(self, controller: str, most: float) -> None:
        """Let it have so many processors (``cpu``) or bytes (``memory``); ``inf``: as many as there are."""
        with in_a_sentence(f"{self.name}: cannot be limited"):
            self._container.update(**_limits.changed(controller, most, self._memory))

    def limited(self, controller: str) -> float:
        """Return how many of them it may have; ``inf`` where nothing limits it."""
        with in_a_sentence(self.name):
            return _limits.told(controller, self._inspected(), self._memory)

    @cached_property
    def _memory(self) -> int:
        """Return the bytes of memory that its machine has: no daemon's answer changes."""
        return int(self._container.client.info()["MemTotal"])

    def folder(self) -> Path:
        """Return the folder that holds all its data."""
        return self._folder

    def signal(self, name: str) -> None:
        """Send a signal to its first process, which passes it on, and let it run on; nothing when it is gone."""
        # It may end, or be removed by hand, between a question about it and the signal.
        with suppress(StackError), in_a_sentence(self.name):
            if name == "SIGKILL":
                self._container.kill(signal=name)
            self.resume()
            if name != "SIGKILL":
                self._container.kill(signal=name)

    def remove(self) -> None:
        """Keep its log in its folder, and remove it with its volumes; nothing where somebody else did."""
        with suppress(OSError, StackError):
            if not self._log().exists():
                self._log().write_text("\n".join([*self.logs(LAST_LINES), ""]), encoding="utf-8")
        with suppress(StackError), in_a_sentence(self.name):
            self._container.remove(force=True, v=True)

    def _log(self) -> Path:
        return self._folder / f"{self.name}.log"

    def _state(self) -> dict[str, Any]:
        from docker.errors import NotFound  # noqa: PLC0415 -- see _daemon

        with in_a_sentence(self.name):
            try:
                found: dict[str, Any] = self._inspected()["State"]
            except NotFound:
                return _REMOVED
        return found

    def _inspected(self) -> dict[str, Any]:
        found: dict[str, Any] = self._container.client.api.inspect_container(self._container.id)
        return found

    def _life_cpu(self) -> float:
        with in_a_sentence(self.name):
            told = self._container.client.api.stats(self._container.id, stream=False, one_shot=True)
        return float(told["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9


def _lives_in(pid: int, folder: Path) -> bool:
    """Whether a process is one of a member with that folder: a daemon in a process namespace of its own tells other ids."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"HOME={folder}".encode() in variables
