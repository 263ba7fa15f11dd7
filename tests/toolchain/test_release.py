from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.errors import InstallFailed
from pytest_obscheck.toolchain.index import Index, Platform
from pytest_obscheck.toolchain.release import Fetcher, Unavailable, a_client, checksums, from_release


@pytest.fixture
def served(lamp_archive: tuple[str, bytes]) -> dict[str, bytes]:
    """Return the files of a good release, by name."""
    name, content = lamp_archive
    return {name: content, "sha256sums.txt": f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode()}


def a_fetcher(answer: Callable[[httpx.Request], httpx.Response]) -> Fetcher:
    return Fetcher(httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True))


@pytest.fixture
def fetch(lantern: Index, here: Platform, tmp_path: Path) -> Callable[..., dict[str, Path]]:
    """Return a function that fetches lamp by an answering function, and gives what it made."""
    distribution, lamp = lantern.of("lamp")
    folder = tmp_path / "work"
    folder.mkdir()

    def from_answers(answer: Callable[[httpx.Request], httpx.Response], **changes: Any) -> dict[str, Path]:
        return from_release(dataclasses.replace(distribution, **changes), [lamp], here, a_fetcher(answer), folder)

    return from_answers


@pytest.fixture
def handing_out(served: Any) -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.path.rsplit("/", 1)[1]
        return httpx.Response(200, content=iter([served[name]])) if name in served else httpx.Response(404)

    return answer


@pytest.fixture
def archive_url(lamp_archive: tuple[str, bytes]) -> str:
    return f"https://lantern.invalid/{lamp_archive[0]}"


def test_a_release_with_a_published_checksum_is_taken(
    fetch: Callable[..., dict[str, Path]], handing_out: Callable[[httpx.Request], httpx.Response]
) -> None:
    made = fetch(handing_out)

    assert "version 1.2.0" in made["lamp"].read_text()


def test_a_release_that_is_the_program_itself_needs_no_unpacking(lantern: Index, here: Platform, tmp_path: Path) -> None:
    distribution, lamp = lantern.of("lamp")
    bare = dataclasses.replace(distribution, archive="https://lantern.invalid/lamp-{os}-{arch}", checksums="", sha256={
        f"lamp-{here.os}-{here.arch}": hashlib.sha256(b"light").hexdigest().upper()
    })  # fmt: skip

    made = from_release(
        bare,
        [dataclasses.replace(lamp, member="")],
        here,
        a_fetcher(lambda _: httpx.Response(200, content=iter([b"light"]))),
        tmp_path,
    )

    assert made["lamp"].read_bytes() == b"light"


def test_another_checksum_than_published_is_told_with_both(
    fetch: Callable[..., dict[str, Path]],
    handing_out: Callable[[httpx.Request], httpx.Response],
    served: Any,
    lamp_archive: tuple[str, bytes],
    archive_url: str,
) -> None:
    name, content = lamp_archive
    served[name] = content + b"more"

    with pytest.raises(InstallFailed) as raised:
        fetch(handing_out)

    expected, got = (hashlib.sha256(each).hexdigest() for each in (content, content + b"more"))
    assert str(raised.value) == f"{archive_url}: its SHA-256 is {got}; {expected} was expected; nothing of it was kept"
    assert not isinstance(raised.value, Unavailable)


def test_a_pinned_checksum_goes_before_a_published_one(
    fetch: Callable[..., dict[str, Path]],
    handing_out: Callable[[httpx.Request], httpx.Response],
    lamp_archive: tuple[str, bytes],
    archive_url: str,
) -> None:
    name, content = lamp_archive

    with pytest.raises(InstallFailed) as raised:
        fetch(handing_out, sha256={name: "0" * 64})

    assert str(raised.value) == (
        f"{archive_url}: its SHA-256 is {hashlib.sha256(content).hexdigest()}; {'0' * 64} was expected; nothing of it was kept"
    )


