"""Components as containers in this machine's own network, so that every address and file is what it is for a process."""

from __future__ import annotations

import atexit
import os
import socket
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pytest_obscheck.clock import Clock, SystemClock, until
from pytest_obscheck.errors import StackError
from pytest_obscheck.protocols import Launch
from pytest_obscheck.runtimes._daemon import MACHINE, in_a_sentence, lacking, made, reached
from pytest_obscheck.runtimes._folders import environment, last_lines, prepare
from pytest_obscheck.runtimes._mounts import mounts
from pytest_obscheck.runtimes._ports import Ports

if TYPE_CHECKING:
    import docker

FOLDER, HOST = "obscheck.folder", "obscheck.host"
"""Labels: the folder of the run, and the machine that it is on."""
LAST_LINES = 10_000
"""How many lines of a container's log are kept when it is removed."""
SOON = 0.01
_REMOVED = {"Running": False, "Paused": False, "ExitCode": 137}
"""The state of a container that somebody else removed: as if killed."""
_INTO_A_FILE = ("/bin/sh", "-c", 'exec "$@" >>"$0" 2>&1')
"""A program of this machine logs to where its process would: other members may follow that file. An image may have no shell."""


@dataclass(eq=False)
class ContainerRuntime:
    """Runs components as containers of a Docker daemon on this machine, in its network, with files in the run's folder.

    A program whose image the launch names runs in that image; any other runs in an empty one, which sees this machine's own
    programs. All labelled: what a killed run left is removed by the next.
    """

    folder: Path
    clock: Clock = field(default_factory=SystemClock)
    ports: Ports = field(default_factory=Ports)
    close_grace: float = 2.0
    name: ClassVar[str] = "container"
    _running: dict[str, RunningContainer] = field(default_factory=dict, repr=False)
    _docker: docker.DockerClient | None = field(default=None, repr=False)
    _owner: int = field(default_factory=os.getpid, repr=False)
    _closed: bool = field(default=False, repr=False)

    def unable(self, images: Sequence[str]) -> str:
        """Return why there can be no containers here: no daemon, or which images it lacks; ``""`` where there can."""
        try:
            return lacking(self._client(), images)
        except StackError as error:
            return str(error)

    def reserve(self, member: str, port: str) -> str:
        """Return an address ``127.0.0.1:port`` that is this member's for the whole run; ``PortTaken`` where there is none."""
        return self.ports.reserve(member, port)

    def run(self, member: str, launch: Launch) -> RunningContainer:
        """Create a container and start it; ``StackError`` says in one sentence why the daemon does not."""
        if self._closed:
            raise StackError(f"{member}: its run has been closed; begin another one")
        prepare(launch)
        with in_a_sentence(member):
            container = self._client().containers.create(**self._words(member, launch))
            running = RunningContainer(member, launch.folder, container, self.clock)
            self._running[member] = running
        running.start()
        return running

    def make(self, image: str, program: str, files: Mapping[str, str]) -> None:
        """Make an image that holds these files and nothing else (path inside → path here), and starts the program."""
        made(self._client(), image, files, program)

    def close(self) -> None:
        """End and remove every container, their logs kept in their folders, and give the ports back; idempotent."""
        # A fork of the harness inherits this object, and its exit handlers: what runs is not its to end.
        if self._closed or os.getpid() != self._owner:
            return
        self._closed = True
        atexit.unregister(self.close)
        try:
            self._end()
        finally:
            self.ports.release()
            if self._docker is not None:
                self._docker.close()

    def _end(self) -> None:
        running = list(self._running.values())
        for one in running:
            one.signal("SIGTERM")
        # Without its daemon nothing is left that could be asked.
        with suppress(StackError):
            until(self.clock, lambda: not any(one.alive() for one in running), self.close_grace, SOON)
            for one in running:
                one.remove()

    def _words(self, member: str, launch: Launch) -> dict[str, Any]:
        """Return what the daemon is told of a container."""
        own = launch.image is None
        log = str(launch.folder / f"{member}.log")
        program = [*_INTO_A_FILE, log, launch.argv[0]] if launch.image is None else [launch.image.program]
        variables = dict(environment(launch.folder, launch.environment))
        if not own:
            del variables["PATH"]
        return {
            "image": MACHINE if launch.image is None else launch.image.name,
            "name": f"{self.folder.name}-{member}",
            "entrypoint": program,
            "command": list(launch.argv[1:]),
            "environment": variables,
            "working_dir": str((launch.cwd or launch.folder).absolute()),
            "user": f"{os.getuid()}:{os.getgid()}",
            "labels": {FOLDER: str(self.folder), HOST: socket.gethostname()},
            "network_mode": "host",
            "mounts": mounts(launch.folder.absolute(), programs=own),
            "init": True,
            # A program of this machine may do there what it may here: PostgreSQL, started by root, makes a user namespace.
            "security_opt": ["seccomp=unconfined"] if own else [],
        }

    def _client(self) -> docker.DockerClient:
        if self._docker is None:
            self._docker = reached()
            atexit.register(self.close)
            sweep(self._docker)
            if lacking(self._docker, [MACHINE]):
                made(self._docker, MACHINE, {})
        return self._docker


def sweep(client: docker.DockerClient) -> None:
    """Remove the containers of this machine's runs whose folder is gone: such a run was killed, and its folder swept."""
    with in_a_sentence("containers"):
        for container in client.containers.list(all=True, filters={"label": f"{HOST}={socket.gethostname()}"}):
            if not Path(container.labels[FOLDER]).exists():
                container.remove(force=True, v=True)


@dataclass(eq=False)
class RunningContainer:
    """One component: a container, with every process in it."""

    name: str
    _folder: Path = field(repr=False)
    _container: Any = field(repr=False)
    _clock: Clock = field(repr=False)
    _grace: int = field(default=5, repr=False)
    _spent: float = field(default=0.0, repr=False)
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
                found: dict[str, Any] = self._container.client.api.inspect_container(self._container.id)["State"]
            except NotFound:
                return _REMOVED
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
