"""What a container sees of this machine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_THE_KERNELS = frozenset({"proc", "sys", "dev", "run", "boot", "lost+found", "sbin"})
"""Folders of the root that a container has of its own (docker-init is put into /sbin), or has no business in."""
_THE_IMAGES = frozenset({"bin", "sbin", "usr", "etc", "var", "opt", "lib", "lib32", "lib64", "libx32"})
"""Folders of the root that an image brings."""


def mounts(folder: Path, *, programs: bool, root: Path = Path("/")) -> list[dict[str, Any]]:
    """Return the mounts of a container: its own folder, and the files of this machine, read-only, at their own paths.

    ``programs``: whether the programs of this machine are among them, for an image that has none.
    """
    hidden = _THE_KERNELS if programs else _THE_KERNELS | _THE_IMAGES
    return [*(_mount(path, read_only=True) for path in _folders(root, hidden)), _mount(folder, read_only=False)]


def _folders(root: Path, hidden: Iterable[str]) -> Iterator[Path]:
    # A link such as /lib → usr/lib is mounted as what it leads to: an empty image has no links.
    yield from (path for path in sorted(root.iterdir()) if path.name not in hidden and path.is_dir())


def _mount(path: Path, *, read_only: bool) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(path.resolve()), "Target": str(path), "ReadOnly": read_only}