def test_a_release_with_neither_pin_nor_published_checksum_is_refused(
    fetch: Callable[..., dict[str, Path]],
    handing_out: Callable[[httpx.Request], httpx.Response],
    lamp_archive: tuple[str, bytes],
) -> None:
    with pytest.raises(Unavailable) as raised:
        fetch(handing_out, checksums="")

    assert str(raised.value) == f"{lamp_archive[0]}: no SHA-256 is pinned, and its publisher names none; refused"


def test_a_release_that_its_publisher_does_not_list_is_refused(
    fetch: Callable[..., dict[str, Path]],
    handing_out: Callable[[httpx.Request], httpx.Response],
    served: Any,
    lamp_archive: tuple[str, bytes],
) -> None:
    served["sha256sums.txt"] = b"0000  other\n"

    with pytest.raises(Unavailable) as raised:
        fetch(handing_out)

    assert str(raised.value) == f"https://lantern.invalid/sha256sums.txt: no SHA-256 of {lamp_archive[0]}; refused"


def test_an_answer_that_is_not_200_is_told(
    fetch: Callable[..., dict[str, Path]],
    handing_out: Callable[[httpx.Request], httpx.Response],
    served: Any,
    lamp_archive: tuple[str, bytes],
    archive_url: str,
) -> None:
    del served[lamp_archive[0]]

    with pytest.raises(Unavailable) as raised:
        fetch(handing_out)

    assert str(raised.value) == f"{archive_url}: the answer is HTTP 404; 200 was expected"


def test_a_way_that_leads_away_from_https_is_refused(fetch: Callable[..., dict[str, Path]]) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.scheme == "https":
            return httpx.Response(302, headers={"Location": "http://mirror.invalid/sums"})
        return httpx.Response(200, content=b"")

    with pytest.raises(InstallFailed) as raised:
        fetch(answer)

    assert str(raised.value) == (
        "https://lantern.invalid/sha256sums.txt: leads to http://mirror.invalid/sums, which is not https; refused"
    )


def test_a_host_that_does_not_answer_is_tried_once() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        raise httpx.ConnectTimeout("timed out")

    fetcher = a_fetcher(answer)
    said = []
    for url in ("https://one.invalid/a", "https://one.invalid/b", "https://two.invalid/a"):
        with pytest.raises(Unavailable) as raised:
            fetcher.text(url)
        said.append(str(raised.value))

    assert asked == ["https://one.invalid/a", "https://two.invalid/a"]
    assert said == ["one.invalid cannot be reached (timed out)"] * 2 + ["two.invalid cannot be reached (timed out)"]
    assert fetcher.gave_up("https://one.invalid/c")


def test_a_download_that_is_too_large_is_refused(tmp_path: Path) -> None:
    fetcher = a_fetcher(lambda _: httpx.Response(200, content=iter([b"12345"])))

    with pytest.raises(InstallFailed) as raised:
        fetcher.save("https://lantern.invalid/a", tmp_path / "a", largest=4)

    assert str(raised.value) == "https://lantern.invalid/a: more than 4 bytes; refused"


def test_a_host_is_given_five_seconds_to_accept_a_connection() -> None:
    with a_client() as client:
        assert client.timeout == httpx.Timeout(30, connect=5)


def test_checksum_lists_are_read_in_both_styles() -> None:
    one, two = "a" * 64, "B" * 64

    assert checksums(f"{one}  lamp.tar.gz\n{two} *wick.tar.gz\n# a note\nshort lamp\n") == {
        "lamp.tar.gz": one,
        "wick.tar.gz": two.lower(),
    }


def test_a_checksum_that_stands_alone_is_that_of_the_file_that_it_is_published_for() -> None:
    assert checksums(f"{'A' * 64}\n", "lamp.tar.gz") == {"lamp.tar.gz": "a" * 64}
    assert checksums("<html>", "lamp.tar.gz") == {}
