"""``obscheck speed``: every rule's class, the difference that a speed makes, and the proof that exact is exact."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from pytest_obscheck.derive import Document, diff
from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.rulelab.proof import CLOCK, Case, Outcome, Proof, prove
from pytest_obscheck.speed.classes import Class, Finding, Metric, classify, flows_in_use, metrics_of
from pytest_obscheck.speed.factor import Span, check_speed, factor
from pytest_obscheck.speed.origins import Source
from pytest_obscheck.speed.promql import Speed, with_steps
from pytest_obscheck.speed.rules import Rule, Spot, rules_of, spans_of, speed_rules

Copier = Callable[[Document, Speed, Sequence[Spot]], None]
"""Edits a rule file for a speed, but for the rules at some spots."""
SECOND = (8, 60, 2, 4, 5, 3, 10, 6, 15, 20, 30)


@dataclass(frozen=True)
class Asked:
    """What the user asked of ``obscheck speed``; ``scrape`` is production's interval in milliseconds, 0 where not known."""

    paths: Sequence[Path]
    by: str
    source: Source = Source.SCRIPTED
    scrape: Fraction = Fraction(0)
    evaluation: Fraction = Fraction(60_000)
    metrics: Mapping[str, Metric] | None = None


@dataclass(frozen=True)
class Row:
    """One rule with its class, and its proof where there is one."""

    rule: Rule
    finding: Finding
    outcome: Outcome | None = None

    def record(self) -> dict[str, object]:
        """Return it as one object of the NDJSON output."""
        said: dict[str, object] = {"file": self.rule.file, "group": self.rule.group, self.rule.kind: self.rule.name}
        said |= {"class": self.finding.grade.value, "reason": self.finding.reason, "equivalent": self.finding.equivalent}
        return said | ({"proof": self.outcome.proof.value, "told": self.outcome.told} if self.outcome else {})


@dataclass(frozen=True)
class Sheet:
    """What came of it: a row for each rule, the working copy of each file with its difference, the factors of the proof."""

    rows: Sequence[Row]
    copies: Mapping[Path, str]
    diffs: Sequence[str]
    factors: Sequence[Fraction] = ()

    @property
    def proved(self) -> bool:
        """Whether no rule was found to be different, or could not be proved."""
        return all(row.outcome is None or row.outcome.proof in (Proof.PROVED, Proof.QUIET) for row in self.rows)


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Return the rule files that were named, of folders every YAML file below; ``ConfigError`` for what is not there."""
    gone = [path for path in paths if not path.exists()]
    if gone:
        raise ConfigError([Problem(str(path), "there is no such file or folder") for path in gone])
    below = [
        sorted(each for each in path.rglob("*") if each.suffix in (".yml", ".yaml")) if path.is_dir() else [path]
        for path in paths
    ]
    return list(dict.fromkeys(file for files in below for file in files))


def speed_sheet(asked: Asked) -> Sheet:
    """Return class and difference of every rule; ``ConfigError`` for a speed that the rules do not allow."""
    by = factor(asked.by, "--by")
    documents = _opened(asked.paths)
    check_speed([span for document in documents for span in spans_of(document)], by, asked.scrape)
    speed = Speed(by, asked.source, asked.evaluation)
    used = flows_in_use(rule.expr for document in documents for rule in rules_of(document))
    metrics = {**used, **(asked.metrics or {})}
    rows, copies, diffs = [], {}, []
    for document in documents:
        mine = [Row(rule, classify(rule.expr, speed, metrics, rule.reading)) for rule in rules_of(document)]
        before = document.text()
        speed_rules(document, speed, _left(mine), metrics)
        rows += mine
        copies[document.path] = document.text()
        diffs.append(diff(before, document.text(), str(document.path)))
    return Sheet(rows, copies, diffs)


def _opened(paths: Sequence[Path]) -> list[Document]:
    documents = [Document.open(path) for path in files_of(paths)]
    found = [document for document in documents if any(True for _ in rules_of(document))]
    if not found:
        raise ConfigError([Problem(", ".join(map(str, paths)), "there is no rule in it", "name a file with groups of rules")])
    return found


def _left(rows: Sequence[Row]) -> list[Spot]:
    return [row.rule.spot for row in rows if row.finding.grade is Class.CANNOT]


def check_sheet(asked: Asked, sheet: Sheet, promtool: Path, copier: Copier = speed_rules) -> Sheet:
    """Return the sheet with the proof of every exact rule, at the user's factor and at a second one."""
    documents = _opened(asked.paths)
    factors = _factors([span for document in documents for span in spans_of(document)], factor(asked.by))
    speeds = [Speed(by, asked.source, asked.evaluation, CLOCK) for by in factors]
    copies = [_sped(asked.paths, speed, sheet, copier) for speed in speeds]
    exact = [row for row in sheet.rows if row.finding.grade is Class.EXACT and not row.finding.assumed]
    at_speed = [[(speed, copy[_key(row.rule)]) for speed, copy in zip(speeds, copies, strict=True)] for row in exact]
    cases = [Case(_original(row.rule, asked), sped) for row, sped in zip(exact, at_speed, strict=True)]
    outcomes = dict(zip((_key(row.rule) for row in exact), prove(promtool, cases), strict=True))
    return replace(sheet, rows=[replace(row, outcome=outcomes.get(_key(row.rule))) for row in sheet.rows], factors=factors)


