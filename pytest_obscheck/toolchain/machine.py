"""What the machine allows, found out without changing anything on it."""

from __future__ import annotations

import ctypes
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from pytest_obscheck.toolchain.gobuild import local_go

DOCKER_PATIENCE = 2  # seconds
PR_GET_CHILD_SUBREAPER = 37  # <linux/prctl.h>


@dataclass(frozen=True)
class Finding:
    """Whether something is there, which version, and where or why not."""

    there: bool
    words: str
    version: str = ""


@dataclass(frozen=True)
class Check:
    """One thing that a machine may allow, how to find out, and what can be done or is lost without it."""

    what: str
    look: Callable[[Mapping[str, str]], Finding]
    without: str


def go(environment: Mapping[str, str]) -> Finding:
    """Look for a Go toolchain on PATH."""
    path, version = local_go(environment)
    return Finding(True, path, version) if path else Finding(False, "not found on PATH")


def docker(environment: Mapping[str, str], system: str = "/var/run/docker.sock") -> Finding:
    """Ask every place where a Docker daemon may listen, the system's first; ``DOCKER_HOST`` alone where it is set."""
    places = [environment["DOCKER_HOST"]] if environment.get("DOCKER_HOST") else _usual_sockets(environment, system)
    findings = [_ask_docker(place) for place in places]
    answers = [finding for finding in findings if finding.there]
    return (answers or findings)[0]


def _usual_sockets(environment: Mapping[str, str], system: str) -> list[str]:
    rootless = f"{environment['XDG_RUNTIME_DIR']}/docker.sock" if environment.get("XDG_RUNTIME_DIR") else ""
    desktop = f"{environment['HOME']}/.docker/run/docker.sock" if environment.get("HOME") else ""
    paths = [system, *(path for path in (rootless, desktop) if path)]
    return [f"unix://{path}" for path in [path for path in paths if Path(path).exists()] or paths[:1]]


def _ask_docker(place: str) -> Finding:
    kind, _, rest = place.partition("://")
    if kind not in {"unix", "tcp", "http"}:
        return Finding(False, f"{place} was not asked; unix:// and tcp:// are understood")
    try:
        with _connected(kind, rest) as line:
            return Finding(True, place, _docker_version(line))
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError) as error:
        return Finding(False, f"no Docker daemon answers at {place} ({error})")


def _connected(kind: str, rest: str) -> socket.socket:
    if kind != "unix":
        host, _, port = rest.rstrip("/").rpartition(":")
        return socket.create_connection((host, int(port)), timeout=DOCKER_PATIENCE)
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(DOCKER_PATIENCE)
    try:
        line.connect(rest)
    except OSError:
        line.close()
        raise
    return line


def _docker_version(line: socket.socket) -> str:
    # By hand, because the usual clients cannot speak through a Unix socket, or leave it open where nobody listens.
    line.sendall(b"GET /version HTTP/1.0\r\nHost: docker\r\n\r\n")
    with http.client.HTTPResponse(line) as response:
        response.begin()
        return str(json.loads(response.read())["Version"])


def docker_package(_: Mapping[str, str]) -> Finding:
    """Look for the Python package through which containers are run."""
    if find_spec("docker") is None:
        return Finding(False, "the Python package docker is missing; run: pip install 'pytest-obscheck[containers]'")
    return Finding(True, "the Python package docker", version("docker"))


def network_namespaces(environment: Mapping[str, str]) -> Finding:
    """Make a network namespace that ends at once; a user namespace around it where that is what it takes."""
    unshare = shutil.which("unshare", path=environment.get("PATH", ""))
    if not unshare:
        return Finding(False, "unshare is not on PATH")
    for flags in ("-n", "-rn"):
        done = subprocess.run([unshare, flags, "true"], check=False, capture_output=True, text=True, timeout=10)
        if done.returncode == 0:
            return Finding(True, f"unshare {flags}")
    return Finding(False, done.stderr.strip() or f"unshare -rn ended with {done.returncode}")


def cgroups(_: Mapping[str, str]) -> Finding:
    """Look whether this process may limit CPU and memory by cgroups (version 2) below its own."""
    own = Path("/proc/self/cgroup")
    text = own.read_text(encoding="utf-8") if own.exists() else ""
    return cgroups_below([Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")], own_cgroup(text))


def cgroups_below(roots: Sequence[Path], own: str) -> Finding:
    """Look at one's own cgroup below the first root that is of version 2."""
    root = next((each for each in roots if (each / "cgroup.controllers").exists()), None)
    if root is None:
        return Finding(False, f"no cgroups v2 under {roots[0]}")
    folder = root / own
    listed = folder / "cgroup.controllers"
    lacking = {"cpu", "memory"}.difference(listed.read_text(encoding="utf-8").split() if listed.exists() else ())
    if lacking:
        return Finding(False, f"{folder} has no controller for {' and '.join(sorted(lacking))}")
    writable = os.access(folder, os.W_OK)
    return Finding(writable, str(folder) if writable else f"{folder} cannot be written")


def own_cgroup(text: str) -> str:
    """Return the version 2 path, without its first slash, from the text of ``/proc/self/cgroup``."""
    paths = [line.removeprefix("0::/") for line in text.splitlines() if line.startswith("0::/")]
    return paths[0] if paths else ""


def subreaper(_: Mapping[str, str]) -> Finding:
    """Ask the kernel whether a process may take over the orphans among its descendants."""
    if sys.platform != "linux":
        return Finding(False, f"{sys.platform} has none")
    answered = ctypes.CDLL(None).prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(ctypes.c_int())) == 0
    return Finding(answered, "prctl" if answered else "the kernel does not know it")


ALL_CHECKS = (
    Check("Go", go, "only needed to build programs where release archives cannot be had"),
    Check("Docker daemon", docker, "only needed for stacks in containers"),
    Check("Docker's client", docker_package, "only needed for stacks in containers"),
    Check("network namespaces", network_namespaces, "only needed to cut Alertmanager's gossip"),
    Check("cgroups v2", cgroups, "only needed to limit CPU and memory of a component"),
    Check("child subreaper", subreaper, "without it grandchildren of a component may outlive a crash"),
)
