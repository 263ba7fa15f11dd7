from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.errors import InstallFailed
from pytest_obscheck.toolchain.archive import unpack


def a_link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type = kind
    member.linkname = target
    return member


@pytest.fixture
def refused(tmp_path: Path, tarball: Callable[..., bytes]) -> Callable[..., tuple[str, list[str]]]:
    """Return a function that unpacks members, and gives the message and the files that it left."""

    def attempt(members: Any, **limit: int) -> tuple[str, list[str]]:
        archive = tmp_path / "in" / "archive"
        archive.parent.mkdir()
        archive.write_bytes(tarball(members) if isinstance(members, dict) else members)
        out = tmp_path / "out"
        out.mkdir()
        with pytest.raises(InstallFailed) as raised:
            unpack(archive, {"l/lamp": out / "lamp"}, **limit)
        return str(raised.value), sorted(path.name for path in tmp_path.rglob("*") if path.is_file())

    return attempt


def test_only_the_wanted_member_is_written(tmp_path: Path, tarball: Callable[..., bytes]) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(tarball({"l/LICENSE": "free", "l/lamp": "light", "l/etc/lamp": "other"}))

    unpack(archive, {"l/lamp": tmp_path / "made"})

    assert (tmp_path / "made").read_text() == "light"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "made"]


@pytest.mark.parametrize("name", ["/etc/lamp", "../lamp", "l/../../lamp"])
def test_a_member_that_would_leave_the_folder_condemns_the_archive(
    refused: Callable[..., tuple[str, list[str]]], name: str
) -> None:
    message, left = refused({"l/lamp": "light", name: "evil"})

    assert (message, left) == (f"release archive: {name!r} would leave the folder; refused", ["archive"])


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc/passwd", "../../secret"])
def test_a_link_out_of_the_folder_condemns_the_archive(
    refused: Callable[..., tuple[str, list[str]]], kind: bytes, target: str
) -> None:
    message, left = refused({"l/lamp": "light", "x": a_link("l/x", target, kind)})

    assert (message, left) == (f"release archive: 'l/x' links out of the folder to {target!r}; refused", ["archive"])


def test_a_wanted_member_that_is_a_link_is_not_followed(refused: Callable[..., tuple[str, list[str]]]) -> None:
    message, left = refused({"l/other": "light", "x": a_link("l/lamp", "other")})

    assert (message, left) == ("release archive: it has no file 'l/lamp'", ["archive"])


def test_an_archive_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(
    refused: Callable[..., tuple[str, list[str]]],
) -> None:
    message, left = refused({"l/lamp": "x" * 100}, largest=99)

    assert (message, left) == ("release archive: it unpacks to 100 bytes, more than 99; refused", ["archive"])


def test_all_that_is_wrong_is_told_at_once(refused: Callable[..., tuple[str, list[str]]]) -> None:
    message, _ = refused({"/a": "", "b": a_link("b", "/c")})

    assert message == (
        "release archive: '/a' would leave the folder; refused\n"
        "release archive: 'b' links out of the folder to '/c'; refused\n"
        "release archive: it has no file 'l/lamp'"
    )


def test_what_is_no_archive_is_one_sentence(refused: Callable[..., tuple[str, list[str]]]) -> None:
    message, left = refused(b"<html>sign in</html>")

    assert (message, left) == ("release archive: not a whole tar.gz file (not a gzip file)", ["archive"])


def test_half_an_archive_is_one_sentence(refused: Callable[..., tuple[str, list[str]]], tarball: Callable[..., bytes]) -> None:
    whole = tarball({"l/lamp": "light" * 1000})

    message, left = refused(whole[: len(whole) // 2])

    assert message.startswith("release archive: not a whole tar.gz file (")
    assert left == ["archive"]
