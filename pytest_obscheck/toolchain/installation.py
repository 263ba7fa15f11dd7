"""Putting programs into the cache: from their release archive, else from their Go module."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_obscheck.clock import Clock, SystemClock
from pytest_obscheck.errors import InstallFailed
from pytest_obscheck.toolchain.gobuild import a_go_for, build, seconds
from pytest_obscheck.toolchain.index import Distribution, Entry, Index, the_index, this_platform
from pytest_obscheck.toolchain.programs import Missing, ask_version, exactly
from pytest_obscheck.toolchain.release import Fetcher, Unavailable, a_client, from_release
from pytest_obscheck.toolchain.store import cache_folder, keep, kept_at, workplace

WAYS = ("release", "go")
BY_HAND = "unpack a release of it, and put the folder of its program on PATH"


@dataclass(frozen=True)
class Means:
    """What one installation works with; ``told`` holds what need not be said again."""

    tell: Callable[[str], None]
    environment: Mapping[str, str]
    index: Index
    fetcher: Fetcher
    clock: Clock
    via: str | None = None
    told: set[str] = field(default_factory=set)

    @property
    def cache(self) -> Path:
        """Return the folder that programs are put into."""
        return cache_folder(self.environment)


def install(
    names: Sequence[str],
    via: str | None = None,
    tell: Callable[[str], None] = print,
    environment: Mapping[str, str] | None = None,
    index: Index | None = None,
) -> None:
    """Put programs into the cache; no names mean the usual ones, ``all`` every program of the index.

    Without ``via`` (``release`` or ``go``) a usable program on PATH is enough, and a Go build follows where the release
    archive cannot be had; with it, the program gets into the cache in that way or not at all. ``ProgramMissing`` for names that
    the index does not know; ``InstallFailed``, at the end, with everything that did not work.
    """
    if via not in (None, *WAYS):
        raise InstallFailed(f"no way to install called {via!r}; known are: {', '.join(WAYS)}")
    with a_client() as client:
        around = dict(os.environ if environment is None else environment)
        install_with(Means(tell, around, index or the_index(), Fetcher(client), SystemClock(), via), names)


def install_with(means: Means, names: Sequence[str]) -> None:
    """Install by the given means; see ``install``."""
    chosen = means.index.names() if "all" in names else list(names) or means.index.usual()
    means.index.check(chosen)
    asked = {means.index.exact(name): name for name in chosen}
    failures = [failure for distribution in means.index.distributions for failure in _failures(means, distribution, asked)]
    if failures:
        raise InstallFailed("\n".join(failures))


def _failures(means: Means, distribution: Distribution, asked: Mapping[str, str]) -> Iterator[str]:
    chosen = [(entry, asked[name]) for entry in distribution.programs if (name := distribution.called(entry)) in asked]
    wanted = [(entry, name) for entry, name in chosen if not _settled(means, name)]
    if not wanted:
        return
    try:
        with workplace(means.cache, distribution.name, means.tell) as folder:
            # Looked at again: another installation may have done it while this one waited for the cache.
            left = [entry for entry, name in wanted if not _settled(means, name)]
            _get(means, distribution, left, folder)
    except InstallFailed as failure:
        yield f"{', '.join(name for _, name in wanted)}: {failure}"


def _settled(means: Means, name: str) -> bool:
    around = {**means.environment, "PATH": ""} if means.via else means.environment
    found = exactly(name, around, means.index)
    if isinstance(found, Missing):
        return False
    where = "in the cache" if found.source == "cache" else "on PATH"
    means.tell(f"{found.name} {found.version}: already {where} ({found.path})")
    return True


def _get(means: Means, distribution: Distribution, wanted: list[Entry], folder: Path) -> None:
    if not wanted:
        return
    if means.via != "go":
        try:
            _fetch(means, distribution, wanted, folder)
        except Unavailable as reason:
            if not distribution.module:
                raise InstallFailed(f"{reason}; {BY_HAND}") from reason
            if means.via == "release":
                raise
            _tell_once(means, f"{reason}; building from Go modules instead")
        else:
            return
    _build(means, distribution, wanted, folder)


def _tell_once(means: Means, line: str) -> None:
    if line not in means.told:
        means.told.add(line)
        means.tell(line)


def _fetch(means: Means, distribution: Distribution, wanted: list[Entry], folder: Path) -> None:
    here = this_platform()
    if not distribution.archive:
        raise Unavailable(f"{distribution.name}: no release archive of it is read here")
    url = distribution.fill(distribution.archive, here)
    if not means.fetcher.gave_up(url):
        means.tell(f"fetching {', '.join(entry.name for entry in wanted)} {distribution.version} from {url}")
    made = from_release(distribution, wanted, here, means.fetcher, folder)
    for entry in wanted:
        _keep(means, distribution, entry, made[entry.name])


def _build(means: Means, distribution: Distribution, wanted: list[Entry], folder: Path) -> None:
    if not distribution.module:
        raise InstallFailed(f"its Go module does not build without steps of its own; {BY_HAND}")
    go = a_go_for(distribution, means.environment)
    for entry in wanted:
        known = {each.name for each in distribution.programs if kept_at(means.cache, distribution, each).is_file()}
        module = distribution.module.split()[1]
        about = f"about {seconds(distribution, entry, known)} s on 2 cores, less where Go has built it before"
        means.tell(f"building {entry.name} {distribution.version} from its Go module ({module}): {about}")
        begin = means.clock.now()
        build(go, distribution, entry, folder / entry.name, means.environment)
        _keep(means, distribution, entry, folder / entry.name, f" in {means.clock.now() - begin:.0f} s")


def _keep(means: Means, distribution: Distribution, entry: Entry, made: Path, took: str = "") -> None:
    made.chmod(0o755)
    version, wrong = ask_version(made, distribution)
    if wrong:
        raise InstallFailed(f"what came does not work: {wrong}")
    if version != distribution.version:
        raise InstallFailed(f"what came is version {version!r}; {distribution.version!r} was expected; it was not kept")
    place = kept_at(means.cache, distribution, entry)
    keep(*((made.parent.parent, place.parent.parent) if distribution.home else (made, place)))
    means.tell(f"{entry.name} {distribution.version}: installed{took} ({place})")
