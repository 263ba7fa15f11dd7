"""How Docker Compose lays one description of a service over another.

https://docs.docker.com/reference/compose-file/merge/. Each is first brought into one form, in which names and targets are keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_obscheck.scaffold.dotenv import filled, read_variables

Spec = Mapping[str, Any]
_WHOLE = ("command", "entrypoint", "test")
"""What replaces what was there, however it is written."""


def in_one_form(spec: Spec, folder: Path, variables: Mapping[str, str]) -> Spec:
    """Return a service with variables filled in, paths below ``folder``, and what may be a list or a mapping as one."""
    read: Spec = filled(spec, variables)
    forms: dict[str, Callable[[Any], Any]] = {
        "environment": lambda value: dict(_pairs(value, variables)),
        "env_file": lambda value: dict(_env_files(value, folder, variables)),
        "volumes": lambda value: dict(_volumes(value, folder)),
        "depends_on": lambda value: dict.fromkeys(map(str, value), True),
    }
    return {name: forms[name](value) if name in forms and value else value for name, value in read.items()}


def laid(under: Any, over: Any, key: str = "") -> Any:
    """Return what Compose makes of two values, of which the second one overrides: lists grow, mappings merge."""
    if key in _WHOLE:
        return over
    if over is None:
        return under
    if isinstance(under, Mapping) and isinstance(over, Mapping):
        return {**under, **{name: laid(under.get(name), value, str(name)) for name, value in over.items()}}
    if isinstance(under, list) and isinstance(over, list):
        return [*under, *(each for each in over if each not in under)]
    return over


def without(value: Any, path: Sequence[str | int]) -> Any:
    """Return a mapping without what is at a path; as it is where there is nothing."""
    if not isinstance(value, Mapping) or path[0] not in value:
        return value
    rest = {name: inner for name, inner in value.items() if name != path[0]}
    return rest if len(path) == 1 else {**value, path[0]: without(value[path[0]], path[1:])}


def listed(value: Any) -> list[Any]:
    """Return what may be one or several as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def _pairs(value: Any, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield an environment; a name alone stands for the variable of that name."""
    entries = value.items() if isinstance(value, Mapping) else map(_pair, value)
    for name, text in entries:
        if text is None:
            yield str(name), variables.get(str(name), "")
        else:
            yield str(name), str(text).lower() if isinstance(text, bool) else str(text)


def _pair(entry: Any) -> tuple[str, str | None]:
    name, sign, text = str(entry).partition("=")
    return name, text if sign else None


def _env_files(value: Any, folder: Path, variables: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield path → what the file says; nothing for one that is not there and need not be."""
    for each in listed(value):
        spec = each if isinstance(each, Mapping) else {"path": each}
        path = folder / str(spec.get("path", ""))
        if path.is_file() or spec.get("required", True):
            yield str(path), read_variables(path, variables)


def _volumes(value: Iterable[Any], folder: Path) -> Iterator[tuple[str, str]]:
    """Yield path in the container → the folder or file of this machine, or the name of a volume."""
    for each in value:
        if isinstance(each, Mapping):
            source, target = str(each.get("source", "")), str(each.get("target", ""))
            bound = each.get("type") == "bind"
        else:
            source, _, rest = str(each).partition(":")
            target, bound = rest.partition(":")[0] or source, bool(rest) and source.startswith(".")
        yield target.rstrip("/") or "/", str((folder / source).resolve()) if bound else source
