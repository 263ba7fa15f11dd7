"""The cache: one folder that holds installed programs, changed by one installation at a time and never half-way."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pytest_obscheck.errors import InstallFailed
from pytest_obscheck.toolchain.index import Distribution, Entry


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return ``$OBSCHECK_CACHE``, else ``$XDG_CACHE_HOME/obscheck``, else ``~/.cache/obscheck``; it need not exist."""
    if own := environment.get("OBSCHECK_CACHE"):
        return Path(own).expanduser().absolute()
    if shared := environment.get("XDG_CACHE_HOME"):
        return Path(shared).absolute() / "obscheck"
    return Path(environment.get("HOME", "~")).expanduser() / ".cache" / "obscheck"


def kept_at(cache: Path, distribution: Distribution, entry: Entry) -> Path:
    """Return where the cache keeps a program of a distribution, whether it is there or not: one with a home in its home."""
    return cache / "bin" / f"{entry.name}-{distribution.version}" / (entry.member if distribution.home else entry.name)


@contextmanager
def workplace(cache: Path, distribution: str, tell: Callable[[str], None]) -> Iterator[Path]:
    """Give an empty folder inside the cache, to one installation of a distribution at a time; it is gone afterwards.

    ``InstallFailed`` where the cache cannot be written, a full disk included.
    """
    with _writable(cache), _alone(cache, distribution, tell):
        for left in cache.glob(f".{distribution}-*"):
            shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix=f".{distribution}-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)


@contextmanager
def _writable(cache: Path) -> Iterator[None]:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        where = f" ({error.filename})" if error.filename else ""
        message = (
            f"the cache {cache} cannot be written: {reason}{where}; make room there or set OBSCHECK_CACHE to another folder"
        )
        raise InstallFailed(message) from error


@contextmanager
def _alone(cache: Path, distribution: str, tell: Callable[[str], None]) -> Iterator[None]:
    with (cache / f".{distribution}.lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(f"{distribution}: another installation is at work; waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def keep(made: Path, place: Path) -> None:
    """Move a finished program, or a folder with all that one needs, to its place in the cache, executable for everybody.

    A program is replaced in one step; a folder is not there for a moment, and never there in part.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    made.chmod(0o755)
    if place.is_dir():
        place.rename(made.parent / "replaced")
    os.replace(made, place)  # noqa: PTH105 # the name says that an existing one is replaced in one step


def read_notes(cache: Path) -> dict[str, Any]:
    """Return what the cache remembers about versions; nothing where it remembers nothing readable."""
    with suppress(OSError, ValueError):
        notes = json.loads((cache / "versions.json").read_text(encoding="utf-8"))
        return notes if isinstance(notes, dict) else {}
    return {}


def write_notes(cache: Path, notes: Mapping[str, Any]) -> None:
    """Remember versions; a cache that cannot be written just remembers nothing."""
    with suppress(OSError):
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=cache, prefix=".versions-", delete=False, encoding="utf-8") as part:
            json.dump(notes, part, indent=1)
        Path(part.name).replace(cache / "versions.json")
