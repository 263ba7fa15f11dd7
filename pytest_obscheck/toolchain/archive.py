"""Taking single members, or the one folder, out of a tar.gz archive, and refusing archives that reach for more."""

from __future__ import annotations

import posixpath
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from pytest_obscheck.errors import InstallFailed

LARGEST = 1 << 30  # bytes; Grafana's home has some 500 MB, the largest program 160 MB


def unpack(archive: Path, wanted: Mapping[str, Path], largest: int = LARGEST) -> None:
    """Write the wanted members (name → file) and no other; ``InstallFailed`` where the archive is unsafe, broken or lacks one.

    The whole archive is looked through first: one that holds a path or link out of its folder is not trusted at all.
    """
    with _opened(archive) as tar:
        members = tar.getmembers()
        _refuse([*_unsafe(members, largest), *_absent(members, wanted)])
        for member in members:
            if member.name in wanted:
                _copy(tar, member, wanted[member.name])


def unfold(archive: Path, into: Path, wanted: Iterable[str], largest: int = LARGEST) -> Path:
    """Unpack the one folder that an archive holds, and return it; ``InstallFailed`` as above, and where there are more.

    ``wanted``: files that must be in it.
    """
    with _opened(archive) as tar:
        members = tar.getmembers()
        folders = sorted({PurePosixPath(member.name).parts[0] for member in members if PurePosixPath(member.name).parts})
        several = [] if len(folders) == 1 else [f"it holds {', '.join(folders) or 'nothing'}; one folder was expected"]
        _refuse([*_unsafe(members, largest), *(several or _absent(members, [f"{folders[0]}/{name}" for name in wanted]))])
        _extract(tar, into)
    return into / folders[0]


def _extract(tar: tarfile.TarFile, into: Path) -> None:
    """Unpack everything, without owners and devices; ``InstallFailed`` where a link would lead out by way of others."""
    if not hasattr(tarfile, "data_filter"):
        raise InstallFailed("release archive: this Python does not unpack folders safely; 3.11.4 is the first that does")
    try:
        tar.extractall(into, filter="data")
    except tarfile.FilterError as error:
        raise InstallFailed(f"release archive: {error}; refused") from error


@contextmanager
def _opened(archive: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(archive, "r:gz") as tar:
            yield tar
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise InstallFailed(f"release archive: not a whole tar.gz file ({error})") from error


def _refuse(wrong: Iterable[str]) -> None:
    said = "\n".join(f"release archive: {what}" for what in wrong)
    if said:
        raise InstallFailed(said)


def _unsafe(members: list[tarfile.TarInfo], largest: int) -> list[str]:
    wrong = [f"{member.name!r} would leave the folder; refused" for member in members if _leaves(member.name)]
    wrong += [
        f"{member.name!r} links out of the folder to {member.linkname!r}; refused"
        for member in members
        if (member.issym() and _leaves(_target(member))) or (member.islnk() and _leaves(member.linkname))
    ]
    size = sum(member.size for member in members)
    return [*wrong, f"it unpacks to {size} bytes, more than {largest}; refused"] if size > largest else wrong


def _leaves(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts


def _target(member: tarfile.TarInfo) -> str:
    """Return what a symbolic link leads to, from where the archive is unpacked."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(member.name), member.linkname))


def _absent(members: list[tarfile.TarInfo], wanted: Iterable[str]) -> list[str]:
    files = {member.name for member in members if member.isfile()}
    return [f"it has no file {name!r}" for name in wanted if name not in files]


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    source = tar.extractfile(member) if member.isfile() else None
    if source is None:  # a namesake of a wanted file that is none itself
        return
    with source, into.open("wb") as file:
        shutil.copyfileobj(source, file)
