"""Where the server program of a database is: on PATH, where Debian keeps it, or in a Python package that carries it."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

from pytest_obscheck.errors import ProgramMissing

_PATIENCE = 1.0
"""Seconds for one answer of a server that may not be there yet."""


def find(name: str, folders: Sequence[str], packages: Sequence[tuple[str, str]], advice: str) -> Path:
    """Return the path of a program; ``ProgramMissing`` ends with ``advice``.

    ``folders``: patterns of further absolute folders. ``packages``: Python packages, each with the program's path inside it.
    """
    on_path = shutil.which(name)
    places = [Path(on_path)] if on_path else [*_installed(name, folders), *_carried(packages)]
    for place in places:
        if os.access(place, os.X_OK):
            return place.absolute()
    raise ProgramMissing(f"{name}: not found on PATH or in a Python package that carries it; {advice}")


def _installed(name: str, folders: Sequence[str]) -> Iterator[Path]:
    for pattern in folders:
        yield from sorted(Path("/").glob(f"{pattern.lstrip('/')}/{name}"), reverse=True)


def _carried(packages: Sequence[tuple[str, str]]) -> Iterator[Path]:
    for package, inside in packages:
        spec = find_spec(package)
        if spec is not None and spec.origin:
            yield Path(spec.origin).parent / inside


def exchange(address: str, question: bytes) -> bytes:
    """Return the first bytes that a server answers to a question; ``b""`` where it does not."""
    host, port = address.rsplit(":", 1)
    try:
        with socket.create_connection((host, int(port)), timeout=_PATIENCE) as connection:
            connection.sendall(question)
            return connection.recv(64)
    except OSError:
        return b""
