"""The harness's end of the pipes to its supervisor: asks, and keeps what it was told about each component."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_obscheck.errors import StackError

PATIENCE = 10.0
"""Seconds for something that takes milliseconds: any longer and the supervisor is stuck."""


@dataclass(frozen=True)
class Life:
    """One run of a component's program: its first process, how that ended, and whether any process is left.

    ``cpu``: the CPU seconds of all its processes, known once none is left.
    """

    pid: int
    code: int | None = None
    gone: bool = False
    cpu: float = 0.0


class Supervision:
    """A supervisor process, which lives until the pipe to it is closed; safe to use from several threads."""

    def __init__(self, folder: Path) -> None:
        """Start the supervisor; what it has to complain of goes to ``folder/supervisor.log``."""
        self._log = folder / "supervisor.log"
        hears, tell = os.pipe()
        self._told, says = os.pipe()
        try:
            self._process = launch_supervisor(hears, says, self._log)
        finally:
            os.close(hears)
            os.close(says)
        self._tell = os.fdopen(tell, "wb")
        self._poll = select.poll()
        self._poll.register(self._told, select.POLLIN)
        self._lock = threading.Lock()
        self._lives: dict[str, Life] = {}
        self._answers: dict[int, Mapping[str, Any]] = {}
        self._asked, self._rest, self._over, self._ended = 0, b"", False, False

    @property
    def pid(self) -> int:
        """Return the supervisor's process id."""
        return self._process.pid

    def start(self, name: str, command: Mapping[str, Any]) -> None:
        """Start a component's program: ``argv``, ``env``, ``cwd``, ``log``; ``StackError`` where it cannot be executed."""
        with self._lock:
            answer = self._ask({"do": "start", "name": name, **command})
        if "error" in answer:
            right = "the program, and the interpreter that its first line may name, must exist and be executable"
            raise StackError(f"{name}: cannot be started: {answer['error']}; {right}")

    def ask(self, name: str, **command: Any) -> Mapping[str, Any]:
        """Ask about a component; the answer is empty where none of its processes is left."""
        with self._lock:
            self._drain()
            return {} if self._is_gone(name) else self._ask({"name": name, **command}, about=name)

    def life(self, name: str) -> Life:
        """Return what is known of a component's newest run now."""
        with self._lock:
            self._drain()
            return self._lives[name]

    def end(self) -> None:
        """Kill everything that is left; ``StackError`` where the kernel does not let go of a process."""
        with self._lock:
            if not self._ended:
                self._ended = True
                self._end()

    def _end(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._tell.close()
        while not self._over and self._read(PATIENCE):
            pass
        stuck, self._over = not self._over, True
        if stuck:
            self._process.kill()
        self._process.wait()
        os.close(self._told)
        if stuck:
            left = ", ".join(name for name, life in self._lives.items() if not life.gone)
            raise StackError(
                f"supervisor: SIGKILL does not end every process of {left}; see what they wait for in `ps -o wchan`"
            )

    def _ask(self, command: Mapping[str, Any], about: str = "") -> Mapping[str, Any]:
        self._drain()
        if self._ended:
            raise StackError("supervisor: it was ended with its run; begin another one")
        self._asked += 1
        self._send({"id": self._asked, **command})
        while self._asked not in self._answers:
            if about and self._is_gone(about):
                return {}
            if not self._read(PATIENCE):
                raise StackError(f"supervisor: no answer for {PATIENCE:g} s; is process {self.pid} stopped?")
            self._must_live()
        return self._answers.pop(self._asked)

    def _send(self, message: Mapping[str, Any]) -> None:
        try:
            self._tell.write(json.dumps(message).encode() + b"\n")
            self._tell.flush()
        except BrokenPipeError:
            self._over = True
        self._must_live()

    def _drain(self) -> None:
        while not self._over and self._read(0):
            pass
        self._must_live()

    def _must_live(self) -> None:
        if self._over and not self._ended:
            end = f"ended before its run did, and took every component with it; see {str(self._log)!r}, then run again"
            raise StackError(f"supervisor: process {self.pid} {end}")

    def _read(self, seconds: float) -> bool:
        """Take in what was told, waiting for it; whether there was anything, be it the end."""
        if not self._poll.poll(seconds * 1000):
            return False
        data = os.read(self._told, 1 << 16)
        self._over = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._note(json.loads(line))
        return True

    def _note(self, message: Mapping[str, Any]) -> None:
        if "event" in message:
            name = message["name"]
            self._lives[name] = after(self._lives.get(name), message)
        if "id" in message:
            self._answers[message["id"]] = message

    def _is_gone(self, name: str) -> bool:
        return self._lives[name].gone


def after(life: Life | None, message: Mapping[str, Any]) -> Life:
    """Return what is known of a component after an event."""
    if message["event"] == "started":
        return Life(message["pid"])
    life = life or Life(0)
    if message["event"] == "exited":
        return dataclasses.replace(life, code=message["code"])
    # A keeper that was killed has said nothing of its component, which was then killed too.
    return dataclasses.replace(life, gone=True, cpu=message["cpu"], code=-9 if life.code is None else life.code)


def launch_supervisor(hears: int, says: int, log: Path) -> subprocess.Popen[bytes]:
    """Start the supervisor where no Ctrl-C reaches it, by the path of its file: the package takes too long to import."""
    found = importlib.util.find_spec("pytest_obscheck.supervisor")
    if found is None or found.origin is None:
        raise StackError("supervisor: pytest_obscheck/supervisor.py is missing; install the package again")
    command = [sys.executable, "-I", "-S", found.origin, str(os.getpid())]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as complaints:
        return subprocess.Popen(command, stdin=hears, stdout=says, stderr=complaints, start_new_session=True, cwd="/")
