"""What every runtime gives a component: a folder with its files, an environment of its own, and a log."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pytest_obscheck.protocols import Launch

TAIL = 1 << 18
"""Bytes at the end of a log among which its last lines are looked for."""


def prepare(launch: Launch) -> None:
    """Make a component's folder and write its files, which may hold secrets."""
    (launch.folder / "tmp").mkdir(parents=True, exist_ok=True)
    for name, text in launch.files.items():
        path = launch.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(text)


def environment(folder: Path, more: Mapping[str, str]) -> Mapping[str, str]:
    """Return a component's whole environment: proxies, credentials and options of the shell have no part in it."""
    own = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONUNBUFFERED": "1",
    }
    return own | dict(more)


def last_lines(log: Path, count: int) -> list[str]:
    """Return the last lines of a file; none where there is no file."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return lines[-count:] if count > 0 else []
