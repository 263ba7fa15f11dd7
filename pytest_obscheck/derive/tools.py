"""What promtool and amtool say of the user's original files, as problems with a file and a line."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pytest_obscheck.derive.document import Document
from pytest_obscheck.derive.templates import Finish, begin_rendering, placed_in_template
from pytest_obscheck.derive.tree import Kind, parse
from pytest_obscheck.errors import ConfigError, Problem, seen_from
from pytest_obscheck.plan import Check

SECONDS = 60.0
"""How long a tool may take for all the files it is given."""
_SECTIONS = frozenset({
    "global", "scrape_configs", "rule_files", "alerting", "scrape_config_files", "storage", "otlp", "runtime", "tracing",
    "remote_write", "remote_read",
})  # fmt: skip
_PLACED = re.compile(r"(?:yaml: )?line (\d+): (.*)")
_RULE = re.compile(r'group "(?P<group>[^"]*)", rule (?P<rule>\d+), (?P<what>.*)')
_AT = re.compile(r"(?P<line>\d+):(?P<column>\d+): (?P<what>.*)")


class Tool(NamedTuple):
    """A program that checks files, its version where that is known, and how that differs from the one that was asked for."""

    path: str | Path
    version: str = ""
    unlike: str = ""


@dataclass(frozen=True)
class _File:
    """A file as a tool reads it, and what messages call the user's own."""

    path: Path
    shown: str


def check(checks: Iterable[Check], find: Callable[[str], Tool], home: Path | None = None) -> list[Problem]:
    """Return what the tools find wrong, each where it is in the user's file; rule files go through promtool in one run.

    The tools run side by side. ``find`` says where a tool is. ``home``: the folder to which names in problems are relative, as
    far as files lie in it.
    """
    begun: list[Finish] = []
    with tempfile.TemporaryDirectory(prefix="obscheck-checks-") as folder:
        try:
            for finish in _begin_all(checks, find, home, Path(folder)):
                begun.append(finish)  # noqa: PERF402 -- what has begun when one cannot must be known
        except OSError:
            # On a full disk, say: what runs already is waited for.
            for finish in begun:
                finish()
            raise
        return [problem for finish in begun for problem in finish()]


def _begin_all(checks: Iterable[Check], find: Callable[[str], Tool], home: Path | None, folder: Path) -> Iterator[Finish]:
    rules: dict[str, list[_File]] = {}
    for number, each in enumerate(checks):
        file = _File(_as_read(each, folder / f"{number}.yml"), seen_from(each.path, home))
        if each.tool.startswith("amtool"):
            yield _begin_alertmanager(find(each.tool), file, home)
        elif _is_config(file.path):
            yield _begin_prometheus(find(each.tool), file)
        else:
            rules.setdefault(each.tool, []).append(file)
    for tool, files in rules.items():
        yield _begin_rules(find(tool), files)


def _as_read(check: Check, copy: Path) -> Path:
    """Return where a tool can read what it must find in order."""
    if not check.text:
        return check.path
    copy.write_bytes(check.text.encode())
    return copy


def check_prometheus(promtool: str | Path, config: Path, home: Path | None = None) -> list[Problem]:
    """Return what promtool finds wrong in a prometheus.yml, or in a rule file; the files that it names are not opened."""
    return check([Check("promtool", config)], lambda _: Tool(promtool), home)


def _begin_prometheus(tool: Tool, file: _File) -> Finish:
    said = _begin([tool.path, "check", "config", "--syntax-only", "--lint=none", file.path])

    def finish() -> list[Problem]:
        found = _failures(said(), file, tool)
        document = Document.open(file.path, file.shown) if found else None
        return [_sought(problem, document, None) for problem in found] if document else []

    return finish


def check_alertmanager(amtool: str | Path, config: Path, home: Path | None = None, text: str = "") -> list[Problem]:
    """Return what amtool finds wrong in an alertmanager.yml and its templates; ``text``: what to read instead of the file."""
    return check([Check("amtool", config, text)], lambda _: Tool(amtool), home)


def _begin_alertmanager(tool: Tool, file: _File, home: Path | None) -> Finish:
    try:
        document = Document.open(file.path, file.shown)
    except ConfigError as error:
        problems = list(error.problems)
        return lambda: problems
    said, rendered = _begin([tool.path, "check-config", file.path]), begin_rendering(tool.path, document, home, _begin)

    def finish() -> list[Problem]:
        found = [_sought(problem, document, home) for problem in _failures(said(), file, tool)]
        told = rendered()
        return found or told

    return finish


def check_rules(promtool: str | Path, files: Iterable[Path], home: Path | None = None) -> list[Problem]:
    """Return what promtool finds wrong in rule files, in one run."""
    return _begin_rules(Tool(promtool), [_File(each, seen_from(each, home)) for each in files])()


def _begin_rules(tool: Tool, files: Iterable[_File]) -> Finish:
    problems: list[Problem] = []
    documents: dict[str, Document] = {}
    folder = tempfile.TemporaryDirectory(prefix="obscheck-rules-")
    for number, file in enumerate(files):
        try:
            document = Document.open(file.path, file.shown)
        except ConfigError as error:
            problems.extend(error.problems)
        else:
            documents[_as_rules(document, Path(folder.name, f"{number}.yml"))] = document
    if not documents:
        folder.cleanup()
        return lambda: problems
    said = _begin([tool.path, "check", "rules", "--lint=none", *documents])

    def finish() -> list[Problem]:
        with folder:
            return [*problems, *dict.fromkeys(_findings(said(), documents))]

    return finish


