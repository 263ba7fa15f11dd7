"""Finding a program that is here already: on PATH, else in the cache; never anything from the network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytest_obscheck.errors import ProgramMissing
from pytest_obscheck.toolchain.index import Distribution, Entry, Index, same_line, the_index
from pytest_obscheck.toolchain.store import cache_folder, kept_at, read_notes, write_notes

UNKNOWN = "unknown"
PATIENCE = 10  # seconds; a program that takes longer to tell its version is no use for a test
NOWHERE = "not found on PATH or in the cache"


@dataclass(frozen=True)
class Program:
    """A program that can be run; ``version`` is ``unknown`` where a hand-made build does not say."""

    name: str
    path: Path
    version: str
    source: Literal["PATH", "cache"]


@dataclass(frozen=True)
class Missing:
    """A program that cannot be run, and why."""

    name: str
    why: str


def find(name: str, environment: Mapping[str, str] | None = None, index: Index | None = None) -> Program:
    """Return a program from PATH, where it is recent enough, else from the cache; ``ProgramMissing`` says how to get it."""
    found = look_for(name, os.environ if environment is None else environment, index or the_index())
    if isinstance(found, Missing):
        raise ProgramMissing(in_words([found]))
    return found


def missing(names: Iterable[str], environment: Mapping[str, str] | None = None, index: Index | None = None) -> list[Missing]:
    """Return those of the programs that cannot be run, with the reason; ``in_words`` makes one sentence of them."""
    around = os.environ if environment is None else environment
    looked = [look_for(name, around, index or the_index()) for name in dict.fromkeys(names)]
    return [found for found in looked if isinstance(found, Missing)]


def in_words(gaps: Sequence[Missing]) -> str:
    """Return one sentence that names all missing programs, why, and the one command that installs them."""
    reasons: dict[str, list[str]] = {}
    for gap in gaps:
        reasons.setdefault(gap.why, []).append(gap.name)
    said = "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())
    return f"{said}; run: obscheck install {' '.join(gap.name for gap in gaps)}"


def look_for(name: str, environment: Mapping[str, str], index: Index) -> Program | Missing:
    """Return the first usable program of that name, else why there is none.

    Where a line of versions is asked for and not here, the usual version is returned: ``unlike`` says what that means.
    """
    found = exactly(name, environment, index)
    program, _, version = name.partition("@")
    if isinstance(found, Program) or not version:
        return found
    usual = exactly(program, environment, index)
    # What is to be installed is what production runs, where that can be had.
    return found if isinstance(usual, Missing) and index.of(name)[0].is_of(version) else usual


def exactly(name: str, environment: Mapping[str, str], index: Index) -> Program | Missing:
    """Return the first usable program of that name and line, else why there is none."""
    distribution, entry = index.of(name)
    asked, cache = name.partition("@")[2], cache_folder(environment)
    refused = []
    for path, source in _places(distribution, entry, cache, environment):
        version, wrong = version_of(path, distribution, cache)
        if asked and not wrong and not _is_of(version, asked):
            wrong = f"{path} is {version}, and no {asked}"
        if not wrong:
            return Program(entry.name, path, version, source)
        refused.append(wrong)
    return Missing(name, "; ".join(refused) or NOWHERE)


def unlike(name: str, environment: Mapping[str, str] | None = None, index: Index | None = None) -> tuple[str, str]:
    """Return how a program differs from the version that is asked for with its name, and what mends that."""
    known, around = index or the_index(), os.environ if environment is None else environment
    program, _, asked = name.partition("@")
    found = look_for(name, around, known)
    if not asked or isinstance(found, Missing) or _is_of(found.version, asked):
        return "", ""
    what = f"production runs {program} {asked}, and here is {found.version}, {_older_or_newer(found.version, asked)}"
    if known.of(name)[0].is_of(asked):
        return what, f"run: obscheck install {name}"
    return what, f"put a {program} {asked} on PATH, or write one that can be installed: {', '.join(known.lines(name))}"


def _is_of(version: str, asked: str) -> bool:
    return version != UNKNOWN and same_line(asked, version)


def _older_or_newer(here: str, asked: str) -> str:
    if here == UNKNOWN:
        return "which tells no version"
    ours, theirs = numbers(here), numbers(asked.removeprefix("v"))
    newer = ours > theirs
    if ours[0] == theirs[0]:
        return "newer" if newer else "older"
    return "a newer major version" if newer else "an older major version"


def _places(
    distribution: Distribution, entry: Entry, cache: Path, environment: Mapping[str, str]
) -> Iterator[tuple[Path, Literal["PATH", "cache"]]]:
    on_path = shutil.which(entry.name, path=environment.get("PATH", ""))
    if on_path:
        yield _at_home(Path(on_path).absolute(), distribution, entry), "PATH"
    kept = kept_at(cache, distribution, entry)
    if kept.is_file():
        yield kept, "cache"


def _at_home(path: Path, distribution: Distribution, entry: Entry) -> Path:
    """Return where a program of PATH is with its home about it, if it has one: behind a link, or where images have it, too."""
    homely = (each for each in (path.resolve(), Path(entry.inside)) if (each.parent.parent / distribution.home).is_file())
    return next(homely, path) if distribution.home else path


def version_of(path: Path, distribution: Distribution, cache: Path) -> tuple[str, str]:
    """Return the version of a program, and why it cannot be used (``""`` where it can); asked once per state of its file."""
    state = _state(path)
    noted = read_notes(cache).get(str(path))
    if isinstance(noted, dict) and noted.get("state") == state:
        return _judged(path, str(noted.get("version")), distribution)
    version, wrong = ask_version(path, distribution)
    if wrong:
        return version, wrong
    write_notes(cache, {**read_notes(cache), str(path): {"state": state, "version": version}})
    return _judged(path, version, distribution)


def _state(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def _judged(path: Path, version: str, distribution: Distribution) -> tuple[str, str]:
    if version == UNKNOWN or numbers(version) >= numbers(distribution.minimum):
        return version, ""
    return version, f"{path} is {version}, too old (at least {distribution.minimum} is needed)"


def ask_version(path: Path, distribution: Distribution) -> tuple[str, str]:
    """Run a program and return the version that it tells, and why it cannot be used (``""`` where it can)."""
    try:
        done = subprocess.run(
            [path, distribution.asks],
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=PATIENCE,
        )
    except OSError as error:
        return UNKNOWN, f"{path} does not run ({error.strerror})"
    except subprocess.TimeoutExpired:
        return UNKNOWN, f"{path} does not answer {distribution.asks} within {PATIENCE} s"
    told = re.search(distribution.says, done.stdout + done.stderr)
    if told:
        return told[1], ""
    return UNKNOWN, f"{path} does not understand {distribution.asks} (exit code {done.returncode})" if done.returncode else ""


def numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version, three of them: ``2.42.0+ds`` is (2, 42, 0)."""
    leading = re.match(r"\d+(?:\.\d+)*", version)
    parts = [int(part) for part in leading[0].split(".")] if leading else []
    return tuple([*parts, 0, 0, 0][:3])
