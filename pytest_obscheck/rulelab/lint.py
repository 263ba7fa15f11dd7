"""What is wrong with rules before anything runs: findings with file and line, on the engine's evidence where values matter.

Each module of checks says its criterion, and which false alarms it can give: `lintvalues`, `lintwords`, `lintholds`,
`lintexposition`, `lintroutes`, `lintshares`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pytest_obscheck.derive import Document, found, here
from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.journal import Journal
from pytest_obscheck.rulelab import lintexposition, lintholds, lintroutes, lintshares, lintvalues, lintwords
from pytest_obscheck.rulelab.lintengine import ask
from pytest_obscheck.rulelab.lintexposition import Exposition
from pytest_obscheck.rulelab.lintrules import Finding, RuleSet, read
from pytest_obscheck.speed.logql import speaks_logql

_ROUTING = frozenset({"route", "receivers", "inhibit_rules", "routes"})


def lint(paths: Iterable[Path], find: Callable[[str], Path], against: Exposition | Journal | None = None) -> list[Finding]:
    """Return everything that is wrong with rule files and Alertmanager configurations, in the order of files and lines.

    ``paths``: files, folders of them, or a prometheus.yml, which stands for its rule files. ``find`` says where promtool and
    amtool are. Rules are read together, so that an alert knows the recordings of other files.
    """
    files = list(dict.fromkeys(file for path in paths for file in _files(path)))
    routing = [path for path in files if _ROUTING & set(_keys(path))]
    rules, findings = [], []
    for path in files:
        if path not in routing:
            found, wrong = read(path, str(path))
            rules += found
            findings += wrong
    findings += _of_rules(RuleSet(tuple(rules)), find, against)
    findings += [finding for path in routing for finding in lintroutes.check(find("amtool"), path, str(path))]
    return sorted(dict.fromkeys(findings))


def _of_rules(rules: RuleSet, find: Callable[[str], Path], against: Exposition | Journal | None) -> Iterator[Finding]:
    yield from lintwords.check(rules)
    yield from lintholds.check(rules)
    yield from lintshares.check(rules)
    doubts = list(lintvalues.doubts(rules))
    if doubts:
        answers = ask(find("promtool"), [question for doubt in doubts for question in doubt.questions])
        yield from (found for doubt in doubts if (found := doubt.finding(answers)))
    if against is not None:
        yield from lintexposition.check(rules, against)


def _keys(path: Path) -> Mapping[str, Any]:
    try:
        value = Document.open(path).value
    except ConfigError:
        return {}
    return value if isinstance(value, Mapping) else {}


def _files(path: Path) -> list[Path]:
    """Return the files that one path stands for; ``ConfigError`` where there are none."""
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in (".yml", ".yaml") and _of_interest(file))
        if not files:
            raise ConfigError([Problem(str(path), "there is no rule file in it", "rule files end with .yml or .yaml")])
        return files
    if not path.exists():
        raise ConfigError([Problem(str(path), "there is no such file")])
    named = _keys(path).get("rule_files")
    if not isinstance(named, list):
        return [_fit(path)]
    files = [file for pattern in named for file in found(here(path, str(pattern)))]
    if not files:
        what = f"no file is there that its rule_files name: {', '.join(map(str, named))}"
        raise ConfigError([Problem(str(path), what, "name the rule files themselves, or their folder")])
    return files


def _fit(path: Path) -> Path:
    """Return a file that can be linted, or that is not even YAML: that is a finding."""
    keys = _keys(path)
    if keys and not _of_interest(path):
        right = "rule files have 'groups', an alertmanager.yml has 'route'"
        raise ConfigError([Problem(str(path), f"neither rules nor routes; it has {', '.join(map(str, keys))}", right)])
    return path


def _of_interest(path: Path) -> bool:
    keys = set(_keys(path))
    return "groups" in keys or bool(_ROUTING & keys)


def told(findings: Sequence[Finding], form: str) -> str:
    """Return the findings as text, or as NDJSON with ``file``, ``line``, ``check``, ``what``, ``right``."""
    if form == "ndjson":
        return "".join(json.dumps(asdict(finding), ensure_ascii=False) + "\n" for finding in findings)
    count = len(findings)
    return "".join(f"{finding}\n" for finding in findings) + f"{count or 'no'} finding{'' if count == 1 else 's'}\n"


def passed_over(paths: Iterable[Path]) -> list[Path]:
    """Return the files of which nothing is linted, for their rules are Loki's."""
    return [file for path in paths for file in _files(path) if speaks_logql(_keys(file))]


def lint_command(paths: Sequence[Path], source: str, form: str, say: Callable[[str], None]) -> int:
    """Lint, say what was found, and return 1 where there is something; ``ConfigError`` for what cannot be read."""
    from pytest_obscheck.toolchain import find  # noqa: PLC0415 -- the library half works with any programs

    against = lintexposition.known(source) if source else None
    findings = lint(paths, lambda name: find(name).path, against)
    if form == "text":
        for path in passed_over(paths):
            say(f"note: {path}: passed over: its rules are LogQL, which only Loki's ruler evaluates\n")
    say(told(findings, form))
    return 1 if findings else 0
