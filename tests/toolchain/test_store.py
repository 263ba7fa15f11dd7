from __future__ import annotations

import errno
import fcntl
from pathlib import Path

import pytest

from pytest_obscheck.errors import InstallFailed
from pytest_obscheck.toolchain.store import cache_folder, keep, read_notes, workplace, write_notes


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"OBSCHECK_CACHE": "/a", "XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/a"),
        ({"XDG_CACHE_HOME": "/b", "HOME": "/c"}, "/b/obscheck"),
        ({"OBSCHECK_CACHE": "", "HOME": "/c"}, "/c/.cache/obscheck"),
    ],
)
def test_the_cache_is_where_the_environment_says(environment: dict[str, str], folder: str) -> None:
    assert cache_folder(environment) == Path(folder)


def test_a_workplace_is_empty_and_gone_afterwards(tmp_path: Path) -> None:
    with workplace(tmp_path / "cache", "lantern", print) as folder:
        (folder / "part").write_text("half")

    assert [path.name for path in (tmp_path / "cache").iterdir()] == [".lantern.lock"]


def test_what_a_killed_installation_left_is_swept(tmp_path: Path) -> None:
    left = tmp_path / ".lantern-abc"
    left.mkdir()
    (left / "part").write_text("half")

    with workplace(tmp_path, "lantern", print):
        assert not left.exists()


def _fill_the_disk(cache: Path) -> None:
    with workplace(cache, "lantern", print) as folder:
        (folder / "part").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(InstallFailed) as raised:
        _fill_the_disk(tmp_path)

    assert str(raised.value) == (
        f"the cache {tmp_path} cannot be written: No space left on device; "
        "make room there or set OBSCHECK_CACHE to another folder"
    )
    assert [path.name for path in tmp_path.iterdir()] == [".lantern.lock"]


def test_a_cache_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.write_text("not a folder")

    with pytest.raises(InstallFailed) as raised, workplace(cache, "lantern", print):
        pass

    assert str(raised.value) == (
        f"the cache {cache} cannot be written: File exists ({cache}); make room there or set OBSCHECK_CACHE to another folder"
    )


def test_a_workplace_belongs_to_one_installation_at_a_time(tmp_path: Path) -> None:
    with (
        workplace(tmp_path, "lantern", print),
        (tmp_path / ".lantern.lock").open("w") as second,
        pytest.raises(BlockingIOError),
    ):
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_what_is_kept_is_executable_and_replaces_what_was_there(tmp_path: Path) -> None:
    place, made = tmp_path / "bin/lamp-1.2.0/lamp", tmp_path / "made"
    place.parent.mkdir(parents=True)
    place.write_text("old")
    made.write_text("new")

    keep(made, place)

    assert (place.read_text(), place.stat().st_mode & 0o777, made.exists()) == ("new", 0o755, False)


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    place, made = tmp_path / "bin/lamp-1.2.0", tmp_path / "work/made"
    for folder, name in ((place, "old"), (made, "new")):
        folder.mkdir(parents=True)
        (folder / name).touch()

    keep(made, place)

    assert [path.name for path in place.iterdir()] == ["new"]


@pytest.mark.parametrize("content", ["", "{", "[1]", "\x00"])
def test_unreadable_notes_are_no_notes(tmp_path: Path, content: str) -> None:
    (tmp_path / "versions.json").write_text(content)

    assert read_notes(tmp_path) == {}


def test_notes_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_notes(tmp_path / "new", {"/bin/lamp": {"version": "1.2.0"}})

    assert read_notes(tmp_path / "new") == {"/bin/lamp": {"version": "1.2.0"}}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["versions.json"]


def test_notes_that_cannot_be_written_are_forgotten(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    write_notes(tmp_path / "file", {"a": 1})

    assert read_notes(tmp_path / "file") == {}
