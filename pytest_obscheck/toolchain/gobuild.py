"""Building programs from their Go modules, exactly as the go.sum of their lock folder has them."""

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
    home = _completed(go, distribution, into.parent, around) if distribution.absent else distribution.lock
    done = _run(_command(go, distribution, entry, into), home, around)
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-LAST_LINES:]
        raise InstallFailed("\n    ".join([f"go build of {entry.package} failed:", *last]))


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


def _completed(go: str, distribution: Distribution, folder: Path, environment: Mapping[str, str]) -> Path:
    """Return a folder in which the lock's module is a copy that has the files which it embeds and lacks.

    An overlay will not do: Go takes none for what is in its cache of modules. The copy is of what the go.sum has vouched for.
    """
    home, module = folder / "completed", distribution.module.split()[0]
    if home.exists():
        return home
    told = _run([go, "mod", "download", "-json", module], distribution.lock, environment)
    if told.returncode:
        raise InstallFailed(f"go mod download of {module} failed: {(told.stderr or told.stdout).strip()}")
    shutil.copytree(json.loads(told.stdout)["Dir"], home / "module", copy_function=shutil.copyfile)
    for each in (home, *home.rglob("*")):
        each.chmod(0o755 if each.is_dir() else 0o644)
    for name in distribution.absent:
        (home / "module" / name).parent.mkdir(parents=True, exist_ok=True)
        (home / "module" / name).write_text(ABSENT, encoding="utf-8")
    shutil.copyfile(distribution.lock / "go.sum", home / "go.sum")
    locked = (distribution.lock / "go.mod").read_text(encoding="utf-8")
    (home / "go.mod").write_text(f"{locked}\nreplace {module} => ./module\n", encoding="utf-8")
    return home


def _command(go: str, distribution: Distribution, entry: Entry, into: Path) -> list[str]:
    # All flags are given, empty ones too, because a user's GOFLAGS may hold others.
    flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", f"-tags={entry.tags}"]
    linker = f"-s -w {distribution.fill(distribution.ldflags)}"
    return [go, "build", *flags, f"-ldflags={linker}", "-o", str(into), entry.package]


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    # GOOS and GOARCH would build for another machine; a go.work above a virtual environment would replace the lock.
    kept = {name: value for name, value in environment.items() if name not in {"GOOS", "GOARCH"}}
    return {"GOTOOLCHAIN": "local", **kept, "CGO_ENABLED": "0", "GOWORK": "off"}
