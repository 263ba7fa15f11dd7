"""Rule files as the lint reads them: every rule with its expression as a tree, and the lines on which things stand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser

from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ConfigError, Problem, did_you_mean
from pytest_obscheck.speed.logql import speaks_logql

CHECKS = (
    "alertmanager", "availability-from-up", "average-for-percentile", "free-as-used", "hold-outlasts-budget", "never-varies",
    "syntax", "unit-in-words", "unknown-series",
)  # fmt: skip
"""What a finding may be about; each word is explained where its check is."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}


@dataclass(frozen=True, order=True)
class Finding:
    """One thing that is wrong: where it stands, the check that says so, what is wrong, and what would be right."""

    file: str
    line: int
    check: str
    what: str
    right: str = ""

    def __str__(self) -> str:
        """Return ``file:line: what; right (check)``."""
        return f"{Problem(f'{self.file}:{self.line}' if self.line else self.file, self.what, self.right)} ({self.check})"


@dataclass(frozen=True)
class Rule:
    """One rule: ``kind`` is ``alert`` or ``record``, ``lines`` where its fields begin.

    ``hold`` and ``keeps`` are its ``for`` and ``keep_firing_for`` in seconds.
    """

    name: str
    kind: str
    expr: str
    tree: Any
    hold: float
    annotations: Mapping[str, str]
    labels: Mapping[str, str]
    file: str
    lines: Mapping[str, int]
    keeps: float = 0.0

    def finding(self, check: str, field: str, what: str, right: str = "") -> Finding:
        """Return a finding at one of the rule's fields."""
        line = self.lines.get(field) or self.lines["expr"]
        return Finding(self.file, line, check, f"{self.kind} {self.name}: {what}", right)

    def words(self) -> str:
        """Return everything that the rule says to people: its name, annotations and labels."""
        return "\n".join((self.name, *self.annotations.values(), *self.labels.values()))


@dataclass(frozen=True)
class RuleSet:
    """All rules that are linted together, and the recordings among them."""

    rules: tuple[Rule, ...]

    def recordings(self) -> Mapping[str, Rule]:
        """Return the recording rules by name; of several with one name the first."""
        return {rule.name: rule for rule in reversed(self.rules) if rule.kind == "record"}


def seconds(text: str) -> float:
    """Return a duration as Prometheus writes it in seconds; 0 for what is none."""
    found = re.findall(r"(\d+)(ms|[smhdwy])", text)
    return sum(int(number) * _UNITS[unit] for number, unit in found)


def read(path: Path, shown: str) -> tuple[list[Rule], list[Finding]]:
    """Return the rules of one file, and what could not be read in it; nothing of a file of Loki's."""
    try:
        document = Document.open(path, shown)
    except ConfigError as error:
        return [], [_unread(problem) for problem in error.problems]
    rules, findings = [], []
    for spot, entry in _entries(document.value) if not speaks_logql(document.value) else ():
        made = _rule(document, spot, entry)
        if isinstance(made, Finding):
            findings.append(made)
        else:
            rules.append(made)
    return rules, findings


def _unread(problem: Problem) -> Finding:
    file, _, line = problem.where.rpartition(":")
    place = (file, int(line)) if line.isdigit() else (problem.where, 0)
    return Finding(*place, "syntax", problem.what, problem.right)


def _listed(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, list) else []


def _entries(value: Any) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    for number, group in enumerate(_listed(value, "groups")):
        for place, entry in enumerate(_listed(group, "rules")):
            if isinstance(entry, Mapping) and ("alert" in entry or "record" in entry):
                yield ("groups", number, "rules", place), entry


def _rule(document: Document, spot: tuple[str | int, ...], entry: Mapping[str, Any]) -> Rule | Finding:
    kind = "alert" if "alert" in entry else "record"
    name, expr = str(entry[kind]), str(entry.get("expr", "")).strip()
    lines = {field: document.line(*spot, field) for field in ("expr", "for", kind)}
    notes = _texts(entry.get("annotations"))
    lines |= {field: document.line(*spot, "annotations", field) for field in notes}
    try:
        tree = promql_parser.parse(expr)
    except ValueError as error:
        return Finding(document.shown, lines["expr"], "syntax", f"{kind} {name}: {error}")
    hold, keeps = (seconds(str(entry.get(field) or "")) for field in ("for", "keep_firing_for"))
    return Rule(name, kind, expr, tree, hold, notes, _texts(entry.get("labels")), document.shown, lines, keeps)


def _texts(value: Any) -> dict[str, str]:
    entries = value.items() if isinstance(value, Mapping) else ()
    return {str(key): str(text) for key, text in entries}


def meant(given: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'x'?`` or nothing."""
    said = did_you_mean(given, known)
    return said if said.startswith("did you mean") else ""
