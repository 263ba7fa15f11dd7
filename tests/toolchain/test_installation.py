from __future__ import annotations

import dataclasses
import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.errors import InstallFailed, ProgramMissing
from pytest_obscheck.toolchain import find
from pytest_obscheck.toolchain.index import Index
from pytest_obscheck.toolchain.installation import Means, install, install_with
from pytest_obscheck.toolchain.release import Fetcher

GO = """#!/bin/sh
if [ "$1" = version ]; then echo "go version go1.26.8 linux/amd64"; exit 0; fi
echo "$@" >> LOG
while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\\necho lamp, version VERSION\\n' > "$2"
"""


class StillClock:
    """A clock on which every build takes no time."""

    def now(self) -> float:
        """Return always the same."""
        return 0.0

    def sleep(self, seconds: float) -> None:
        """Say that it should not have been asked."""
        raise AssertionError(f"nobody sleeps here, not even {seconds} s")


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def go(script: Callable[[Path, str], Path], tmp_path: Path) -> Callable[..., Any]:
    """Return a function that puts a Go on PATH which builds programs of a version, and gives the log of its builds."""

    def put(version: str = "1.2.0") -> Path:
        log = tmp_path / "built"
        script(tmp_path / "path" / "go", GO.replace("LOG", str(log)).replace("VERSION", version))
        return log

    return put


@pytest.fixture
def stocked(shop: Any, lamp_archive: tuple[str, bytes]) -> Any:
    """Return a web server that has the release."""
    shop.publish(*lamp_archive)
    return shop


@pytest.fixture
def kept(tmp_path: Path) -> Any:
    """Return a function that names all files in the cache but its locks and notes."""

    def names() -> list[str]:
        files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
        return sorted(path.name for path in files if not path.name.endswith((".lock", ".json")))

    return names


@pytest.fixture
def offline(lantern: Index, around: dict[str, str], told: list[str]) -> tuple[Means, list[str]]:
    """Return means of installing on a machine whose every connection fails, and the URLs that were asked for."""
    asked = []

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        raise httpx.ConnectError("Name or service not known")

    client = httpx.Client(transport=httpx.MockTransport(refuse))
    return Means(told.append, around, lantern, Fetcher(client), StillClock()), asked


def test_a_release_archive_is_fetched_once_for_all_its_programs(
    stocked: Any,
    index_at: Callable[[str], Index],
    around: dict[str, str],
    told: list[str],
    tmp_path: Path,
    lamp_archive: tuple[str, bytes],
) -> None:
    index = index_at(stocked.url)

    install(["lamp", "wick"], None, told.append, around, index)

    bin_ = tmp_path / "cache" / "bin"
    assert told == [
        f"fetching lamp, wick 1.2.0 from {stocked.url}/{lamp_archive[0]}",
        f"lamp 1.2.0: installed ({bin_}/lamp-1.2.0/lamp)",
        f"wick 1.2.0: installed ({bin_}/wick-1.2.0/wick)",
    ]
    assert stocked.asked == ["sha256sums.txt", lamp_archive[0]]
    assert find("lamp", around, index).source == "cache"


def test_what_is_in_the_cache_is_not_fetched_again(
    stocked: Any, index_at: Callable[[str], Index], around: dict[str, str], told: list[str], tmp_path: Path
) -> None:
    index = index_at(stocked.url)
    install(["lamp"], "release", told.append, around, index)
    before = list(stocked.asked)
    told.clear()

    install(["lamp"], "release", told.append, around, index)

    assert told == [f"lamp 1.2.0: already in the cache ({tmp_path}/cache/bin/lamp-1.2.0/lamp)"]
    assert stocked.asked == before


def test_a_program_on_path_is_enough_unless_a_way_is_named(
    stocked: Any,
    index_at: Callable[[str], Index],
    around: dict[str, str],
    told: list[str],
    tmp_path: Path,
    program: Callable[[Path, str], Path],
    kept: Any,
) -> None:
    path = program(tmp_path / "path" / "lamp", "1.1.7")

    index = index_at(stocked.url)

    install(["lamp"], None, told.append, around, index)

    assert (told, kept()) == ([f"lamp 1.1.7: already on PATH ({path})"], [])

    install(["lamp"], "release", told.append, around, index)

    assert kept() == ["lamp"]


def test_a_cached_program_that_does_not_run_is_installed_again(
    stocked: Any,
    index_at: Callable[[str], Index],
    around: dict[str, str],
    told: list[str],
    tmp_path: Path,
    script: Callable[[Path, str], Path],
) -> None:
    broken = script(tmp_path / "cache" / "bin" / "lamp-1.2.0" / "lamp", "#!/nowhere\n")

    install(["lamp"], "release", told.append, around, index_at(stocked.url))

    assert "version 1.2.0" in broken.read_text()


