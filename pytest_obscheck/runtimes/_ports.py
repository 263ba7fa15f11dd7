"""Addresses on 127.0.0.1 that are one run's until it ends, however many runs there are on a machine."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import stat
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_obscheck.errors import PortTaken

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
FIRST = 20_000
"""Below live the fixed ports that people know by heart."""


def unassigned(ephemeral: Path = EPHEMERAL) -> Sequence[int]:
    """Return the ports that the kernel gives nobody by itself: below its ephemeral range, or above where there is no below."""
    try:
        low, high = map(int, ephemeral.read_text().split())
    except OSError:
        low, high = 32_768, 60_999
    return range(FIRST, low) or range(high + 1, 65_536) or range(FIRST, 65_536)


def lock_folder() -> Path:
    """Return where this user's runs tell each other what they hold."""
    return Path(tempfile.gettempdir()) / f"obscheck-ports-{os.getuid()}"


@dataclass(frozen=True)
class Held:
    """A reserved port and the descriptor that holds its lock."""

    number: int
    lock: int


@dataclass
class Ports:
    """Reserves ports by a lock that ends with the process at the latest; nothing ever listens here."""

    folder: Path = field(default_factory=lock_folder)
    choice: Sequence[int] = field(default_factory=unassigned)
    _held: dict[tuple[str, str], Held] = field(default_factory=dict)

    def reserve(self, member: str, port: str) -> str:
        """Return the address of a member's port, the same one each time; ``PortTaken`` where none is free."""
        if (member, port) not in self._held:
            self._held[member, port] = self._find(f"{member}.{port}")
        return f"127.0.0.1:{self._held[member, port].number}"

    def release(self) -> None:
        """Give all ports back."""
        while self._held:
            _, held = self._held.popitem()
            unlock(self._path(held.number), held.lock)

    def _find(self, what: str) -> Held:
        make_private(self.folder)
        for number in self._from_anywhere():
            lock = take(self._path(number))
            if lock is not None and is_free(number):
                return Held(number, lock)
            if lock is not None:
                unlock(self._path(number), lock)
        raise PortTaken(f"{what}: all ports from {self.choice[0]} to {self.choice[-1]} are taken; end what uses them")

    def _from_anywhere(self) -> Iterator[int]:
        start = secrets.randbelow(len(self.choice))
        yield from self.choice[start:]
        yield from self.choice[:start]

    def _path(self, number: int) -> Path:
        return self.folder / f"{number}.lock"


def make_private(folder: Path) -> None:
    """Make a folder that is this user's alone; ``PortTaken`` where another user was first."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PortTaken(f"{folder}: belongs to somebody else; remove it, or set TMPDIR to a folder of your own")


def take(path: Path) -> int | None:
    """Lock a file and return its descriptor; ``None`` where somebody holds it."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if holds(lock, path):
        return lock
    os.close(lock)
    return None


def holds(lock: int, path: Path) -> bool:
    """Lock an open file; ``False`` where somebody holds it, or removed it since: then its lock would keep nobody out."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(lock), path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False


def unlock(path: Path, lock: int) -> None:
    """Remove the file while the lock is still held, so that none are left behind, and let go of it."""
    path.unlink(missing_ok=True)
    os.close(lock)


def is_free(number: int) -> bool:
    """Whether TCP and UDP can both be bound to it, the way servers do: connections that are only winding down do not count."""
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as trial:
                if kind == socket.SOCK_STREAM:
                    trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                trial.bind(("127.0.0.1", number))
    except OSError:
        return False
    return True
