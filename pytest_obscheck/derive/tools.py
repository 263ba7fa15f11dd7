"""What promtool and amtool say of the user's original files, as problems with a file and a line."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pytest_obscheck.derive.document import Document
from pytest_obscheck.derive.tree import Kind, parse
from pytest_obscheck.errors import ConfigError, Problem, shown_as

Finish = Callable[[], list[Problem]]
"""Waits for a tool that was started, and returns what it found."""

SECONDS = 60.0
"""How long a tool may take for all the files it is given."""
_SECTIONS = frozenset({"global", "scrape_configs", "rule_files", "alerting", "scrape_config_files", "storage"})
_PLACED = re.compile(r"(?:yaml: )?line (\d+): (.*)")
_RULE = re.compile(r'group "(?P<group>[^"]*)", rule (?P<rule>\d+), (?P<what>.*)')
_AT = re.compile(r"(?P<line>\d+):(?P<column>\d+): (?P<what>.*)")


def check(checks: Iterable[tuple[str, Path]], find: Callable[[str], str | Path], home: Path | None = None) -> list[Problem]:
    """Return what the tools find wrong in files, each named with its tool; all rule files go through promtool in one run.

    The tools run side by side.

    ``find`` says where a tool is. ``home``: the folder to which names in problems are relative, as far as files lie in it.
    """
    begun: list[Finish] = []
    rules: list[Path] = []
    for tool, path in checks:
        if tool == "amtool":
            begun.append(_begin_alertmanager(find(tool), path, home))
        elif _is_config(path):
            begun.append(_begin_prometheus(find(tool), path, home))
        else:
            rules.append(path)
    if rules:
        begun.append(_begin_rules(find("promtool"), rules, home))
    return [problem for finish in begun for problem in finish()]


def check_prometheus(promtool: str | Path, config: Path, home: Path | None = None) -> list[Problem]:
    """Return what promtool finds wrong in a prometheus.yml, or in a rule file; the files that it names are not opened."""
    if not _is_config(config):
        return check_rules(promtool, [config], home)
    return _begin_prometheus(promtool, config, home)()


def _begin_prometheus(promtool: str | Path, config: Path, home: Path | None) -> Finish:
    said = _begin([promtool, "check", "config", "--syntax-only", "--lint=none", config])
    return lambda: _failures(said(), config, shown_as(config, home))


def check_alertmanager(amtool: str | Path, config: Path, home: Path | None = None) -> list[Problem]:
    """Return what amtool finds wrong in an alertmanager.yml and its templates."""
    return _begin_alertmanager(amtool, config, home)()


def _begin_alertmanager(amtool: str | Path, config: Path, home: Path | None) -> Finish:
    try:
        document = Document.open(config, shown_as(config, home))
    except ConfigError as error:
        problems = list(error.problems)
        return lambda: problems
    said = _begin([amtool, "check-config", config])
    return lambda: [_sought(problem, document) for problem in _failures(said(), config, document.shown)]


def check_rules(promtool: str | Path, files: Iterable[Path], home: Path | None = None) -> list[Problem]:
    """Return what promtool finds wrong in rule files, in one run."""
    return _begin_rules(promtool, files, home)()


def _begin_rules(promtool: str | Path, files: Iterable[Path], home: Path | None) -> Finish:
    problems: list[Problem] = []
    documents: dict[str, Document] = {}
    folder = tempfile.TemporaryDirectory(prefix="obscheck-rules-")
    for number, file in enumerate(files):
        try:
            document = Document.open(file, shown_as(file, home))
        except ConfigError as error:
            problems.extend(error.problems)
        else:
            documents[_as_rules(document, Path(folder.name, f"{number}.yml"))] = document
    if not documents:
        folder.cleanup()
        return lambda: problems
    said = _begin([promtool, "check", "rules", "--lint=none", *documents])

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


def _failures(said: str, config: Path, shown: str) -> list[Problem]:
    """Turn everything behind each ``FAILED:`` into problems, one for each line of the file that it names."""
    problems = []
    for failure in re.findall(r"FAILED:((?:[^\n]*\n?)(?:  line [^\n]*\n?)*)", said):
        words = failure.replace(f"parsing YAML file {config}: ", "").strip()
        placed = _PLACED.findall(words)
        problems += [Problem(f"{shown}:{line}", what, _right(what)) for line, what in placed] or [Problem(shown, words)]
    if said and not problems:
        problems.append(Problem(shown, _last_line(said)))
    return problems


def _right(what: str) -> str:
    """Return what to do about a field that the tool does not know: production may be ahead of what is here."""
    unknown = re.fullmatch(r"field \S+ not found in type \S+", what)
    return "it is misspelt, or newer than the program here: `obscheck doctor` says which that is" if unknown else ""


def _last_line(said: str) -> str:
    return next((line.strip() for line in reversed(said.splitlines()) if line.strip()), said)


def _sought(problem: Problem, document: Document) -> Problem:
    """Give a problem without a line that of the one place where the name that it quotes stands."""
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
