"""Components as processes of this machine, which end with their run however that ends."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from pytest_obscheck.clock import Clock, SystemClock, until
from pytest_obscheck.errors import StackError
from pytest_obscheck.protocols import Launch
from pytest_obscheck.runtimes._folders import environment, last_lines, prepare
from pytest_obscheck.runtimes._ports import Ports
from pytest_obscheck.runtimes._queueing import waited
from pytest_obscheck.runtimes._supervision import Supervision

SIGNAL_GRACE = 5.0
"""Seconds for the kernel to stop or end every process of a component; it takes milliseconds."""
SOON = 0.005


@dataclass(eq=False)
class ProcessRuntime:
    """Runs components as processes of this machine, under one supervisor, with data and logs in a folder of the run.

    A component sees the PATH of the shell and no other variable of it. Its log is ``NAME.log`` in its own folder.
    ``stop_grace``: seconds between SIGTERM and SIGKILL for one that is stopped; ``close_grace``: for all together at the end.
    """

    folder: Path
    clock: Clock = field(default_factory=SystemClock)
    ports: Ports = field(default_factory=Ports)
    stop_grace: float = 5.0
    close_grace: float = 2.0
    name: ClassVar[str] = "process"
    _running: dict[str, RunningProcess] = field(default_factory=dict, repr=False)
    _supervision: Supervision | None = field(default=None, repr=False)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _owner: int = field(default_factory=os.getpid, repr=False)
    _closed: bool = field(default=False, repr=False)

    def unable(self, images: Sequence[str]) -> str:
        """Return nothing: whatever has been installed can be run as a process."""
        return ""

    def reserve(self, member: str, port: str) -> str:
        """Return an address ``127.0.0.1:port`` that is this member's for the whole run; ``PortTaken`` where there is none."""
        with self._lock:
            self._must_be_open(member)
            return self.ports.reserve(member, port)

    def run(self, member: str, launch: Launch) -> RunningProcess:
        """Start a program; ``StackError`` where it cannot be executed, or where the member runs already."""
        with self._lock:
            self._must_be_open(member)
            if member in self._running and not self._running[member].gone():
                raise StackError(f"{member}: runs already; stop it first, or start it under another name")
            prepare(launch)
            running = RunningProcess(member, command(member, launch), self._supervisor(), self.clock, self.stop_grace)
            running.start()
            self._running[member] = running
            return running

    def close(self) -> None:
        """End everything that was started, all at once, and give the ports back; idempotent."""
        # A fork of the harness inherits this object, and its exit handlers: what runs is not its to end.
        if self._closed or os.getpid() != self._owner:
            return
        with self._lock:
            self._closed = True
            try:
                self._ask_all_to_end()
            finally:
                self._end()

    def _ask_all_to_end(self) -> None:
        running = list(self._running.values())
        # Without its supervisor nothing is left that could be asked.
        with contextlib.suppress(StackError):
            for one in running:
                one.ask_to_end()
            until(self.clock, lambda: all(one.gone() for one in running), self.close_grace, SOON)

    def _end(self) -> None:
        atexit.unregister(self.close)
        try:
            if self._supervision:
                self._supervision.end()
        finally:
            self.ports.release()

    def _supervisor(self) -> Supervision:
        if self._supervision is None:
            atexit.register(self.close)
            self._supervision = Supervision(self.folder.absolute())
        return self._supervision

    def _must_be_open(self, member: str) -> None:
        if self._closed:
            raise StackError(f"{member}: its run has been closed; begin another one")


