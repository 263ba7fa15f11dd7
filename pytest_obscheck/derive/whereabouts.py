"""Production's absolute paths on a machine that is not production: sought beside the file that names them."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from pathlib import Path


def found(path: Path) -> list[Path]:
    """Return the files to which a path or glob leads, as Go finds them: hidden ones, too."""
    return [Path(name) for name in sorted(glob.glob(str(path), include_hidden=True))]  # noqa: PTH207 -- pathlib skips hidden


def sought(config: Path, text: str) -> tuple[str, Path] | None:
    """Return which folder of production a path or glob is in, and which folder stands for it here.

    ``/etc/prometheus/rules/*.yml`` in ``monitoring/prometheus.yml`` is ``monitoring/rules/*.yml``, where such files are:
    ``("/etc/prometheus", monitoring)``. ``None`` where the path leads to files as it is, is relative, or leads nowhere.
    """
    if not text.startswith("/") or found(Path(text)):
        return None
    parts = Path(text).parts
    for start, folder in _places(len(parts), config.parent):
        files = found(folder.joinpath(*parts[start:]))
        if files and config not in files:
            return str(Path(*parts[:start])), folder
    return None


def _places(count: int, base: Path) -> Iterator[tuple[int, Path]]:
    """Yield what to look for where: as much of a path as possible first; a bare file name only beside the configuration."""
    yield from ((start, folder) for folder in (base, base.parent) for start in range(2, count - 1))
    yield count - 1, base


def here(config: Path, text: str) -> Path:
    """Return the path or glob on this machine that one in a configuration means, as far as that can be found."""
    place = sought(config, text)
    return place[1] / Path(text).relative_to(place[0]) if place else config.parent / text
