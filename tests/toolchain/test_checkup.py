from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_obscheck.toolchain.checkup import Row, doctor, doctor_text
from pytest_obscheck.toolchain.index import Index
from pytest_obscheck.toolchain.machine import Check, Finding


def test_every_program_and_every_check_has_a_row(
    around: dict[str, str], lantern: Index, program: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    path = program(tmp_path / "path" / "lamp", "1.2.0")
    checks = [
        Check("fire", lambda _: Finding(True, "matches", "3"), "cold without it"),
        Check("water", lambda _: Finding(False, "dry"), "thirsty without it"),
    ]

    assert doctor(around, lantern, checks) == [
        Row("lamp", found=True, version="1.2.0", where=f"{path} (PATH)"),
        Row("wick", found=False, where="not found on PATH or in the cache", mend="obscheck install wick"),
        Row("lamp@0.9", found=False, where=f"{path} is 1.2.0, and no 0.9", mend="obscheck install lamp@0.9", needed=False),
        Row("wick@0.9", found=False, where="not found on PATH or in the cache", mend="obscheck install wick@0.9", needed=False),
        Row("fire", found=True, version="3", where="matches", needed=False),
        Row("water", found=False, where="dry", mend="thirsty without it", needed=False),
    ]


def test_the_table_is_aligned_and_ends_with_the_one_command_that_mends_it() -> None:
    rows = [
        Row("lamp", found=True, version="1.2.0", where="/bin/lamp (PATH)"),
        Row("wick", found=False, where="not found on PATH or in the cache", mend="obscheck install wick"),
        Row("water", found=False, where="dry", mend="thirsty without it", needed=False),
    ]

    assert doctor_text(rows) == (
        "✓  lamp   1.2.0  /bin/lamp (PATH)\n"
        "✗  wick          not found on PATH or in the cache  obscheck install wick\n"
        "·  water         dry                                thirsty without it\n"
        "\n"
        "1 of 2 programs missing; run: obscheck install wick"
    )


def test_a_table_without_gaps_says_so() -> None:
    rows = [Row("lamp", found=True, version="1.2.0", where="/bin/lamp (PATH)"), Row("water", found=False, needed=False)]

    assert doctor_text(rows).splitlines()[-1] == "every program is there"
