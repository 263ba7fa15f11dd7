"""Release archives: fetched once per host that answers, and refused without a SHA-256 that was pinned or published."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_obscheck.errors import InstallFailed
from pytest_obscheck.toolchain.archive import LARGEST, unfold, unpack
from pytest_obscheck.toolchain.index import Distribution, Entry, Platform

if TYPE_CHECKING:
    import httpx

LONGEST_LIST = 1 << 20  # bytes of a publisher's list of checksums


class Unavailable(InstallFailed):
    """A release archive cannot be had; nothing was found to be wrong with it, so another way may be tried."""


@dataclass(frozen=True)
class Fetcher:
    """Fetches over HTTP and remembers in ``down`` which hosts did not answer, and why, so that none is tried twice."""

    client: httpx.Client
    down: dict[str, str] = field(default_factory=dict)

    def gave_up(self, url: str) -> bool:
        """Whether the host of a URL did not answer before."""
        import httpx  # noqa: PLC0415 -- takes 0.1 s that every run can spare

        return httpx.URL(url).host in self.down

    def text(self, url: str) -> str:
        """Return a short text; ``Unavailable`` where it cannot be had."""
        return b"".join(self._chunks(url, LONGEST_LIST)).decode("utf-8", "replace")

    def save(self, url: str, into: Path, largest: int = LARGEST) -> str:
        """Write a download to a file and return its SHA-256; ``Unavailable`` where it cannot be had whole."""
        digest = hashlib.sha256()
        with into.open("wb") as file:
            for chunk in self._chunks(url, largest):
                digest.update(chunk)
                file.write(chunk)
        return digest.hexdigest()

    def _chunks(self, url: str, largest: int) -> Iterator[bytes]:
        size = 0
        with self._answering(url), self.client.stream("GET", url) as response:
            _check_answer(url, response)
            for chunk in response.iter_raw():
                size += len(chunk)
                if size > largest:
                    raise InstallFailed(f"{url}: more than {largest} bytes; refused")
                yield chunk

    @contextmanager
    def _answering(self, url: str) -> Iterator[None]:
        import httpx  # noqa: PLC0415 -- takes 0.1 s that every run can spare

        host = httpx.URL(url).host
        if host in self.down:
            raise Unavailable(self.down[host])
        try:
            yield
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            self.down[host] = f"{host} cannot be reached ({error})"
            raise Unavailable(self.down[host]) from error
        except httpx.HTTPError as error:
            raise Unavailable(f"{url}: the download broke off ({error})") from error


def a_client() -> httpx.Client:
    """Return a client that gives a host 5 s to accept a connection and 30 s to go on, through the shell's proxy if any."""
    import httpx  # noqa: PLC0415 -- takes 0.1 s that every run can spare

    return httpx.Client(timeout=httpx.Timeout(30, connect=5), follow_redirects=True, headers={"Accept-Encoding": "identity"})


def _check_answer(url: str, response: httpx.Response) -> None:
    hops = [hop.url for hop in (*response.history, response)]
    if url.startswith("https:") and any(hop.scheme != "https" for hop in hops):
        raise InstallFailed(f"{url}: leads to {hops[-1]}, which is not https; refused")
    if response.status_code != 200:
        raise Unavailable(f"{url}: the answer is HTTP {response.status_code}; 200 was expected")


def from_release(
    distribution: Distribution, wanted: list[Entry], here: Platform, fetcher: Fetcher, folder: Path
) -> dict[str, Path]:
    """Fetch the release archive and return the wanted programs, by name, as files in ``folder``.

    ``Unavailable`` where there is no such archive or no SHA-256 of it, ``InstallFailed`` where it is not what it should be.
    """
    url = distribution.fill(distribution.archive, here)
    expected = _expected(distribution, here, url.rsplit("/", 1)[1], fetcher)
    archive = folder / "archive"
    got = fetcher.save(url, archive)
    if got != expected:
        raise InstallFailed(f"{url}: its SHA-256 is {got}; {expected} was expected; nothing of it was kept")
    return _programs(distribution, wanted, here, archive)


def _programs(distribution: Distribution, wanted: list[Entry], here: Platform, archive: Path) -> dict[str, Path]:
    if distribution.home:
        home = unfold(archive, archive.parent / "home", [distribution.home, *(entry.member for entry in wanted)])
        return {entry.name: home / entry.member for entry in wanted}
    if not any(entry.member for entry in wanted):
        return {entry.name: archive for entry in wanted}
    made = {entry.name: archive.parent / entry.name for entry in wanted}
    unpack(archive, {distribution.fill(entry.member, here): made[entry.name] for entry in wanted})
    return made


def _expected(distribution: Distribution, here: Platform, file: str, fetcher: Fetcher) -> str:
    if file in distribution.sha256:
        return distribution.sha256[file].lower()
    if not distribution.checksums:
        raise Unavailable(f"{file}: no SHA-256 is pinned, and its publisher names none; refused")
    url = distribution.fill(distribution.checksums, here)
    published = checksums(fetcher.text(url), url.rsplit("/", 1)[1].removesuffix(".sha256"))
    if file not in published:
        raise Unavailable(f"{url}: no SHA-256 of {file}; refused")
    return published[file]


def checksums(text: str, alone: str = "") -> dict[str, str]:
    """Return file name → SHA-256 from the lines of ``sha256sum``; other lines are passed over.

    ``alone``: the file that a text is about which is one SHA-256 and nothing else.
    """
    words = [line.split() for line in text.splitlines()]
    if [len(line) for line in words] == [1]:
        words = [[*words[0], alone]]
    return {two[1].lstrip("*"): two[0].lower() for two in words if len(two) == 2 and len(two[0]) == 64}