def _as_rules(document: Document, copy: Path) -> str:
    """Return the path at which promtool can read rules: that of a copy, where something else carries them."""
    text = document.text().encode()
    if text == document.path.read_bytes():
        return str(document.path)
    copy.write_bytes(text)
    return str(copy)


def promql_problem(promtool: str | Path, expr: str) -> str:
    """Return what is wrong with a PromQL text, with its line and a caret below the spot; ``""`` when it parses.

    Without a promtool that can parse a single expression (2.46 and later can) the sentence has no position.
    """
    import promql_parser  # noqa: PLC0415 -- takes 10 ms that most runs can spare

    try:
        promql_parser.parse(expr)
    except ValueError as error:
        doubt = str(error)
    else:
        return ""
    try:
        told = _told([promtool, "--experimental", "promql", "format", "--", expr])
    except OSError:
        return doubt
    found = _AT.search(told.stderr)
    return _pointed(found, expr) if found else ("" if told.returncode == 0 else doubt)


def _pointed(found: re.Match[str], expr: str) -> str:
    line, column = int(found["line"]), int(found["column"])
    spoiled = (expr.splitlines() or [""])[min(line, len(expr.splitlines()) or 1) - 1]
    return f"{found[0]}\n  {spoiled}\n  {' ' * (column - 1)}^"


def _told(command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    argv = [str(word) for word in command]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SECONDS, stdin=subprocess.DEVNULL)


def _begin(command: Sequence[str | Path]) -> Callable[[], str]:
    """Start a tool; the result waits for it and returns all that it said, nothing when it found nothing wrong."""
    argv, pipe = [str(word) for word in command], subprocess.PIPE
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)

    def said() -> str:
        with process:
            try:
                out, err = process.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                return f"FAILED: {Path(argv[0]).name} gave no answer within {SECONDS:.0f} s"
        return "" if process.returncode == 0 else f"{out}\n{err}"

    return said


def _is_config(path: Path) -> bool:
    """Whether a file is a prometheus.yml; one that cannot be read is left to ``check_rules``, which says why."""
    try:
        value = Document.open(path).value
    except ConfigError:
        return False
    return isinstance(value, dict) and not _SECTIONS.isdisjoint(value)


def _failures(said: str, file: _File, tool: Tool) -> list[Problem]:
    """Turn everything behind each ``FAILED:`` into problems, one for each line of the file that it names."""
    problems, shown = [], file.shown
    for failure in re.findall(r"FAILED:((?:[^\n]*\n?)(?:  line [^\n]*\n?)*)", said):
        words = failure.replace(f"parsing YAML file {file.path}: ", "").strip()
        placed = _PLACED.findall(words)
        problems += [Problem(f"{shown}:{line}", what, _right(what, tool)) for line, what in placed] or [Problem(shown, words)]
    if said and not problems:
        problems.append(Problem(shown, _last_line(said)))
    return problems


def _right(what: str, tool: Tool) -> str:
    """Return what to do about a field that the tool does not know: production may be ahead of what is here."""
    if not re.fullmatch(r"field \S+ not found in type \S+", what):
        return ""
    if tool.unlike:
        return tool.unlike
    here = f"{Path(tool.path).name} {tool.version}" if tool.version else "the program here"
    return f"it is misspelt, or newer than {here}: write what production runs as `version:` into stack.yaml"


def _last_line(said: str) -> str:
    return next((line.strip() for line in reversed(said.splitlines()) if line.strip()), said)


def _sought(problem: Problem, document: Document, home: Path | None) -> Problem:
    """Give a problem without a line its place in a template, or that of the one place where the name that it quotes stands."""
    if problem.what.startswith("template: "):
        return placed_in_template(problem.what, document, home) or problem
    quoted = re.findall(r'"([^"]+)"', problem.what)
    if problem.where != document.shown or len(quoted) != 1:
        return problem
    lines = {node.line for node in parse(document.text()).walk() if node.kind is Kind.SCALAR and node.text == quoted[0]}
    return Problem(f"{problem.where}:{lines.pop()}", problem.what) if len(lines) == 1 else problem


def _findings(said: str, documents: dict[str, Document]) -> list[Problem]:
    problems = []
    current: Document | None = None
    for line in map(str.strip, said.splitlines()):
        name = next((name for name in documents if line.startswith(f"{name}: ")), "")
        current = documents[name] if name else current if _PLACED.fullmatch(line) else None
        what = line.removeprefix(f"{name}: ")
        if current and what != "yaml: unmarshal errors:":
            problems.append(_finding(what, current))
    if said and not problems:
        problems.append(Problem("", _last_line(said)))
    return problems


def _finding(what: str, document: Document) -> Problem:
    placed = _AT.fullmatch(what) or _PLACED.fullmatch(what)
    if not placed:
        return Problem(f"{document.shown}{_rule_line(what, document)}", what)
    line, what = placed[1], placed[placed.re.groups]
    return Problem(document.shown if line == "0" else f"{document.shown}:{line}", what)


def _rule_line(what: str, document: Document) -> str:
    found = _RULE.match(what)
    groups = document.value.get("groups") if isinstance(document.value, dict) else None
    if not found or not isinstance(groups, list):
        return ""
    names = [group.get("name") if isinstance(group, dict) else None for group in groups]
    if found["group"] not in names:
        return ""
    return f":{document.line('groups', names.index(found['group']), 'rules', int(found['rule']) - 1)}"