@dataclass(eq=False)
class RunningProcess:
    """One component: its first process, and every process that descends from it."""

    name: str
    _command: Mapping[str, Any] = field(repr=False)
    _supervision: Supervision = field(repr=False)
    _clock: Clock = field(repr=False)
    _grace: float = field(repr=False)
    _spent: float = field(default=0.0, repr=False)
    _started: bool = field(default=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def pause(self) -> None:
        """Stop every process of it from being scheduled; ``StackError`` where that does not show."""
        if not self.alive():
            raise StackError(f"{self.name}: cannot be paused: it does not run; start it first")
        if not until(self._clock, self._is_paused_by_another_signal, SIGNAL_GRACE, SOON):
            raise StackError(f"{self.name}: cannot be paused: not all of its processes stop; have they changed their user?")

    def _is_paused_by_another_signal(self) -> bool:
        self._signal(signal.SIGSTOP)
        return self.paused()

    def paused(self) -> bool:
        """Whether every process of it is stopped."""
        return stand_still(self._look().get("states", ""))

    def resume(self) -> None:
        """Let it run on; nothing when it does."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """End every process of it at once, stopped or not, with no chance to clean up."""
        self._signal(signal.SIGKILL)
        if not until(self._clock, self.gone, SIGNAL_GRACE, SOON):
            raise StackError(f"{self.name}: SIGKILL does not end every process of it; see what they wait for in `ps -o wchan`")

    def stop(self) -> None:
        """Ask it to end, let it run on if it is paused, and kill what is left after a grace (5 s)."""
        self.ask_to_end()
        if not until(self._clock, self.gone, self._grace, SOON):
            self.kill()

    def start(self) -> None:
        """Start it again, same command, same ports, the log going on; nothing when it runs."""
        with self._lock:
            if self._started and self.alive():
                return
            if self._started:
                self.kill()
                self._spent += self._life_cpu()
            self._supervision.start(self.name, self._command)
            self._started = True

    def alive(self) -> bool:
        """Whether its first process is there."""
        return self.exit_code() is None

    def exit_code(self) -> int | None:
        """Return the code with which it last ended, negative for a signal; ``None`` while it runs."""
        return self._supervision.life(self.name).code

    def gone(self) -> bool:
        """Whether none of its processes is left."""
        return self._supervision.life(self.name).gone

    def logs(self, last: int = 20) -> list[str]:
        """Return its last log lines, stdout and stderr as they came."""
        return last_lines(Path(self._command["log"]), last)

    def cpu_seconds(self) -> float:
        """Return user and system CPU seconds of all its processes since its first start: it never falls."""
        return self._spent + float(self._look().get("cpu", self._life_cpu()))

    def pids(self) -> Sequence[int]:
        """Return the ids of all its living processes."""
        return tuple(self._look().get("pids", ()))

    def waited(self) -> dict[str, float]:
        """Return for how many seconds each of its threads has stood in line for a processor, since that began."""
        return waited(self._supervision.life(self.name).pid)

    def folder(self) -> Path:
        """Return the folder that holds all its data."""
        return Path(self._command["log"]).parent

    def ask_to_end(self) -> None:
        """Send SIGTERM to all its processes; those that are stopped run on, to meet it."""
        self._signal(signal.SIGTERM)

    def _signal(self, number: int) -> None:
        self._supervision.ask(self.name, do="signal", number=int(number))

    def _look(self) -> Mapping[str, Any]:
        return self._supervision.ask(self.name, do="look")

    def _life_cpu(self) -> float:
        return self._supervision.life(self.name).cpu


def stand_still(states: str) -> bool:
    """Whether processes in these states, as ps(1) writes them, run no more, now that they were told to stop.

    One that waits inside the kernel (D) stops before it comes back. It may wait for a stopped one: a parent in vfork(2) does.
    """
    return set(states) <= set("TtD") and not set(states).isdisjoint("Tt")


def command(member: str, launch: Launch) -> Mapping[str, Any]:
    """Return what the supervisor needs to know to start a component, with nothing that depends on where the harness is."""
    folder = launch.folder.absolute()
    return {
        "argv": [launch.argv[0], *launch.words(launch.argv[0])],
        "env": environment(folder, launch.environment),
        "cwd": str((launch.cwd or folder).absolute()),
        "log": str(folder / f"{member}.log"),
    }
