"""Alertmanager's templates, rendered with sample data before anything starts; mistakes where they are in the user's files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_obscheck.derive.document import Document
from pytest_obscheck.derive.whereabouts import found
from pytest_obscheck.errors import Problem, did_you_mean, seen_from

Finish = Callable[[], list[Problem]]
"""Waits for a tool that was started, and returns what it found."""
Begin = Callable[[Sequence[str | Path]], Callable[[], str]]
"""Starts a tool; what it returns waits for it, and says what it said where it failed."""
_TOLD = re.compile(r"template: ?(?P<file>[^:\s]*):(?P<line>\d+)(?::\d+)?: (?P<what>.*)")
_UNDEFINED = re.compile(r'template "([^"]*)" not defined|no such template "([^"]*)"')
_DEFINED = re.compile(r'\{\{-?\s*define\s+"([^"]+)"')
LONGEST = 60_000
"""Characters of one argument of a program, below the kernel's limit of 128 kB."""
SAMPLE = Path(__file__).with_name("sample.json")
"""A group of two alerts, one firing and one resolved, as Alertmanager hands it to templates."""


@dataclass(frozen=True)
class _Field:
    """One text of a receiver with template actions in it."""

    spot: tuple[str | int, ...]
    text: str

    @property
    def kind(self) -> str:
        """Return how Alertmanager escapes it."""
        return "html" if self.spot[-1] == "html" else "text"


def begin_rendering(amtool: str | Path, document: Document, home: Path | None, begin: Begin) -> Finish:
    """Begin to render every templated text of an alertmanager.yml; the result returns what cannot be.

    All texts of a kind are rendered at once; only where that fails, one by one.
    """
    fields = list(_fields(document.value))
    if not fields:
        return list
    begun = []
    for kind in ("text", "html"):
        of_kind = [each for each in fields if each.kind == kind]
        parts = [of_kind] if sum(len(each.text) for each in of_kind) < LONGEST else [[each] for each in of_kind]
        begun += [(part, begin(_command(amtool, document, part))) for part in parts if part]

    def finish() -> list[Problem]:
        problems: list[Problem] = []
        for part, said in begun:
            for each in part if said() else ():
                problems += _wrong(each, begin(_command(amtool, document, [each]))(), document, home)
        return list(dict.fromkeys(problems))

    return finish


def _fields(value: Any) -> Iterator[_Field]:
    receivers = value.get("receivers") if isinstance(value, dict) else None
    for spot, text in _texts(receivers, ("receivers",)):
        if "{{" in text:
            yield _Field(spot, text)


def _texts(value: Any, at: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield at, value
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield from _texts(inner, (*at, key))


def _command(amtool: str | Path, document: Document, fields: Sequence[_Field]) -> list[str | Path]:
    globs = [f"--template.glob={path}" for path in _globs(document)] or ["--template.glob=/none"]
    # An action that one text leaves open must not be closed by the next.
    whole = fields[0].text if len(fields) == 1 else "".join(f"{{{{ if true }}}}{each.text}{{{{ end }}}}" for each in fields)
    kind = f"--template.type={fields[0].kind}"
    return [amtool, "template", "render", *globs, f"--template.data={SAMPLE}", kind, f"--template.text={whole}"]


def _globs(document: Document) -> list[Path]:
    templates = document.value.get("templates") if isinstance(document.value, dict) else None
    return [document.path.parent / str(each) for each in templates or ()]


def _files(document: Document) -> list[Path]:
    return [path for each in _globs(document) for path in found(each)]


def placed_in_template(said: str, document: Document, home: Path | None) -> Problem | None:
    """Return what was said of a line of a template file as a problem there; ``None`` where it is of no such file."""
    told = _TOLD.search(said)
    files = [path for path in _files(document) if told and path.name == told["file"]]
    return Problem(f"{seen_from(files[0], home)}:{told['line']}", told["what"]) if told and files else None


def _wrong(field: _Field, said: str, document: Document, home: Path | None) -> Iterator[Problem]:
    told = _TOLD.search(said)
    if told is None:
        return
    problem = placed_in_template(said, document, home)
    if problem is None:
        what = re.sub(r'^executing "" at ', "", told["what"])
        problem = Problem(f"{document.shown}:{_line(field, int(told['line']), document)}", what, _right(what, document))
    yield problem


def _line(field: _Field, line: int, document: Document) -> int:
    """Return the line in the file: the lines of a block of text begin below its key."""
    first = document.line(*field.spot)
    lines = document.path.read_text(encoding="utf-8").splitlines()
    told = field.text.splitlines()[line - 1].strip()
    return first + line if lines[first + line - 1 : first + line] and lines[first + line - 1].strip() == told else first


def _right(what: str, document: Document) -> str:
    undefined = _UNDEFINED.search(what)
    if not undefined:
        return ""
    nowhere = [str(each) for each in _globs(document) if not found(each)]
    if nowhere:
        folder = nowhere[0].rpartition("/")[0]
        return f"no file here matches {nowhere[0]!r} of its templates; in stack.yaml, mounts: says where {folder} is"
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in _files(document)]
    return did_you_mean(undefined[1] or undefined[2], [name for text in texts for name in _DEFINED.findall(text)])