@pytest.mark.parametrize("names", [[], ["all"], ["wick", "lamp"]])
def test_no_names_and_all_mean_every_program(
    offline: tuple[Means, list[str]], go: Callable[..., Any], kept: Any, names: list[str]
) -> None:
    go()

    install_with(offline[0], names)

    assert kept() == ["lamp", "wick"]


def test_without_a_network_programs_are_built_and_the_host_is_tried_once(
    offline: tuple[Means, list[str]], go: Callable[..., Any], told: list[str], tmp_path: Path
) -> None:
    means, asked = offline
    twice = dataclasses.replace(means.index.distributions[0], name="second", programs=(means.index.of("wick")[1],))
    first = dataclasses.replace(means.index.distributions[0], programs=(means.index.of("lamp")[1],))
    log = go()

    install_with(
        dataclasses.replace(means, index=dataclasses.replace(means.index, distributions=(first, twice))), ["lamp", "wick"]
    )

    bin_ = tmp_path / "cache" / "bin"
    less = "less where Go has built it before"
    assert told == [
        told[0],
        "lantern.invalid cannot be reached (Name or service not known); building from Go modules instead",
        f"building lamp 1.2.0 from its Go module (v1.2.0): about 30 s on 2 cores, {less}",
        f"lamp 1.2.0: installed in 0 s ({bin_}/lamp-1.2.0/lamp)",
        f"building wick 1.2.0 from its Go module (v1.2.0): about 4 s on 2 cores, {less}",
        f"wick 1.2.0: installed in 0 s ({bin_}/wick-1.2.0/wick)",
    ]
    assert told[0].startswith("fetching lamp 1.2.0 from https://lantern.invalid/lantern-1.2.0.")
    assert asked == ["https://lantern.invalid/sha256sums.txt"]
    assert len(log.read_text().splitlines()) == 2


def test_a_release_that_was_asked_for_by_name_is_not_replaced_by_a_build(
    offline: tuple[Means, list[str]], go: Callable[..., Any], kept: Any
) -> None:
    log = go()

    with pytest.raises(InstallFailed) as raised:
        install_with(dataclasses.replace(offline[0], via="release"), ["lamp"])

    assert str(raised.value) == "lamp: lantern.invalid cannot be reached (Name or service not known)"
    assert (log.exists(), kept()) == (False, [])


def test_a_build_that_was_asked_for_by_name_asks_no_host(
    offline: tuple[Means, list[str]], go: Callable[..., Any], kept: Any
) -> None:
    go()

    install_with(dataclasses.replace(offline[0], via="go"), ["lamp"])

    assert (offline[1], kept()) == ([], ["lamp"])


def test_a_wrong_checksum_is_never_answered_with_a_build(
    stocked: Any,
    index_at: Callable[[str], Index],
    around: dict[str, str],
    told: list[str],
    go: Callable[..., Any],
    kept: Any,
    lamp_archive: tuple[str, bytes],
) -> None:
    log = go()
    stocked.files[lamp_archive[0]] += b"more"

    with pytest.raises(InstallFailed, match=r"^lamp: http://.*: its SHA-256 is .*; nothing of it was kept$"):
        install(["lamp"], None, told.append, around, index_at(stocked.url))

    assert (log.exists(), kept()) == (False, [])


def test_a_download_that_breaks_off_leaves_nothing(
    stocked: Any,
    index_at: Callable[[str], Index],
    around: dict[str, str],
    told: list[str],
    kept: Any,
    lamp_archive: tuple[str, bytes],
) -> None:
    stocked.files[f"{lamp_archive[0]}.cut"] = b""

    with pytest.raises(InstallFailed, match=r"^lamp: http://.*: the download broke off \(peer closed connection .*\)$"):
        install(["lamp"], "release", told.append, around, index_at(stocked.url))

    assert kept() == []


def test_an_archive_with_an_evil_member_leaves_nothing(
    shop: Any,
    index_at: Callable[[str], Index],
    around: dict[str, str],
    told: list[str],
    kept: Any,
    tarball: Callable[..., bytes],
    lamp_archive: tuple[str, bytes],
) -> None:
    shop.publish(lamp_archive[0], tarball({"../../lamp": "evil"}))

    with pytest.raises(InstallFailed) as raised:
        install(["lamp"], None, told.append, around, index_at(shop.url))

    assert str(raised.value).splitlines()[0] == "lamp: release archive: '../../lamp' would leave the folder; refused"
    assert kept() == []


