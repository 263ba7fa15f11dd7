"""The run's folder: made, kept, removed, and swept after a crash."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from pytest_obscheck.stack.folder import PREFIX, RunFolder, sweep


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_is_gone_when_it_is_closed_twice_even() -> None:
    folder = RunFolder.make()
    (folder.path / "data").mkdir()

    folder.close()
    folder.close()

    assert not folder.path.exists()


def test_a_folder_that_is_to_be_kept_survives_its_run_and_every_sweep() -> None:
    folder = RunFolder.make(keep=True)
    folder.close()

    sweep()

    assert folder.path.exists()


def test_a_folder_whose_run_lives_is_not_swept() -> None:
    folder = RunFolder.make()

    sweep()

    assert folder.path.exists()
    folder.close()


def test_what_a_crashed_run_left_is_swept_by_the_next(scratch: Path) -> None:
    left = scratch / f"{PREFIX}left"
    left.mkdir()
    (left / "lock").touch()
    other = scratch / "other"
    other.mkdir()

    RunFolder.make().close()

    assert (left.exists(), other.exists()) == (False, True)


def test_a_folder_that_cannot_be_looked_into_is_left_to_whoever_made_it(scratch: Path) -> None:
    # As that of another user, whom root does not have.
    (scratch / f"{PREFIX}other" / "lock").mkdir(parents=True)

    RunFolder.make().close()

    assert (scratch / f"{PREFIX}other").exists()
