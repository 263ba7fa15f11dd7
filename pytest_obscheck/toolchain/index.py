"""The index: every program that the harness can install, its version, and where that version comes from."""

from __future__ import annotations

import platform
import sys
import tomllib
from collections.abc import Iterable, Mapping
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
    package: str
    seconds: int
    tags: str = ""
    member: str = ""
    inside: str = ""


@dataclass(frozen=True)
class Distribution:
    """Programs that are released, archived and locked together; the fields are explained at the top of ``index.toml``."""

    name: str
    version: str
    minimum: str
    module: str
    ldflags: str
    asks: str
    says: str
    programs: tuple[Entry, ...]
    lock: Path
    archive: str = ""
    checksums: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)
    usual: bool = True
    image: str = ""

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
    """All distributions, and a way to find a program among them."""

    distributions: tuple[Distribution, ...]

    def names(self) -> list[str]:
        """Return the names of all programs, in the order of the index."""
        return [entry.name for distribution in self.distributions for entry in distribution.programs]

    def usual(self) -> list[str]:
        """Return the names of the programs that are installed where none is named."""
        return [entry.name for distribution in self.distributions if distribution.usual for entry in distribution.programs]

    def of(self, name: str) -> tuple[Distribution, Entry]:
        """Return a program and its distribution; ``ProgramMissing`` where the index does not know it."""
        self.check([name])
        return next((d, entry) for d in self.distributions for entry in d.programs if entry.name == name)

    def check(self, names: Iterable[str]) -> None:
        """Raise ``ProgramMissing`` with one line for every name that the index does not know."""
        known = self.names()
        wrong = [f"no program called {name!r}; {did_you_mean(name, known)}" for name in names if name not in known]
        if wrong:
            raise ProgramMissing("\n".join(wrong))


def this_platform() -> Platform:
    """Return the platform that this process runs on; an unknown architecture keeps its own name."""
    machine = platform.machine().lower()
    return Platform(sys.platform, ARCHITECTURES.get(machine, machine))


def parse_index(text: str, locks: Path) -> Index:
    """Return the index that a TOML text describes; ``locks`` holds a folder with go.mod and go.sum per distribution."""
    return Index(tuple(_distribution(name, table, locks / name) for name, table in tomllib.loads(text).items()))


def _distribution(name: str, table: Mapping[str, Any], lock: Path) -> Distribution:
    programs = tuple(Entry(name=program, **fields) for program, fields in table["programs"].items())
    rest = {key: value for key, value in table.items() if key != "programs"}
    return Distribution(name=name, programs=programs, lock=lock, **rest)


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


def distribution_of(name: str) -> str:
    """Return the name of the distribution that a program is part of: ``prometheus`` for ``promtool``."""
    return the_index().of(name)[0].name


def image_of(name: str) -> Image | None:
    """Return the image in which a program of the index can run; ``None`` where it has none, or is not in the index."""
    if name not in index_names():
        return None
    distribution, entry = the_index().of(name)
    return Image(distribution.fill(distribution.image), entry.inside) if entry.inside else None
