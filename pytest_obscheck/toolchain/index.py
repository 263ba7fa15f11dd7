"""The index: every program that the harness can install, its version, and where that version comes from."""

from __future__ import annotations

import platform
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from pytest_obscheck.errors import ProgramMissing, did_you_mean
from pytest_obscheck.protocols import Image

HERE = Path(__file__).parent
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class Entry:
    """One program of a distribution; ``seconds`` is what its build took on 2 cores after the programs before it."""

    name: str
    package: str = ""
    seconds: int = 0
    tags: str = ""
    member: str = ""
    inside: str = ""


@dataclass(frozen=True)
class Distribution:
    """Programs that are released, archived and locked together; the fields are explained at the top of ``index.toml``.

    ``line``: of which line of versions it is, where that is another than the usual one.
    """

    name: str
    version: str
    minimum: str
    asks: str
    says: str
    programs: tuple[Entry, ...]
    lock: Path
    module: str = ""
    ldflags: str = ""
    archive: str = ""
    checksums: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)
    usual: bool = True
    image: str = ""
    tree: bool = False
    absent: tuple[str, ...] = ()
    home: str = ""
    line: str = ""

    def called(self, entry: Entry) -> str:
        """Return the name under which one of its programs is asked for: ``prometheus``, or ``prometheus@2.53``."""
        return f"{entry.name}@{self.line}" if self.line else entry.name

    def is_of(self, version: str) -> bool:
        """Whether it is of the line that a version is of: 2.53.3 of that of ``2.53``, ``v2.53.1`` and ``2``."""
        return same_line(version, self.line or self.version)

    def fill(self, template: str, here: Platform | None = None) -> str:
        """Return a template with the version, and the platform where one is given, put in."""
        places = {"os": here.os, "arch": here.arch} if here else {}
        return template.format(version=self.version, **places)


@dataclass(frozen=True)
class Platform:
    """An operating system and an architecture as release archives name them: ``linux``, ``amd64``."""

    os: str
    arch: str


@dataclass(frozen=True)
class Index:
    """All distributions, and a way to find a program among them. A name may ask for a line of versions: ``promtool@2.53``."""

    distributions: tuple[Distribution, ...]

    def names(self) -> list[str]:
        """Return the names of all programs in their usual versions, in the order of the index."""
        return [entry.name for each in self.distributions if not each.line for entry in each.programs]

    def others(self) -> list[str]:
        """Return the names of the programs of other lines."""
        return [each.called(entry) for each in self.distributions if each.line for entry in each.programs]

    def usual(self) -> list[str]:
        """Return the names of the programs that are installed where none is named."""
        return [entry.name for each in self.distributions if each.usual and not each.line for entry in each.programs]

    def of(self, name: str) -> tuple[Distribution, Entry]:
        """Return a program and its distribution, the usual one where the line that is asked for is not in the index.

        ``ProgramMissing`` where the index does not know the program.
        """
        self.check([name])
        program, _, version = name.partition("@")
        every = [(each, entry) for each in self.distributions for entry in each.programs if entry.name == program]
        return next((found for found in every if version and found[0].is_of(version)), every[0])

    def exact(self, name: str) -> str:
        """Return what the index itself calls a program; ``ProgramMissing`` where it has none of that line."""
        (distribution, entry), version = self.of(name), name.partition("@")[2]
        if version and not distribution.is_of(version):
            raise ProgramMissing(f"no {entry.name} {version} is in the index; known are: {', '.join(self.lines(name))}")
        return distribution.called(entry)

    def lines(self, name: str) -> list[str]:
        """Return the versions in which the index has a program."""
        program = name.partition("@")[0]
        return [each.version for each in self.distributions for entry in each.programs if entry.name == program]

    def check(self, names: Iterable[str]) -> None:
        """Raise ``ProgramMissing`` with one line for every program that the index does not know."""
        known = self.names()
        asked = [name.partition("@")[0] for name in names]
        wrong = [f"no program called {name!r}; {did_you_mean(name, known)}" for name in asked if name not in known]
        if wrong:
            raise ProgramMissing("\n".join(wrong))


def this_platform() -> Platform:
    """Return the platform that this process runs on; an unknown architecture keeps its own name."""
    machine = platform.machine().lower()
    return Platform(sys.platform, ARCHITECTURES.get(machine, machine))


def parse_index(text: str, locks: Path) -> Index:
    """Return the index that a TOML text describes; ``locks`` holds a folder with go.mod and go.sum per distribution."""
    return Index(tuple(each for name, table in tomllib.loads(text).items() for each in _distributions(name, table, locks)))


def _distributions(name: str, table: Mapping[str, Any], locks: Path) -> Iterator[Distribution]:
    """Yield a distribution in its usual version, then in its other lines."""
    programs = tuple(Entry(name=program, **fields) for program, fields in table["programs"].items())
    rest = {key: value for key, value in table.items() if key not in ("programs", "lines")}
    yield Distribution(name=name, programs=programs, lock=locks / name, **rest)
    for line, more in table.get("lines", {}).items():
        yield Distribution(name=name, programs=programs, lock=locks / f"{name}-{line}", line=line, **{**rest, **more})


def same_line(one: str, other: str) -> bool:
    """Whether two versions agree in their first two numbers, as far as both have them: ``v2.53.4`` and ``2.53``, ``3`` too."""
    pairs = zip(_first_two(one), _first_two(other), strict=False)
    return all(ours == theirs for ours, theirs in pairs)


def _first_two(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:2]]


@cache
def the_index() -> Index:
    """Return the index that is part of this package."""
    return parse_index((HERE / "index.toml").read_text(encoding="utf-8"), HERE / "locks")


def index_names() -> list[str]:
    """Return the names of all programs that can be installed."""
    return the_index().names()


def usual_names() -> list[str]:
    """Return the names of the programs that are installed unless others are asked for."""
    return the_index().usual()


def check_names(names: Iterable[str]) -> None:
    """Raise ``ProgramMissing`` with one line for every program that the index does not know."""
    the_index().check(names)


def knows(name: str) -> bool:
    """Whether the index has a program, in whatever version it is asked for."""
    return name.partition("@")[0] in index_names()


def distribution_of(name: str) -> str:
    """Return the name of the distribution that a program is part of: ``prometheus`` for ``promtool``."""
    return the_index().of(name)[0].name


def pinned(name: str) -> str:
    """Return the version in which a program of the index is installed."""
    return the_index().of(name)[0].version


def image_of(name: str) -> Image | None:
    """Return the image in which a program of the index can run; ``None`` where it has none, or is not in the index."""
    if not knows(name):
        return None
    distribution, entry = the_index().of(name)
    return Image(distribution.fill(distribution.image), entry.inside, bool(distribution.home)) if entry.inside else None
