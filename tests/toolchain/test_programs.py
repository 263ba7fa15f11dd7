from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.errors import ProgramMissing
from pytest_obscheck.toolchain import Missing, Program, find, in_words, missing, unlike
from pytest_obscheck.toolchain.index import Index
from pytest_obscheck.toolchain.programs import numbers

OTHERS = "put a lamp {} on PATH, or write one that can be installed: 1.2.0, 0.9.3"


@pytest.fixture
def on_path(tmp_path: Path) -> Path:
    return tmp_path / "path" / "lamp"


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    return tmp_path / "cache" / "bin" / "lamp-1.2.0" / "lamp"


def test_a_program_on_path_is_taken_before_the_cache(
    around: dict[str, str], lantern: Index, program: Callable[[Path, str], Path], on_path: Path, kept: Any
) -> None:
    program(on_path, "1.1.5")
    program(kept, "1.2.0")

    assert find("lamp", around, lantern) == Program("lamp", on_path, "1.1.5", "PATH")


def test_a_program_that_is_too_old_on_path_falls_through_to_the_cache(
    around: dict[str, str], lantern: Index, program: Callable[[Path, str], Path], on_path: Path, kept: Any
) -> None:
    program(on_path, "1.0.9")
    program(kept, "1.2.0")

    assert find("lamp", around, lantern) == Program("lamp", kept, "1.2.0", "cache")


def test_a_program_that_is_nowhere_is_named_with_the_command_that_installs_it(around: dict[str, str], lantern: Index) -> None:
    with pytest.raises(ProgramMissing) as raised:
        find("lamp", around, lantern)

    assert str(raised.value) == "lamp: not found on PATH or in the cache; run: obscheck install lamp"


def test_a_program_that_is_too_old_says_where_and_how_old(
    around: dict[str, str], lantern: Index, program: Callable[[Path, str], Path], on_path: Path
) -> None:
    program(on_path, "1.0.9+ds")

    with pytest.raises(ProgramMissing) as raised:
        find("lamp", around, lantern)

    assert str(raised.value) == (f"lamp: {on_path} is 1.0.9+ds, too old (at least 1.1.0 is needed); run: obscheck install lamp")


def test_the_oldest_usable_version_is_usable_and_may_be_told_on_stderr(
    around: dict[str, str], lantern: Index, script: Callable[[Path, str], Path], on_path: Path
) -> None:
    script(on_path, "#!/bin/sh\necho lamp, version 1.1.0 >&2\n")

    assert find("lamp", around, lantern) == Program("lamp", on_path, "1.1.0", "PATH")


def test_a_hand_made_build_that_does_not_tell_its_version_is_used(
    around: dict[str, str], lantern: Index, script: Callable[[Path, str], Path], on_path: Path
) -> None:
    script(on_path, "#!/bin/sh\necho 'lamp, version  (branch: , revision: unknown)'\n")

    assert find("lamp", around, lantern) == Program("lamp", on_path, "unknown", "PATH")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("#!/bin/sh\nexit 3\n", "does not understand --version (exit code 3)"),
        ("#!/nowhere\n", "does not run (No such file or directory)"),
        ("\x7fELF of another machine", "does not run (Exec format error)"),
    ],
)
def test_a_program_that_does_not_run_is_not_used(
    around: dict[str, str], lantern: Index, script: Callable[[Path, str], Path], on_path: Path, text: str, why: str
) -> None:
    script(on_path, text)

    assert missing(["lamp"], around, lantern) == [Missing("lamp", f"{on_path} {why}")]


def test_a_version_is_asked_for_once_per_state_of_the_file(
    around: dict[str, str], lantern: Index, script: Callable[[Path, str], Path], on_path: Path, tmp_path: Path
) -> None:
    calls = tmp_path / "calls"
    text = f"#!/bin/sh\necho called >> {calls}\necho version 1.2.0\n"
    script(on_path, text)

    found = [find("lamp", around, lantern).version for _ in range(3)]

    assert (found, calls.read_text()) == (["1.2.0"] * 3, "called\n")

    script(on_path, text.replace("1.2.0", "1.3.0-rc.1"))

    assert find("lamp", around, lantern).version == "1.3.0-rc.1"


def test_a_program_replaced_by_one_of_the_same_size_is_asked_again(
    around: dict[str, str], lantern: Index, program: Callable[[Path, str], Path], on_path: Path
) -> None:
    program(on_path, "1.2.0")
    find("lamp", around, lantern)
    program(on_path, "1.3.0")
    os.utime(on_path, ns=(0, on_path.stat().st_mtime_ns + 1))

    assert find("lamp", around, lantern).version == "1.3.0"


