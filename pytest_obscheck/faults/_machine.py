"""What this machine lets a fault do, found out without doing anything."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

NET_ADMIN, SYS_ADMIN = 12, 21
"""Numbers of Linux capabilities: capabilities(7)."""

CGROUPS = Path("/sys/fs/cgroup")
PROC = Path("/proc")


def may(capability: int, proc: Path = PROC) -> bool:
    """Whether this process has a capability of Linux; being root is not enough, least of all in a container."""
    try:
        status = (proc / "self" / "status").read_text(encoding="utf-8")
    except OSError:
        return False
    held = next((line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")), "0")
    return bool(int(held, 16) >> capability & 1)


def lacks(option: str, proc: Path = PROC) -> bool:
    """Whether the kernel says that it was built without an option, such as ``MEMCG``; most kernels do not say."""
    try:
        config = gzip.decompress((proc / "config.gz").read_bytes()).decode(errors="replace")
    except (OSError, EOFError):
        return False
    return f"# CONFIG_{option} is not set" in config


def nearest_cgroup(controller: str, root: Path = CGROUPS, proc: Path = PROC) -> Path | None:
    """Return the nearest cgroup above this process in which a cgroup with that controller can be made."""
    return next((folder for folder in _above(root, proc) if _serves(folder, controller)), None)


def no_cgroup(controller: str, root: Path = CGROUPS, proc: Path = PROC) -> str:
    """Return why no cgroup with that controller can be made; ``""`` where one can."""
    if not (root / "cgroup.controllers").is_file():
        return f"{root} is no cgroup v2 hierarchy"
    if nearest_cgroup(controller, root, proc) is None:
        return f"no cgroup above this process is both writable and has {controller!r} in its cgroup.subtree_control"
    return ""


def own_cgroup(root: Path = CGROUPS, proc: Path = PROC) -> Path:
    """Return the cgroup v2 that this process is in; what it starts is in it, too."""
    lines = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    path = next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "/")
    return root / path.lstrip("/")


def _above(root: Path, proc: Path) -> Iterator[Path]:
    try:
        own = own_cgroup(root, proc)
    except OSError:
        return
    yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(root))


def _serves(folder: Path, controller: str) -> bool:
    try:
        enabled = (folder / "cgroup.subtree_control").read_text(encoding="utf-8").split()
        # Opened for writing and closed again: access(2) says yes to root even where the mount is read-only.
        with (folder / "cgroup.procs").open("a", encoding="utf-8"):
            return controller in enabled
    except OSError:
        return False


def listening(pids: Sequence[int], proc: Path = PROC) -> list[int]:
    """Return the TCP ports at which processes listen, each in the network that it is in."""
    found: set[int] = set()
    for pid in pids:
        inodes = _inodes(proc / str(pid))
        found.update(inodes[inode] for inode in _sockets(pid, proc) if inode in inodes)
    return sorted(found)


def _inodes(process: Path) -> Mapping[str, int]:
    """Return the port of each listening socket, by inode: proc_net_tcp of the kernel's documentation."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in _lines(process / "net" / name)[1:]]
    return {row[9]: int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"}


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def _sockets(pid: int, proc: Path) -> Iterator[str]:
    try:
        for link in (proc / str(pid) / "fd").iterdir():
            where = str(link.readlink())
            if where.startswith("socket:["):
                yield where[8:-1]
    except OSError:
        return