class _FullDisk(httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        yield b"some"
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fills_up_on_the_way_leaves_nothing(
    offline: tuple[Means, list[str]], kept: Any, lamp_archive: tuple[str, bytes], tmp_path: Path
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/sha256sums.txt":
            return httpx.Response(200, content=iter([f"{'0' * 64}  {lamp_archive[0]}\n".encode()]))
        return httpx.Response(200, stream=_FullDisk())

    fetcher = Fetcher(httpx.Client(transport=httpx.MockTransport(answer)))

    with pytest.raises(InstallFailed) as raised:
        install_with(dataclasses.replace(offline[0], fetcher=fetcher), ["lamp"])

    assert str(raised.value) == (
        f"lamp: the cache {tmp_path}/cache cannot be written: No space left on device; "
        "make room there or set OBSCHECK_CACHE to another folder"
    )
    assert kept() == []


def test_a_build_of_another_version_is_not_kept(offline: tuple[Means, list[str]], go: Callable[..., Any], kept: Any) -> None:
    go("1.1.9")

    with pytest.raises(InstallFailed) as raised:
        install_with(offline[0], ["lamp"])

    assert str(raised.value) == "lamp: what came is version '1.1.9'; '1.2.0' was expected; it was not kept"
    assert kept() == []


def test_without_network_and_go_one_sentence_is_left(offline: tuple[Means, list[str]]) -> None:
    with pytest.raises(InstallFailed) as raised:
        install_with(offline[0], ["lamp", "wick"])

    assert str(raised.value) == "lamp, wick: no Go toolchain on PATH to build it with; install Go 1.26.8 or newer"


def test_an_unknown_name_is_told_before_anything_is_done(
    offline: tuple[Means, list[str]], told: list[str], tmp_path: Path
) -> None:
    with pytest.raises(ProgramMissing) as raised:
        install_with(offline[0], ["lamp", "lump"])

    assert str(raised.value) == "no program called 'lump'; did you mean 'lamp'?"
    assert (told, (tmp_path / "cache").exists()) == ([], False)


def test_an_unknown_way_is_told(around: dict[str, str], lantern: Index) -> None:
    with pytest.raises(InstallFailed) as raised:
        install(["lamp"], "brew", print, around, lantern)

    assert str(raised.value) == "no way to install called 'brew'; known are: release, go"


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Make a pipe that builds wait for, and return a function that lets them go on; in the end they may anyway."""
    os.mkfifo(tmp_path / "gate")
    pipe = os.open(tmp_path / "gate", os.O_RDWR)

    def let_go() -> None:
        os.write(pipe, b"go on\n" * 2)

    yield let_go
    let_go()
    os.close(pipe)


def test_the_second_of_two_installations_waits_and_finds_it_there(
    offline: tuple[Means, list[str]],
    told: list[str],
    go: Callable[..., Any],
    gate: Callable[[], None],
    script: Callable[[Path, str], Path],
    tmp_path: Path,
) -> None:
    log = go()
    slow = (tmp_path / "path" / "go").read_text().replace('echo "$@"', f'read x < {tmp_path}/gate; echo "$@"')
    script(tmp_path / "path" / "go", slow)
    started, waiting = threading.Event(), threading.Event()

    def tell(line: str) -> None:
        told.append(line)
        waiting.set()

    of_first = dataclasses.replace(offline[0], via="go", tell=lambda _: started.set())
    of_second = dataclasses.replace(offline[0], via="go", tell=tell)
    threads = [threading.Thread(target=install_with, args=(means, ["lamp"]), daemon=True) for means in (of_first, of_second)]
    threads[0].start()
    assert started.wait(10)
    threads[1].start()
    assert waiting.wait(10)
    gate()
    for thread in threads:
        thread.join(10)

    assert told == [
        "lantern: another installation is at work; waiting for it",
        f"lamp 1.2.0: already in the cache ({tmp_path}/cache/bin/lamp-1.2.0/lamp)",
    ]
    assert len(log.read_text().splitlines()) == 1


def test_a_line_of_versions_is_built_beside_the_usual_one(
    offline: tuple[Means, list[str]], go: Callable[..., Any], told: list[str], tmp_path: Path
) -> None:
    means, _ = offline
    for version, name in (("1.2.0", "wick"), ("1.2.0", "wick@1.2"), ("0.9.3", "wick@v0.9.1")):
        go(version)
        install_with(means, [name])

    kept = {name: find(name, means.environment, means.index).path for name in ("wick", "wick@0.9", "wick@1.2")}
    cache = tmp_path / "cache/bin"
    assert kept == {
        "wick": cache / "wick-1.2.0/wick",
        "wick@0.9": cache / "wick-0.9.3/wick",
        "wick@1.2": cache / "wick-1.2.0/wick",
    }
    assert sum(line.startswith("building wick") for line in told) == 2


def test_a_line_that_the_index_does_not_have_is_told_before_anything_is_done(
    offline: tuple[Means, list[str]], told: list[str]
) -> None:
    means, _ = offline

    with pytest.raises(ProgramMissing) as raised:
        install_with(means, ["wick", "lamp@0.8"])

    assert (str(raised.value), told) == ("no lamp 0.8 is in the index; known are: 1.2.0, 0.9.3", [])
