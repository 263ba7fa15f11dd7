from __future__ import annotations

import io
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_obscheck.toolchain import find
from pytest_obscheck.toolchain.commands import doctor_command, install_command
from pytest_obscheck.toolchain.index import the_index

SIX = the_index().usual()


@pytest.fixture
def all_six(program: Callable[[Path, str], Path], tmp_path: Path) -> None:
    """Put programs of every name, recent enough, on PATH."""
    for name in SIX:
        program(tmp_path / "path" / name, "9.0.0")


def test_an_unknown_program_is_exit_code_2(around: dict[str, str]) -> None:
    out = io.StringIO()

    code = install_command(["promtol"], None, out, around)

    assert (code, out.getvalue()) == (2, "no program called 'promtol'; did you mean 'promtool'?\n")


def test_a_failed_installation_is_exit_code_1(around: dict[str, str]) -> None:
    out = io.StringIO()

    code = install_command(["amtool"], "go", out, around)

    assert (code, out.getvalue()) == (1, "amtool: no Go toolchain on PATH to build it with; install Go 1.26.8 or newer\n")


@pytest.mark.usefixtures("all_six")
def test_an_installation_with_nothing_to_do_is_exit_code_0(around: dict[str, str], tmp_path: Path) -> None:
    out = io.StringIO()

    code = install_command([], None, out, around)

    assert code == 0
    assert out.getvalue().splitlines() == [f"{name} 9.0.0: already on PATH ({tmp_path}/path/{name})" for name in SIX]


@pytest.mark.usefixtures("all_six")
def test_the_doctor_is_content_where_every_program_is_there(around: dict[str, str]) -> None:
    out = io.StringIO()

    assert doctor_command(out, around) == 0
    assert out.getvalue().endswith("\n\nevery program is there\n")


@pytest.mark.usefixtures("all_six")
def test_the_doctor_is_not_content_where_one_is_missing(around: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "path" / "amtool").unlink()
    out = io.StringIO()

    assert doctor_command(out, around) == 1
    assert out.getvalue().endswith("\n\n1 of 6 programs missing; run: obscheck install amtool\n")


@pytest.mark.integration
def test_a_real_program_is_built_from_its_lock_and_runs(around: dict[str, str]) -> None:
    if not shutil.which("go"):
        pytest.skip("no Go toolchain on PATH to build with")
    # The user's own Go caches are used: an empty one would make this a test of minutes.
    environment = {**os.environ, "OBSCHECK_CACHE": around["OBSCHECK_CACHE"]}
    out = io.StringIO()

    code = install_command(["toxiproxy-server"], "go", out, environment)

    assert code == 0, out.getvalue()
    found = find("toxiproxy-server", {**environment, "PATH": ""})
    told = subprocess.run([found.path, "-version"], check=True, capture_output=True, text=True).stdout
    assert (found.version, told) == ("2.12.0", "toxiproxy-server version 2.12.0\n")
