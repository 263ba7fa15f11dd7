from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.errors import InstallFailed
from pytest_obscheck.toolchain.gobuild import ABSENT, a_go_for, build, local_go, seconds
from pytest_obscheck.toolchain.index import Distribution, Entry, Index, the_index


@pytest.fixture
def go(script: Callable[[Path, str], Path], tmp_path: Path) -> Callable[..., Any]:
    """Return a function that puts a Go toolchain of a version on PATH, whose build runs a shell text."""

    def install(version: str, building: str = "exit 0") -> str:
        text = f'#!/bin/sh\nif [ "$1" = version ]; then echo "go version go{version} linux/amd64"; exit 0; fi\n{building}\n'
        return str(script(tmp_path / "path" / "go", text))

    return install


def test_a_missing_go_is_one_sentence(lantern: Index, around: dict[str, str]) -> None:
    with pytest.raises(InstallFailed) as raised:
        a_go_for(lantern.distributions[0], around)

    assert str(raised.value) == "no Go toolchain on PATH to build it with; install Go 1.26.8 or newer"


def test_a_go_that_does_not_run_is_none(around: dict[str, str], script: Callable[[Path, str], Path], tmp_path: Path) -> None:
    script(tmp_path / "path" / "go", "#!/nowhere\n")

    assert local_go(around) == ("", "")


def test_a_go_that_is_too_old_says_what_the_lock_wants(lantern: Index, around: dict[str, str], go: Callable[..., Any]) -> None:
    path = go("1.22.1")

    with pytest.raises(InstallFailed) as raised:
        a_go_for(lantern.distributions[0], around)

    assert str(raised.value) == (
        f"{path} is Go 1.22.1; its go.mod wants at least 1.26.8; install that, or set GOTOOLCHAIN=go1.26.8 to let Go fetch it"
    )


def test_an_old_go_that_may_fetch_a_newer_one_is_let_try(
    lantern: Index, around: dict[str, str], go: Callable[..., Any]
) -> None:
    path = go("1.22.1")

    assert a_go_for(lantern.distributions[0], {**around, "GOTOOLCHAIN": "auto"}) == path


def test_a_build_is_locked_static_and_stripped(
    lantern: Index, around: dict[str, str], go: Callable[..., Any], tmp_path: Path
) -> None:
    path = go("1.26.8", f'{{ pwd; printf "%s\\n" "$@"; /usr/bin/env; }} > {tmp_path}/seen')
    distribution, lamp = lantern.of("lamp")

    build(path, distribution, lamp, tmp_path / "made", {**around, "GOOS": "plan9", "GOPROXY": "https://mine.invalid"})

    seen = (tmp_path / "seen").read_text().splitlines()
    assert seen[:10] == [
        str(distribution.lock),
        "build",
        "-mod=readonly",
        "-trimpath",
        "-buildvcs=false",
        "-tags=bright",
        "-ldflags=-s -w -X main.version=1.2.0",
        "-o",
        str(tmp_path / "made"),
        "lantern.example/lantern/cmd/lamp",
    ]
    assert {"GOTOOLCHAIN=local", "CGO_ENABLED=0", "GOWORK=off", "GOPROXY=https://mine.invalid"} <= set(seen)
    assert not [line for line in seen if line.startswith("GOOS=")]


def test_a_toolchain_that_the_user_chose_is_kept(
    lantern: Index, around: dict[str, str], go: Callable[..., Any], tmp_path: Path
) -> None:
    path = go("1.26.8", f"echo $GOTOOLCHAIN > {tmp_path}/seen")

    build(path, *lantern.of("lamp"), tmp_path / "made", {**around, "GOTOOLCHAIN": "auto"})

    assert (tmp_path / "seen").read_text() == "auto\n"


def test_a_build_that_fails_shows_its_last_lines(
    lantern: Index, around: dict[str, str], go: Callable[..., Any], tmp_path: Path
) -> None:
    lines = "; ".join(f"echo line {number} >&2" for number in range(1, 16))
    path = go("1.26.8", f"{lines}; exit 1")

    with pytest.raises(InstallFailed) as raised:
        build(path, *lantern.of("lamp"), tmp_path / "made", around)

    shown = "".join(f"\n    line {number}" for number in range(4, 16))
    assert str(raised.value) == f"go build of lantern.example/lantern/cmd/lamp failed:{shown}"


@pytest.mark.parametrize(("built", "expected"), [(set(), 241), ({"prometheus"}, 162)])
def test_an_estimate_counts_what_an_earlier_build_would_have_left(built: set[str], expected: int) -> None:
    assert seconds(*the_index().of("promtool"), built) == expected


DOWNLOAD = """\
if [ "$1" = mod ]; then echo "$@" > SEEN; echo '{"Dir": "MODULE"}'; exit 0; fi
/bin/cat go.mod ui/dist/index.html main.go >> SEEN
"""


def growing(index: Index) -> tuple[Distribution, Entry]:
    """Return a program that is built in its module's own tree, which lacks a file."""
    distribution, lamp = index.of("lamp@0.9")
    return dataclasses.replace(distribution, tree=True, absent=("ui/dist/index.html",)), lamp


def test_a_program_is_built_in_a_copy_of_its_modules_own_tree_with_the_files_that_it_lacks(
    lantern: Index, around: dict[str, str], go: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "module").mkdir()
    (tmp_path / "module/go.mod").write_text("module lantern.example/lantern\n")
    (tmp_path / "module/main.go").write_text("package main\n")
    for path in (*(tmp_path / "module").iterdir(), tmp_path / "module"):
        path.chmod(path.stat().st_mode & ~0o222)
    (tmp_path / "work").mkdir()
    path = go("1.26.8", DOWNLOAD.replace("MODULE", f"{tmp_path}/module").replace("SEEN", f"{tmp_path}/seen"))

    for name in ("lamp", "wick"):
        build(path, *growing(lantern), tmp_path / "work" / name, around)

    built = f"module lantern.example/lantern\n{ABSENT}package main\n"
    assert (tmp_path / "seen").read_text() == f"mod download -json lantern.example/lantern@v0.9.3\n{built}{built}"


@pytest.mark.parametrize(
    "saying", ['echo \'{"Error": "no such module"}\'', "echo no such module >&2"], ids=["of the module", "of go itself"]
)
def test_a_module_that_cannot_be_had_is_one_sentence(
    lantern: Index, around: dict[str, str], go: Callable[..., Any], tmp_path: Path, saying: str
) -> None:
    path = go("1.26.8", f"{saying}; exit 1")

    with pytest.raises(InstallFailed) as raised:
        build(path, *growing(lantern), tmp_path / "lamp", around)

    assert str(raised.value) == "go mod download of lantern.example/lantern@v0.9.3 failed:\n    no such module"
