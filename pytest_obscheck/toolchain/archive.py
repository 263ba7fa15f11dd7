"""Taking single members out of a tar.gz archive, and refusing archives that reach for more."""

from __future__ import annotations

import shutil
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from pytest_obscheck.errors import InstallFailed

LARGEST = 512 << 20  # bytes; the largest program of the index has 160 MB


def unpack(archive: Path, wanted: Mapping[str, Path], largest: int = LARGEST) -> None:
    """Write the wanted members (name → file) and no other; ``InstallFailed`` where the archive is unsafe, broken or lacks one.

    The whole archive is looked through first: one that holds a path or link out of its folder is not trusted at all.
    """
    try:
        with tarfile.open(archive, "r:gz") as tar:
            members = tar.getmembers()
            wrong = [*_unsafe(members, largest), *_absent(members, wanted)]
            if wrong:
                raise InstallFailed("\n".join(f"release archive: {what}" for what in wrong))
            for member in members:
                if member.name in wanted:
                    _copy(tar, member, wanted[member.name])
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise InstallFailed(f"release archive: not a whole tar.gz file ({error})") from error


def _unsafe(members: list[tarfile.TarInfo], largest: int) -> list[str]:
    wrong = [f"{member.name!r} would leave the folder; refused" for member in members if _leaves(member.name)]
    wrong += [
        f"{member.name!r} links out of the folder to {member.linkname!r}; refused"
        for member in members
        if (member.issym() or member.islnk()) and _leaves(member.linkname)
    ]
    size = sum(member.size for member in members)
    return [*wrong, f"it unpacks to {size} bytes, more than {largest}; refused"] if size > largest else wrong


def _leaves(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts


def _absent(members: list[tarfile.TarInfo], wanted: Mapping[str, Path]) -> list[str]:
    files = {member.name for member in members if member.isfile()}
    return [f"it has no file {name!r}" for name in wanted if name not in files]


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    source = tar.extractfile(member) if member.isfile() else None
    if source is None:  # a namesake of a wanted file that is none itself
        return
    with source, into.open("wb") as file:
        shutil.copyfileobj(source, file)
