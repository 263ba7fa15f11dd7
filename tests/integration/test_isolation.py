"""A run needs nothing but loopback, opens nothing to anybody else, and does not meet another run on the same machine."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.supervisor import below, processes

CLOCK = SystemClock()
ONLY_LOOPBACK = 'ip link set lo up && exec "$@"'
LISTENING, UNCONNECTED = "0A", "07"
TOO_SLOW = "the machine was too slow"
TRIES = 3
"""How often two stories are played when one says that the machine was too slow for it: that proves nothing, either way."""
CORE = [
    f"scenarios/{name}" for name in ("dead-service.obs.yaml", "full-disk.obs.yaml", "slow-dependency.obs.yaml", "test_calm.py")
]
STORIES = len(CORE)
MEMBERS = 10
"""Listeners that a run has at least: six members, some with several ports, and the ways between them."""

pytestmark = pytest.mark.integration


class Project(Protocol):
    """The copy of the shipped project that ``tests/conftest.py`` gives."""

    path: Path
    temp: Path

    def environment(self) -> Mapping[str, str]: ...
    def start(self, *words: str) -> subprocess.Popen[str]: ...
    def left(self) -> tuple[list[str], list[str]]: ...


@dataclass(frozen=True)
class Socket:
    """A socket that waits for others: its protocol, its local address, and its inode."""

    protocol: str
    host: str
    port: int
    inode: str

    def is_for_us_alone(self) -> bool:
        """Whether only this machine reaches it."""
        address = ipaddress.ip_address(self.host)
        mapped = getattr(address, "ipv4_mapped", None)
        return (mapped or address).is_loopback


def waiting(pid: int) -> Iterator[Socket]:
    """Yield the TCP listeners and the bound UDP sockets of the network namespace in which a process lives (proc(5))."""
    for protocol in ("tcp", "tcp6", "udp", "udp6"):
        # The last look may come when the process is gone.
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/net/{protocol}").read_text(encoding="ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] in (LISTENING, UNCONNECTED):
                    host, _, port = fields[1].partition(":")
                    yield Socket(protocol, spoken(host), int(port, 16), fields[9])


def spoken(digits: str) -> str:
    """Return an address of /proc/net as people write it; the kernel shows each of its 32-bit words in its own byte order."""
    words = [int(digits[at : at + 8], 16) for at in range(0, len(digits), 8)]
    return str(ipaddress.ip_address(b"".join(struct.pack("=I", word) for word in words)))


def test_addresses_are_read_as_the_kernel_writes_them() -> None:
    assert [spoken("0100007F"), spoken("00000000")] == ["127.0.0.1", "0.0.0.0"]  # noqa: S104 - to be recognised
    assert spoken("0000000000000000FFFF00000100007F") == "::ffff:7f00:1"
    assert not Socket("udp6", "::", 9094, "1").is_for_us_alone()
    assert Socket("tcp6", "::ffff:127.0.0.1", 9094, "1").is_for_us_alone()


@pytest.fixture(scope="session")
def apart() -> list[str]:
    """Return the words before a command that let it run where there is no network but loopback."""
    for unshare in (["unshare", "--net"], ["unshare", "--net", "--map-root-user"]):
        words = [*unshare, "sh", "-c", ONLY_LOOPBACK, "apart"]
        with contextlib.suppress(OSError):
            if subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0:
                return words
    pytest.skip("unshare --net and ip link set lo up: not both are allowed here; run as root, or allow user namespaces")


def test_the_shipped_stories_pass_with_nothing_but_loopback_and_open_nothing_else(project: Project, apart: list[str]) -> None:
    command = [*apart, "python", "-m", "pytest", "-p", "no:cacheprovider", "--obs-stack", *CORE]
    with running(project, command) as run:
        seen = watched(run)
        out, _ = run.communicate()

    assert f"{STORIES} passed" in out, out
    assert [socket for socket in seen if not socket.is_for_us_alone()] == []
    assert len({socket.port for socket in seen if socket.protocol == "tcp"}) >= MEMBERS
    assert project.left() == ([], [])


def running(project: Project, command: list[str]) -> subprocess.Popen[str]:
    """Start a command in the project's folder; ``python`` is ours."""
    words = [sys.executable if word == "python" else word for word in command]
    return subprocess.Popen(
        words,
        cwd=project.path,
        env=project.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def watched(run: subprocess.Popen[Any]) -> set[Socket]:
    """Return every socket that waited for others at some time of a run."""
    seen: set[Socket] = set()

    def look() -> bool:
        # Before unshare has done its work, this would show the sockets of the whole machine.
        if network(run.pid) != network(os.getpid()):
            seen.update(waiting(run.pid))
        return run.poll() is not None

    until(CLOCK, look, 120, every=0.1)
    return seen


def network(pid: int) -> str:
    """Return the network namespace of a process; nothing where it is gone."""
    with contextlib.suppress(OSError):
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    return ""


def test_two_runs_at_once_do_not_meet(project: Project) -> None:
    other = dataclasses.replace(project, path=project.path.parent / "other")  # type: ignore[type-var]
    shutil.copytree(project.path, other.path)
    command = ("pytest", "-p", "no:cacheprovider", "--obs-stack", "scenarios/slow-dependency.obs.yaml")
    for _ in range(TRIES):
        with project.start(*command) as one, other.start(*command) as two:
            ports = most_ports([one, two])
            told = [run.communicate()[0] for run in (one, two)]
        if not any(TOO_SLOW in each for each in told):
            break

    assert [run.returncode for run in (one, two)] == [0, 0], "\n".join(told)
    assert [len(each) >= MEMBERS for each in ports] == [True, True], ports
    assert ports[0] & ports[1] == set()
    assert project.left() == ([], [])


def most_ports(runs: list[subprocess.Popen[str]]) -> list[set[int]]:
    """Return the ports at which the processes of each run listened at some time."""
    found: list[set[int]] = [set() for _ in runs]

    def look() -> bool:
        sockets, table = list(waiting(os.getpid())), processes()
        for ports, run in zip(found, runs, strict=True):
            own = inodes([run.pid, *below(run.pid, table)])
            ports.update(socket.port for socket in sockets if socket.inode in own)
        return all(run.poll() is not None for run in runs)

    until(CLOCK, look, 120, every=0.3)
    return found


def inodes(pids: Iterable[int]) -> set[str]:
    """Return the inodes of the sockets that processes have open."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            for descriptor in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    found.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    return found
