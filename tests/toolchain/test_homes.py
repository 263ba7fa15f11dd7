"""Programs that are of no use without the folder of their archive about them."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.errors import InstallFailed
from pytest_obscheck.toolchain import find
from pytest_obscheck.toolchain.index import Index, parse_index
from pytest_obscheck.toolchain.installation import install

LIGHTHOUSE = """
[lighthouse]
version = "2.0.0"
minimum = "1.0.0"
home = "conf/beam.ini"
archive = "BASE/lighthouse-{version}.tar.gz"
checksums = "BASE/lighthouse-{version}.tar.gz.sha256"
asks = "--version"
says = 'version (\\d+\\.\\d+[\\w.+~-]*)'

[lighthouse.programs.beam]
inside = "PACKAGED/bin/beam"
member = "bin/beam"
"""
PROGRAM = "#!/bin/sh\necho beam version 2.0.0\n"
ARCHIVE = {"lighthouse-v2/bin/beam": PROGRAM, "lighthouse-v2/conf/beam.ini": "far", "lighthouse-v2/public/a/b.html": "hello"}
BY_HAND = "unpack a release of it, and put the folder of its program on PATH"


@pytest.fixture
def lighthouse(tmp_path: Path, shop: Any) -> Index:
    """Return the index of a distribution whose program needs its home."""
    text = LIGHTHOUSE.replace("BASE", shop.url).replace("PACKAGED", str(tmp_path / "share/lighthouse"))
    return parse_index(text, tmp_path / "locks")


@pytest.fixture
def installed(
    shop: Any, lighthouse: Index, around: dict[str, str], tarball: Callable[..., bytes], tmp_path: Path
) -> Iterator[Callable[..., list[str]]]:
    """Return a function that installs it from an archive with these members, and gives the files that the cache then has."""

    def put(members: Any, via: str | None = "release") -> list[str]:
        content = tarball(members)
        shop.files["lighthouse-2.0.0.tar.gz"] = content
        # Its publisher gives a checksum without the name of the file.
        shop.files["lighthouse-2.0.0.tar.gz.sha256"] = hashlib.sha256(content).hexdigest().encode()
        install(["beam"], via, lambda _: None, around, lighthouse)
        cache = tmp_path / "cache/bin"
        return sorted(str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file())

    yield put
    assert [path.name for path in (tmp_path / "cache").glob(".lighthouse-*")] == []


def test_such_a_program_is_kept_with_its_home_whatever_the_folder_of_the_archive_is_called(
    installed: Callable[..., list[str]], lighthouse: Index, around: dict[str, str], tmp_path: Path
) -> None:
    assert installed(ARCHIVE) == [f"beam-2.0.0/{name}" for name in ("bin/beam", "conf/beam.ini", "public/a/b.html")]

    found = find("beam", around, lighthouse)
    assert (found.path, found.version) == (tmp_path / "cache/bin/beam-2.0.0/bin/beam", "2.0.0")


def test_a_home_whose_program_does_not_run_is_replaced_whole(
    installed: Callable[..., list[str]], script: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    script(tmp_path / "cache/bin/beam-2.0.0/bin/beam", "#!/nowhere\n")
    (tmp_path / "cache/bin/beam-2.0.0/stale").touch()

    assert "beam-2.0.0/stale" not in installed(ARCHIVE)


def a_link(name: str, target: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    return member


def test_links_within_the_home_are_kept(installed: Callable[..., list[str]], tmp_path: Path) -> None:
    installed({**ARCHIVE, "link": a_link("lighthouse-v2/public/conf", "../conf/beam.ini")})

    assert (tmp_path / "cache/bin/beam-2.0.0/public/conf").read_text() == "far"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"../x": ""}, "'../x' would leave the folder; refused"),
        (
            {"link": a_link("lighthouse-v2/a/b", "../../../x")},
            "'lighthouse-v2/a/b' links out of the folder to '../../../x'; refused",
        ),
        ({"other/file": ""}, "it holds lighthouse-v2, other; one folder was expected"),
    ],
)
def test_an_archive_that_reaches_for_more_is_refused_and_leaves_nothing(
    installed: Callable[..., list[str]], tmp_path: Path, more: Any, said: str
) -> None:
    with pytest.raises(InstallFailed) as raised:
        installed({**ARCHIVE, **more})

    assert f"release archive: {said}" in str(raised.value)
    assert [path for path in (tmp_path / "cache").rglob("*") if path.name in ("x", "b", "beam")] == []


def test_links_that_only_together_lead_out_of_the_folder_are_refused(
    installed: Callable[..., list[str]], tmp_path: Path
) -> None:
    chain = {"up": a_link("lighthouse-v2/a/up", ".."), "out": a_link("lighthouse-v2/out", "a/up/../..")}

    with pytest.raises(InstallFailed, match=r"^beam: release archive: .*lighthouse-v2/out.* outside the destination; refused$"):
        installed({**ARCHIVE, **chain})

    assert not (tmp_path / "cache/bin").exists()


def test_an_archive_without_what_makes_it_a_home_is_refused(installed: Callable[..., list[str]]) -> None:
    with pytest.raises(InstallFailed) as raised:
        installed({"lighthouse-v2/bin/beam": PROGRAM})

    assert str(raised.value) == "beam: release archive: it has no file 'lighthouse-v2/conf/beam.ini'"


def test_another_checksum_than_published_is_refused(shop: Any, lighthouse: Index, around: dict[str, str]) -> None:
    shop.files.update({"lighthouse-2.0.0.tar.gz": b"light", "lighthouse-2.0.0.tar.gz.sha256": b"a" * 64})

    with pytest.raises(InstallFailed) as raised:
        install(["beam"], None, lambda _: None, around, lighthouse)

    assert f"its SHA-256 is {hashlib.sha256(b'light').hexdigest()}; {'a' * 64} was expected" in str(raised.value)


@pytest.mark.parametrize(
    ("via", "why"),
    [
        ("go", "its Go module does not build without steps of its own"),
        ("release", "BASE/lighthouse-2.0.0.tar.gz.sha256: the answer is HTTP 404; 200 was expected"),
        (None, "BASE/lighthouse-2.0.0.tar.gz.sha256: the answer is HTTP 404; 200 was expected"),
    ],
)
def test_where_no_release_can_be_had_one_sentence_says_what_can_be_done(
    shop: Any, lighthouse: Index, around: dict[str, str], via: str | None, why: str
) -> None:
    with pytest.raises(InstallFailed) as raised:
        install(["beam"], via, lambda _: None, around, lighthouse)

    assert str(raised.value) == f"beam: {why.replace('BASE', shop.url)}; {BY_HAND}"


@pytest.mark.parametrize("where", ["share/lighthouse", "opt/lighthouse"])
def test_the_program_behind_a_wrapper_or_a_link_on_path_is_taken_with_its_home_about_it(
    lighthouse: Index, around: dict[str, str], script: Callable[[Path, str], Path], tmp_path: Path, where: str
) -> None:
    itself = script(tmp_path / where / "bin/beam", PROGRAM)
    script(tmp_path / where / "conf/beam.ini", "far")
    on_path = script(tmp_path / "path/beam", "#!/nowhere\n")
    if where == "opt/lighthouse":
        on_path.unlink()
        on_path.symlink_to(itself)

    assert find("beam", around, lighthouse).path == itself


def test_a_program_on_path_with_no_home_anywhere_is_taken_as_it_is(
    lighthouse: Index, around: dict[str, str], script: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    assert find("beam", {**around, "PATH": str(script(tmp_path / "path/beam", PROGRAM).parent)}, lighthouse).source == "PATH"
