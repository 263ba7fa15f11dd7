"""The variables of Docker Compose: what `${NAME}` stands for, and what a file of `NAME=value` lines says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_VARIABLE = re.compile(
    r"\$(?:(?P<dollar>\$)|(?P<plain>[A-Za-z_]\w*)"
    r"|\{(?P<name>[A-Za-z_]\w*)(?:(?P<op>:?[-+?])(?P<word>(?:\$\{[^{}]*\}|[^}])*))?\})"
)
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][\w.]*)\s*[=:]\s*(.*?)\s*")
_QUOTED = re.compile(r"(['\"])(.*?)\1\s*(?:#.*)?")


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """Return a value with what every variable in its texts stands for; one that is not set is empty."""
    if isinstance(value, Mapping):
        return {name: filled(inner, variables) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, variables) for inner in value]
    return _VARIABLE.sub(lambda found: _meant(found, variables), value) if isinstance(value, str) else value


def read_variables(path: Path, known: Mapping[str, str]) -> dict[str, str]:
    """Return what a file of ``NAME=value`` lines says; nothing where there is none."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines() if path.is_file() else ():
        pair = _LINE.fullmatch(line)
        if pair:
            found[pair[1]] = _value(pair[2], {**found, **known})
    return found


def _value(text: str, known: Mapping[str, str]) -> str:
    """Return a value without its quotes or the comment behind it; between single quotes a dollar sign means nothing."""
    quoted = _QUOTED.fullmatch(text)
    if quoted and quoted[1] == "'":
        return quoted[2]
    return str(filled(quoted[2] if quoted else re.sub(r"(?:^|\s+)#.*", "", text), known))


def _meant(found: re.Match[str], variables: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    text, op = variables.get(found["plain"] or found["name"]), found["op"] or ""
    there = bool(text) if op.startswith(":") else text is not None
    if op.endswith("+"):
        return _word(found, variables) if there else ""
    return text or "" if there or not op.endswith("-") else _word(found, variables)


def _word(found: re.Match[str], variables: Mapping[str, str]) -> str:
    return str(filled(found["word"], variables))
