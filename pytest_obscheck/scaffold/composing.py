"""What Docker Compose makes of its files before anything runs: overrides, `include`, `extends`, profiles, environments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_obscheck.errors import ConfigError, shown_as
from pytest_obscheck.scaffold.composefiles import Reading
from pytest_obscheck.scaffold.dotenv import read_variables
from pytest_obscheck.scaffold.layering import Spec, listed

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
"""The files that Compose reads where it is told of none, the first that is there."""
_OVERRIDES = ("compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml")
_OURS = (
    "--config.file",
    "--storage.path",
    "--storage.tsdb.path",
    "--storage.agent.path",
    "--web.listen-address",
    "--web.console",
)


class Project(NamedTuple):
    """The services that Compose starts, the folder of its first file, all files that it reads, and what it leaves out."""

    folder: Path
    services: Mapping[str, Spec]
    files: Sequence[Path]
    notes: Sequence[str]


def together(path: Path) -> list[Path]:
    """Return the files that Compose merges where it is told of none; ``COMPOSE_FILE`` in the `.env` beside may name them."""
    folder = path.parent
    ours = read_variables(folder / ".env", {})
    if ours.get("COMPOSE_FILE"):
        return [folder / name for name in ours["COMPOSE_FILE"].split(ours.get("COMPOSE_PATH_SEPARATOR") or ":")]
    if path.name not in NAMES:
        return [path]
    first, over = ([folder / name for name in names if (folder / name).is_file()][:1] for names in (NAMES, _OVERRIDES))
    return [*first, *over]


def project(files: Sequence[Path], root: Path) -> Project:
    """Return what Compose makes of these files, merged in this order; ``ConfigError`` with everything that it would refuse.

    Of variables those of the `.env` beside the first file count; the shell's own are not looked at.
    """
    folder = files[0].parent
    known = read_variables(folder / ".env", {})
    reading = Reading(root)
    services = reading.merged(files, folder, known, ())
    if reading.problems:
        raise ConfigError(reading.problems)
    wanted = {name.strip() for name in known.get("COMPOSE_PROFILES", "").split(",")}
    started = {name: spec for name, spec in services.items() if _starts(spec, wanted)}
    notes = [*reading.notes, *_left_out(services, started), *_missing(started, root)]
    return Project(folder, {name: _finished(spec) for name, spec in started.items()}, list(reading.documents), notes)


def _starts(spec: Spec, wanted: set[str]) -> bool:
    profiles = set(map(str, listed(spec.get("profiles"))))
    return not profiles or "*" in wanted or bool(profiles & wanted)


def _left_out(services: Mapping[str, Spec], started: Mapping[str, Spec]) -> Iterator[str]:
    for name in services.keys() - started.keys():
        profile = listed(services[name].get("profiles"))[0]
        yield f"service {name!r} of Compose: passed over, for it has a profile; COMPOSE_PROFILES={profile} in .env starts it"


def _missing(services: Mapping[str, Spec], root: Path) -> Iterator[str]:
    for name, spec in services.items():
        for path in map(Path, spec.get("env_file") or ()):
            if not path.is_file():
                yield f"service {name!r} of Compose: its env_file {shown_as(path.resolve(), root)} is not there"


def _finished(spec: Spec) -> Spec:
    """Return a service with one environment: what stands in files counts less."""
    read: dict[str, str] = {}
    for each in (spec.get("env_file") or {}).values():
        read |= each
    return {**spec, "environment": read | (spec.get("environment") or {})}


def _product(spec: Spec) -> str:
    """Return which of the programs that the harness brings a container runs: prometheus, alertmanager, or none."""
    image = str(spec.get("image") or "").rpartition("/")[2].partition("@")[0].partition(":")[0]
    return image if image in ("prometheus", "alertmanager") else ""


def flags(services: Mapping[str, Spec], which: str) -> list[str]:
    """Return the flags with which a program is started there."""
    spec = next((each for each in services.values() if _product(each) == which), {})
    command = spec.get("command") or ()
    words = command.split() if isinstance(command, str) else map(str, command)
    return [word for word in words if word.startswith("--") and not word.startswith(_OURS)]
