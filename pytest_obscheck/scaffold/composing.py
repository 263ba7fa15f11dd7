"""What Docker Compose makes of a file before anything runs: its variables, from the `.env` beside it, and its `env_file`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

NAMES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
"""The files that Compose reads where it is told of none, the first that is there."""
_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<plain>[A-Za-z_]\w*)|\{(?P<name>[A-Za-z_]\w*)(?:(?P<op>:?[-+?])(?P<word>[^}]*))?\})"
)
_OURS = (
    "--config.file",
    "--storage.path",
    "--storage.tsdb.path",
    "--storage.agent.path",
    "--web.listen-address",
    "--web.console",
)
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][\w.]*)\s*=\s*(.*?)\s*")


def composed(value: Any, folder: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return the services of a file in ``folder``, with all variables filled in and each environment as a mapping.

    A variable that is not set is empty, as in Compose; the shell's own are not looked at.
    """
    variables = _variables(folder / ".env", {})
    services = value.get("services") if isinstance(value, Mapping) else None
    found = {str(name): filled(spec, variables) for name, spec in services.items()} if isinstance(services, Mapping) else {}
    return {
        name: {**spec, "environment": _environment(spec, folder, variables)}
        for name, spec in found.items()
        if isinstance(spec, Mapping)
    }


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """Return a value with what every variable in its texts stands for."""
    if isinstance(value, Mapping):
        return {name: filled(inner, variables) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, variables) for inner in value]
    return _VARIABLE.sub(lambda found: _meant(found, variables), value) if isinstance(value, str) else value


def _meant(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    text, op, word = variables.get(found["plain"] or found["name"]), found["op"] or "", found["word"] or ""
    there = bool(text) if op.startswith(":") else text is not None
    if op.endswith("+"):
        return word if there else ""
    return text or "" if there or not op.endswith("-") else word


def _environment(spec: Mapping[str, Any], folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    named = spec.get("env_file") or ()
    files = [named] if isinstance(named, str | Mapping) else named
    paths = [each.get("path", "") if isinstance(each, Mapping) else each for each in files]
    read = {name: text for path in paths for name, text in _variables(folder / str(path), variables).items()}
    return read | dict(_pairs(spec.get("environment"), variables))


def _pairs(value: Any, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield an environment, which is a mapping or a list; a name alone stands for the variable of that name."""
    entries = value.items() if isinstance(value, Mapping) else [str(each).partition("=")[::2] for each in value or ()]
    alone = set() if isinstance(value, Mapping) else {str(each) for each in value or () if "=" not in str(each)}
    for name, text in entries:
        if text is None or str(name) in alone:
            yield str(name), variables.get(str(name), "")
        else:
            yield str(name), str(text).lower() if isinstance(text, bool) else str(text)


def _variables(path: Path, known: Mapping[str, str]) -> dict[str, str]:
    """Return what a file of ``NAME=value`` lines says; nothing where there is none."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else ():
        pair = _LINE.fullmatch(line)
        if pair:
            bare = (
                pair[2][1:-1] if pair[2][:1] in ("'", '"') and pair[2][-1:] == pair[2][:1] else re.sub(r"\s+#.*", "", pair[2])
            )
            found[pair[1]] = filled(bare, {**known, **found})
    return found


def _unquoted(text: str) -> str:
    """Return what is between quotes, or before a comment."""
    quoted = re.match(r"(['\"])(.*?)\1", text)
    return quoted[2] if quoted else re.sub(r"(?:^|\s+)#.*", "", text)


def _product(spec: Mapping[str, Any]) -> str:
    """Return which of the programs that the harness brings a container runs: prometheus, alertmanager, or none."""
    image = str(spec.get("image") or "").rpartition("/")[2].partition("@")[0].partition(":")[0]
    return image if image in ("prometheus", "alertmanager") else ""


def flags(services: Mapping[str, Mapping[str, Any]], which: str) -> list[str]:
    """Return the flags with which a program is started there."""
    spec = next((each for each in services.values() if _product(each) == which), {})
    command = spec.get("command") or ()
    words = command.split() if isinstance(command, str) else map(str, command)
    return [word for word in words if word.startswith("--") and not word.startswith(_OURS)]
