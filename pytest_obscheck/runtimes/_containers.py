"""The containers of one run: made, started, ended and removed, in whatever network they are."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_obscheck.clock import Clock, SystemClock, until
from pytest_obscheck.errors import StackError
from pytest_obscheck.protocols import Launch
from pytest_obscheck.runtimes._daemon import MACHINE, address, in_a_sentence, lacking, made, reached, unless_gone
from pytest_obscheck.runtimes._folders import environment, prepare
from pytest_obscheck.runtimes._mounts import mounts
from pytest_obscheck.runtimes._network import Network
from pytest_obscheck.runtimes._running import SOON, RunningContainer

if TYPE_CHECKING:
    import docker

FOLDER, HOST = "obscheck.folder", "obscheck.host"
"""Labels: the folder of the run, and the machine that it is on."""
_INTO_A_FILE = ("/bin/sh", "-c", 'exec "$@" >>"$0" 2>&1')
"""A program of this machine logs to where its process would: other members may follow that file. An image may have no shell."""


@dataclass(eq=False)
class Containers:
    """Runs components as containers of a Docker daemon on this machine, with files in the run's folder.

    A program whose image the launch names runs in that image; any other runs in an empty one, which sees this machine's own
    programs. All labelled: what a killed run left is removed by a process that waits for its end, or else by the next run.
    """

    folder: Path
    network: Network
    clock: Clock = field(default_factory=SystemClock)
    close_grace: float = 2.0
    _running: dict[str, RunningContainer] = field(default_factory=dict, repr=False)
    _docker: docker.DockerClient | None = field(default=None, repr=False)
    _afterwards: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _owner: int = field(default_factory=os.getpid, repr=False)
    _closed: bool = field(default=False, repr=False)

    def unable(self, images: Sequence[str]) -> str:
        """Return why there can be no containers here: no daemon, or which images it lacks; ``""`` where there can."""
        try:
            return lacking(self._client(), images)
        except StackError as error:
            return str(error)

    def reserve(self, member: str, port: str) -> str:
        """Return an address that is this member's for the whole run."""
        return self.network.reserve(member, port)

    def run(self, member: str, launch: Launch) -> RunningContainer:
        """Create a container and start it; ``StackError`` says in one sentence why the daemon does not."""
        if self._closed:
            raise StackError(f"{member}: its run has been closed; begin another one")
        prepare(launch)
        with in_a_sentence(member):
            container = self._client().containers.create(**self._words(member, launch))
            running = RunningContainer(member, launch.folder, container, self.network, self.clock)
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
            self.network.close()
            if self._docker is not None:
                self._docker.close()
            if self._afterwards is not None:
                self._afterwards.kill()
                self._afterwards.communicate()

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
            "command": launch.words(launch.argv[0] if launch.image is None else launch.image.program),
            "environment": variables,
            "working_dir": str((launch.cwd or launch.folder).absolute()),
            "user": f"{os.getuid()}:{os.getgid()}",
            "labels": self._labels(),
            **self.network.words(member),
            "mounts": mounts(launch.folder.absolute(), programs=own),
            "init": True,
            # A program of this machine may do there what it may here: PostgreSQL, started by root, makes a user namespace.
            "security_opt": ["seccomp=unconfined"] if own else [],
        }

    def _labels(self) -> dict[str, str]:
        return {FOLDER: str(self.folder), HOST: socket.gethostname()}

    def _client(self) -> docker.DockerClient:
        if self._docker is None:
            self._docker = reached()
            atexit.register(self.close)
            self._afterwards = removing(f"{FOLDER}={self.folder}")
            sweep(self._docker)
            if lacking(self._docker, [MACHINE]):
                made(self._docker, MACHINE, {})
            self.network.open(self._docker, self.folder.name, self._labels())
        return self._docker


def removing(label: str) -> subprocess.Popen[bytes]:
    """Start what removes all that carries a label once this process is gone, where no Ctrl-C reaches it."""
    script = Path(__file__).with_name("_afterwards.py")
    command = [sys.executable, "-I", "-S", str(script), address(), label]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, cwd="/"
    )


def sweep(client: docker.DockerClient) -> None:
    """Remove what this machine's runs left whose folder is gone: such a run was killed, and its folder swept."""
    ours = {"label": f"{HOST}={socket.gethostname()}"}
    with in_a_sentence("containers"):
        for container in client.containers.list(all=True, filters=ours, ignore_removed=True):
            if not Path(container.labels[FOLDER]).exists():
                with unless_gone():
                    container.remove(force=True, v=True)
        for network in client.networks.list(filters=ours):
            if not Path(network.attrs["Labels"][FOLDER]).exists():
                with unless_gone():
                    network.remove()
