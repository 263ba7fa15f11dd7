"""Files that hold secrets: never read, but what is plainly wrong about them is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_obscheck.components._files import Reader, Spot, local, settings
from pytest_obscheck.document import Document
from pytest_obscheck.errors import did_you_mean

_LOGS = ("query_log_file", "scrape_failure_log_file")
FOLDER = "name the file in it; where a file that it mounts is missing, Docker makes a folder"


def check_secret_files(reader: Reader, document: Document) -> None:
    """Note every secret file that is a folder, and each whose name is not quite that of a file of the project.

    That one is not here says nothing: where production has it, nobody else should.
    """
    for spot, text in _named(document):
        path = local(reader.place, document.path.parent, text)
        if path.is_dir():
            reader.problem(document, spot, f"{spot[-1]}: {text!r} is a folder", FOLDER)
        elif _of_the_project(text, path) and path.parent.is_dir() and not path.exists():
            near = did_you_mean(path.name, [each.name for each in path.parent.glob(f"*{path.suffix}") if each.is_file()])
            if near.startswith("did"):
                reader.note(document, spot, f"{spot[-1]}: there is no file {text!r}", near)


def _named(document: Document) -> Iterator[tuple[Spot, str]]:
    for spot, inner in settings(document.value):
        if isinstance(inner, str) and inner and str(spot[-1]).endswith("_file") and spot[-1] not in _LOGS:
            yield spot, inner


def _of_the_project(text: str, path: Path) -> bool:
    """Whether a path is relative, or in a mounted folder: elsewhere on this machine production's secrets are not."""
    return not text.startswith("/") or path != Path(text)