def test_a_relative_path_becomes_absolute(
    around: dict[str, str],
    lantern: Index,
    program: Callable[[Path, str], Path],
    on_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program(on_path, "1.2.0")
    monkeypatch.chdir(tmp_path)

    assert find("lamp", {**around, "PATH": "path"}, lantern).path == on_path


def test_several_missing_programs_share_one_sentence_and_one_command(around: dict[str, str], lantern: Index) -> None:
    gaps = missing(["lamp", "wick", "lamp"], around, lantern)

    assert in_words(gaps) == "lamp, wick: not found on PATH or in the cache; run: obscheck install lamp wick"


def test_programs_missing_for_different_reasons_still_share_one_command(
    around: dict[str, str], lantern: Index, program: Callable[[Path, str], Path], on_path: Path
) -> None:
    program(on_path, "1.0.0")

    gaps = missing(["lamp", "wick"], around, lantern)

    assert in_words(gaps) == (
        f"lamp: {on_path} is 1.0.0, too old (at least 1.1.0 is needed); "
        "wick: not found on PATH or in the cache; run: obscheck install lamp wick"
    )


def test_nothing_is_missing_where_all_is_there(
    around: dict[str, str], lantern: Index, program: Callable[[Path, str], Path], on_path: Path
) -> None:
    program(on_path, "1.2.0")

    assert missing(["lamp"], around, lantern) == []


@pytest.mark.parametrize(
    ("version", "three"),
    [("2.42.0+ds", (2, 42, 0)), ("3.14", (3, 14, 0)), ("1.2.3.4", (1, 2, 3)), ("1.26rc1", (1, 26, 0)), ("git", (0, 0, 0))],
)
def test_versions_are_compared_by_three_numbers(version: str, three: tuple[int, ...]) -> None:
    assert numbers(version) == three


# ── production's version ─────────────────────────────────────────────────────


@pytest.fixture
def older(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "bin" / "lamp-0.9.3" / "lamp"


@pytest.mark.parametrize("asked", ["0.9", "0.9.1", "v0.9.3", "0"])
def test_a_line_of_versions_is_taken_from_the_cache_whatever_is_on_path(
    asked: str,
    around: dict[str, str],
    lantern: Index,
    program: Callable[[Path, str], Path],
    on_path: Path,
    kept: Any,
    older: Path,
) -> None:
    for path, version in ((on_path, "1.2.0"), (kept, "1.2.0"), (older, "0.9.3")):
        program(path, version)

    assert find(f"lamp@{asked}", around, lantern) == Program("lamp", older, "0.9.3", "cache")
    assert unlike(f"lamp@{asked}", around, lantern) == ("", "")


def test_a_program_on_path_of_the_line_that_is_asked_for_is_taken(
    around: dict[str, str], lantern: Index, program: Callable[[Path, str], Path], on_path: Path, older: Path
) -> None:
    program(on_path, "0.9.7")
    program(older, "0.9.3")

    assert find("lamp@0.9", around, lantern) == Program("lamp", on_path, "0.9.7", "PATH")


@pytest.mark.parametrize(
    ("asked", "here", "what", "right"),
    [
        (
            "0.9",
            "1.2.0",
            "production runs lamp 0.9, and here is 1.2.0, a newer major version",
            "run: obscheck install lamp@0.9",
        ),
        ("1.1.4", "1.2.0", "production runs lamp 1.1.4, and here is 1.2.0, newer", OTHERS.format("1.1.4")),
        ("1.3", "1.2.0", "production runs lamp 1.3, and here is 1.2.0, older", OTHERS.format("1.3")),
        ("2", "1.2.0", "production runs lamp 2, and here is 1.2.0, an older major version", OTHERS.format("2")),
        ("1.2", "1.1.0", "production runs lamp 1.2, and here is 1.1.0, older", "run: obscheck install lamp@1.2"),
        ("1.2", "", "production runs lamp 1.2, and here is unknown, which tells no version", "run: obscheck install lamp@1.2"),
        ("latest", "1.2.0", "", ""),
        ("1.2.7", "1.2.0", "", ""),
    ],
)
def test_another_version_than_productions_is_used_and_said(
    asked: str,
    here: str,
    what: str,
    right: str,
    around: dict[str, str],
    lantern: Index,
    program: Callable[[Path, str], Path],
    on_path: Path,
) -> None:
    program(on_path, here)

    assert find(f"lamp@{asked}", around, lantern).path == on_path
    assert unlike(f"lamp@{asked}", around, lantern) == (what, right)


def test_where_nothing_is_here_the_line_that_production_runs_is_to_be_installed(around: dict[str, str], lantern: Index) -> None:
    gaps = missing(["lamp@0.9", "lamp@3.1"], around, lantern)

    assert in_words(gaps) == "lamp@0.9, lamp: not found on PATH or in the cache; run: obscheck install lamp@0.9 lamp"
