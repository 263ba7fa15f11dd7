"""Name → class through entry points, with "did you mean"."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pytest_obscheck.errors import did_you_mean

KINDS = ("components", "runtimes", "faults", "loads", "expectations", "sinks", "reports")


class UnknownName(LookupError):
    """No extension of that kind has this name; the message says which is near."""


@cache
def _installed() -> Mapping[str, Sequence[EntryPoint]]:
    """Return what all installed packages register, by kind; to search them takes as long for one kind as for all."""
    every = entry_points()
    return {kind: tuple(every.select(group=f"obscheck.{kind}")) for kind in KINDS}


def _entries(kind: str) -> Mapping[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in _installed().get(kind, ()):
        first = found.setdefault(entry.name, entry)
        if entry.value != first.value:  # a package that is installed twice says the same twice
            what = f"two {kind} are called {entry.name!r}: {first.value} and {entry.value}"
            raise UnknownName(f"{what}; give one of them another name in its pyproject.toml, and install that again")
    return found


def names(kind: str) -> list[str]:
    """Return the registered names of a kind (``faults``, ``sinks`` …), sorted."""
    return sorted(_entries(kind))


def find(kind: str, name: str) -> type[Any]:
    """Return the class registered under a name; ``UnknownName`` where there is none."""
    entry = _entries(kind).get(name)
    if entry is None:
        raise UnknownName(f"no {kind.rstrip('s')} called {name!r}; {did_you_mean(name, names(kind))}")
    loaded: type[Any] = entry.load()
    return loaded


def name_of(extension: type) -> str:
    """Return the name under which a class is registered; ``UnknownName`` where it is not."""
    wanted = f"{extension.__module__}:{extension.__qualname__}"
    for kind in KINDS:
        for name, entry in _entries(kind).items():
            if entry.value == wanted:
                return name
    raise UnknownName(
        f"{wanted} is not registered; add it to [project.entry-points] of its pyproject.toml and install that again"
    )


class Names(Mapping[type, str]):
    """Class → the name under which it is registered, as a mapping."""

    def __getitem__(self, extension: type) -> str:
        """Return the name; ``UnknownName`` where the class is not registered."""
        return name_of(extension)

    def __iter__(self) -> Iterator[type]:
        """Yield every registered class."""
        return (find(kind, name) for kind in KINDS for name in names(kind))

    def __len__(self) -> int:
        """Return how many there are."""
        return sum(len(names(kind)) for kind in KINDS)
