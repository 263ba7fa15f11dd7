"""Building programs from their Go modules, exactly as the go.sum of their lock folder vouches for them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from pytest_obscheck.errors import InstallFailed
from pytest_obscheck.toolchain.index import Distribution, Entry
from pytest_obscheck.toolchain.programs import numbers

LAST_LINES = 12
ABSENT = "<!DOCTYPE html><title>no page</title>This was built from its Go module, which lacks its web interface.\n"


def seconds(distribution: Distribution, entry: Entry, built: set[str]) -> int:
    """Return how long a build takes on 2 cores with nothing cached but what ``built`` left behind.

    The programs before it in its distribution share most of their packages with it, so it does their work where they
    were not built.
    """
    names = [each.name for each in distribution.programs]
    before = distribution.programs[: names.index(entry.name)]
    return entry.seconds + sum(each.seconds for each in before if each.name not in built)


def local_go(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return path and version of the Go toolchain on PATH; two empty texts where there is none that runs."""
    go = shutil.which("go", path=environment.get("PATH", ""))
    if not go:
        return "", ""
    # GOTOOLCHAIN=local: else Go may fetch another toolchain just to say its version.
    around = {**environment, "GOTOOLCHAIN": "local"}
    try:
        told = subprocess.run([go, "version"], check=False, capture_output=True, text=True, env=around, cwd="/", timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return "", ""
    found = re.search(r"go(\d+\.\d+\S*)", told.stdout)
    return (go, found[1]) if found else ("", "")


def wanted_go(distribution: Distribution) -> str:
    """Return the Go version that a distribution's go.mod asks for."""
    found = re.search(r"^go (\S+)", (distribution.lock / "go.mod").read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else "1.0"


def a_go_for(distribution: Distribution, environment: Mapping[str, str]) -> str:
    """Return the path of a Go toolchain that can build a distribution; ``InstallFailed`` where there is none."""
    go, version = local_go(environment)
    wanted = wanted_go(distribution)
    if not go:
        raise InstallFailed(f"no Go toolchain on PATH to build it with; install Go {wanted} or newer")
    may_fetch = environment.get("GOTOOLCHAIN", "local") != "local"
    if numbers(version) < numbers(wanted) and not may_fetch:
        hint = f"install that, or set GOTOOLCHAIN=go{wanted} to let Go fetch it"
        raise InstallFailed(f"{go} is Go {version}; its go.mod wants at least {wanted}; {hint}")
    return go


def build(go: str, distribution: Distribution, entry: Entry, into: Path, environment: Mapping[str, str]) -> None:
    """Build one program into a file; ``InstallFailed`` shows the last lines of a build that fails."""
    around = _environment(environment)
    home = _tree(go, distribution, into.parent / "tree", around) if distribution.tree else distribution.lock
    done = _run(_command(go, distribution, entry, into), home, around)
    if done.returncode:
        raise _failed(f"go build of {entry.package}", done.stdout + done.stderr)


def _failed(what: str, said: str) -> InstallFailed:
    return InstallFailed("\n    ".join([f"{what} failed:", *said.strip().splitlines()[-LAST_LINES:]]))


def _run(command: list[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        cwd=folder,
        env=environment,
    )


def _tree(go: str, distribution: Distribution, tree: Path, environment: Mapping[str, str]) -> Path:
    """Return a copy of the module's own tree, with what it embeds and lacks; it is made once for all programs.

    What is copied has the checksum of the lock's go.sum; so has the go.sum in it, which locks everything else.
    """
    if not tree.exists():
        shutil.copytree(_downloaded(go, distribution, environment), tree, copy_function=shutil.copyfile)
        # Go keeps its modules from being written to.
        for each in (tree, *tree.rglob("*")):
            each.chmod(0o755 if each.is_dir() else 0o644)
        for name in distribution.absent:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(ABSENT, encoding="utf-8")
    return tree


def _downloaded(go: str, distribution: Distribution, environment: Mapping[str, str]) -> Path:
    module = distribution.module.replace(" ", "@")
    done = _run([go, "mod", "download", "-json", module], distribution.lock, environment)
    told = json.loads(done.stdout or "{}")
    if done.returncode:
        raise _failed(f"go mod download of {module}", told.get("Error") or done.stderr)
    return Path(told["Dir"])


def _command(go: str, distribution: Distribution, entry: Entry, into: Path) -> list[str]:
    # All flags are given, empty ones too, because a user's GOFLAGS may hold others.
    flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", f"-tags={entry.tags}"]
    linker = f"-s -w {distribution.fill(distribution.ldflags)}"
    return [go, "build", *flags, f"-ldflags={linker}", "-o", str(into), entry.package]


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    # GOOS and GOARCH would build for another machine; a go.work above a virtual environment would replace the lock.
    kept = {name: value for name, value in environment.items() if name not in {"GOOS", "GOARCH"}}
    return {"GOTOOLCHAIN": "local", **kept, "CGO_ENABLED": "0", "GOWORK": "off"}
