"""What is inside a rendered stream: the files of its ConfigMaps and Secrets, and which template each of its lines is from."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pytest_obscheck.derive import manifests

FOLDER = ".obscheck/rendered"
"""Where rendered files are, from the folder of stack.yaml: messages name their lines, which one can then look at."""
_SOURCE = "# Source: "
"""What ``helm template`` prints above each document, before the path of its template in the chart."""


def unpacked(path: Path) -> dict[str, Path]:
    """Write the files that ConfigMaps and Secrets hold, as a cluster mounts them; return a folder for each by its name.

    ``ValueError`` for a Secret that cannot be read. Files that it held before are gone.
    """
    folders = {}
    for each in manifests(path.read_text(encoding="utf-8"), ("ConfigMap", "Secret")):
        name = str((each.get("metadata") or {}).get("name", ""))
        files = dict(_files(each, name))
        if name and files:
            folders[name] = path.with_name(f"{path.name}.files") / Path(name).name
            _write(folders[name], files)
    return folders


def _files(resource: Mapping[str, Any], name: str) -> Iterator[tuple[str, bytes]]:
    plain = {**(resource.get("stringData") or {}), **((resource.get("data") or {}) if resource["kind"] == "ConfigMap" else {})}
    yield from ((Path(key).name, str(text).encode()) for key, text in plain.items())
    for key, text in (resource.get("data") or {}).items() if resource["kind"] == "Secret" else ():
        try:
            yield Path(key).name, base64.b64decode(str(text))
        except ValueError:
            raise ValueError(f"Secret {name!r}: {key} is not base64; write it under stringData") from None


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            path.touch(mode=0o600)
            path.write_bytes(content)


def sourced(home: Path) -> Callable[[str], str]:
    """Return what adds to a place (``.obscheck/rendered/chart.yaml:12``) the template of the chart that it is from."""

    @cache
    def lines(name: str) -> list[str]:
        return (home / name).read_text(encoding="utf-8").splitlines()

    def placed(where: str) -> str:
        name, _, line = where.rpartition(":")
        if not name.startswith(f"{FOLDER}/") or not line.isdigit():
            return where
        above = (each for each in reversed(lines(name)[: int(line)]) if each.startswith(_SOURCE))
        source = next(above, "").removeprefix(_SOURCE)
        return f"{where} from {source}" if source else where

    return placed
