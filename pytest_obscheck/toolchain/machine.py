"""What the machine allows, found out without changing anything on it."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from pytest_obscheck.toolchain.gobuild import local_go

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


def docker(environment: Mapping[str, str]) -> Finding:
    """Ask every place where a Docker daemon may listen; ``DOCKER_HOST`` alone where it is set."""
    places = [environment["DOCKER_HOST"]] if environment.get("DOCKER_HOST") else _usual_sockets(environment)
    findings = [_ask_docker(place) for place in places]
    answers = [finding for finding in findings if finding.there]
    return (answers or findings)[0]


def _usual_sockets(environment: Mapping[str, str]) -> list[str]:
    rootless = f"{environment['XDG_RUNTIME_DIR']}/docker.sock" if environment.get("XDG_RUNTIME_DIR") else ""
    desktop = f"{environment['HOME']}/.docker/run/docker.sock" if environment.get("HOME") else ""
    paths = ["/var/run/docker.sock", *(path for path in (rootless, desktop) if path)]
    return [f"unix://{path}" for path in [path for path in paths if Path(path).exists()] or paths[:1]]


def _ask_docker(place: str) -> Finding:
    kind, _, rest = place.partition("://")
    if kind not in {"unix", "tcp", "http"}:
        return Finding(False, f"{place} was not asked; unix:// and tcp:// are understood")
    transport = httpx.HTTPTransport(uds=rest) if kind == "unix" else httpx.HTTPTransport()
    url = "http://docker/version" if kind == "unix" else f"http://{rest}/version"
    try:
        with httpx.Client(transport=transport, timeout=2) as client:
            return Finding(True, place, str(client.get(url).raise_for_status().json()["Version"]))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        return Finding(False, f"no Docker daemon answers at {place} ({error})")


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
    """Look whether this process may make cgroups (version 2) below its own."""
    roots = [Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")]
    root = next((each for each in roots if (each / "cgroup.controllers").exists()), None)
    if root is None:
        return Finding(False, "no cgroups v2 under /sys/fs/cgroup")
    own = root / own_cgroup(Path("/proc/self/cgroup").read_text(encoding="utf-8"))
    if not (own / "cgroup.controllers").exists() or not os.access(own, os.W_OK):
        return Finding(False, f"{own} cannot be written")
    controllers = (own / "cgroup.controllers").read_text(encoding="utf-8").split()
    return Finding(bool(controllers), f"{own} ({', '.join(controllers) or 'no controller is enabled there'})")


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
    Check("network namespaces", network_namespaces, "only needed to cut Alertmanager's gossip"),
    Check("cgroups v2", cgroups, "only needed to limit CPU and memory of a component"),
    Check("child subreaper", subreaper, "without it grandchildren of a component may outlive a crash"),
)