def _original(rule: Rule, asked: Asked) -> Rule:
    """Return the rule as production evaluates it: promtool's subqueries would otherwise step by the test's own interval."""
    expr = with_steps(rule.expr, asked.evaluation)
    return replace(rule, expr=expr, fields={**rule.fields, "expr": expr})


def _factors(spans: Sequence[Span], by: Fraction) -> list[Fraction]:
    seconds = (Fraction(each) for each in SECOND if each != by)
    fits = (each for each in seconds if all((span.length / each).denominator == 1 for span in spans))
    return [by, *([found] if (found := next(fits, None)) else [])]


def _key(rule: Rule) -> tuple[str, Spot]:
    return rule.file, rule.spot


def _sped(paths: Sequence[Path], speed: Speed, sheet: Sheet, copier: Copier) -> dict[tuple[str, Spot], Rule]:
    """Return every rule as it stands in the working copy, read again from its text, by where the original stands."""
    found: dict[tuple[str, Spot], Rule] = {}
    with tempfile.TemporaryDirectory(prefix="obscheck-") as scratch:
        copy = Path(scratch) / "rules.yml"
        for document in _opened(paths):
            copier(document, speed, _left([row for row in sheet.rows if row.rule.file == str(document.path)]))
            copy.write_text(document.text(), encoding="utf-8")
            found |= {(str(document.path), rule.spot): rule for rule in rules_of(Document.open(copy))}
    return found


def write_copies(sheet: Sheet, folder: Path) -> list[Path]:
    """Write the working copies into a folder, named as they are below their common parent; return where they are."""
    parents = [path.resolve().parent for path in sheet.copies]
    root = next(above for above in (parents[0], *parents[0].parents) if all(parent.is_relative_to(above) for parent in parents))
    targets = {folder / path.resolve().relative_to(root): text for path, text in sheet.copies.items()}
    if any(target.resolve() in {path.resolve() for path in sheet.copies} for target in targets):
        raise ConfigError([Problem(str(folder), "the copies would overwrite your rules", "name another folder")])
    for target, text in targets.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return list(targets)


def as_ndjson(sheet: Sheet) -> Iterator[str]:
    """Yield one line of JSON for each rule."""
    yield from (json.dumps(row.record(), ensure_ascii=False) + "\n" for row in sheet.rows)


def as_text(sheet: Sheet) -> Iterator[str]:
    """Yield the table, the differences and the sums."""
    width = max(len(row.rule.name) for row in sheet.rows)
    for row in sheet.rows:
        proof = f" [{row.outcome.proof.value}]" if row.outcome else ""
        yield f"{row.finding.grade.value:<11} {row.rule.name:<{width}}  {row.rule.where}{proof}\n"
        if row.finding.grade is not Class.EXACT or row.finding.assumed:
            yield f"            {row.finding.reason}; {row.finding.equivalent}\n"
        if row.outcome and row.outcome.told:
            yield f"            {row.outcome.told}\n"
    yield from (f"\n{text}" for text in sheet.diffs if text)
    yield "\n" + _sums(sheet)


def _sums(sheet: Sheet) -> str:
    kinds = Counter(row.rule.kind for row in sheet.rows)
    grades = Counter(row.finding.grade.value for row in sheet.rows)
    proofs = Counter(row.outcome.proof.value for row in sheet.rows if row.outcome)
    said = f"{kinds['alert']} alerts and {kinds['record']} recording rules: {_counted(grades)}\n"
    if proofs:
        said += f"by promtool at N = {' and '.join(f'{float(by):g}' for by in sheet.factors)}: {_counted(proofs)}\n"
    return said


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items())


def types_in(path: Path | None) -> Mapping[str, Metric] | None:
    """Return what the TYPE lines of a saved exposition say; ``ConfigError`` where the file cannot be read."""
    try:
        return metrics_of(path.read_text(encoding="utf-8")) if path else None
    except (OSError, UnicodeDecodeError):
        right = "name a file that holds the text of a /metrics page"
        raise ConfigError([Problem(str(path), "cannot be read as text", right)]) from None


def speed_command(asked: Asked, check: bool, folder: Path | None, form: str, say: Callable[[str], None]) -> int:
    """Run the verb: 0, or 1 where the engine found an exact rule to be different."""
    sheet = speed_sheet(asked)
    if check:
        from pytest_obscheck.toolchain import find  # noqa: PLC0415 - only a check needs a program

        sheet = check_sheet(asked, sheet, find("promtool").path)
    if folder:
        write_copies(sheet, folder)
    for text in as_ndjson(sheet) if form == "ndjson" else as_text(sheet):
        say(text)
    return 0 if sheet.proved else 1
