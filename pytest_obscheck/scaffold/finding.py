"""Which of somebody's files are a prometheus.yml, an alertmanager.yml, rules or services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_obscheck.derive import Document, manifests
from pytest_obscheck.errors import ConfigError, Problem, shown_as
from pytest_obscheck.rulelab.lintrules import Rule
from pytest_obscheck.rulelab.lintrules import read as read_rules
from pytest_obscheck.scaffold.services import WORKLOADS

_KINDS = {
    "tests": {"tests"},
    "rules": {"groups"},
    "alertmanager": {"route", "receivers"},
    "services": {"services"},
    "prometheus": {"scrape_configs", "rule_files", "global", "alerting", "otlp", "scrape_config_files"},
}
_OTHERS = {
    "tests": "passed over: promtool's unit tests, not its configuration",
    "grafana": "passed over: Grafana evaluates and sends these alerts itself; no Prometheus knows them",
}
_SKIPPED = {"node_modules", "venv", "stack", "scenarios", "charts", "templates"}
_DEPTH = 3


@dataclass
class Files:
    """What was found: the first of each configuration, all rules; ``notes`` says what was passed over, and why.

    ``resources``: rules in resources of Kubernetes, which no prometheus.yml can name. ``exposed``: saved
    expositions. ``manifests``: what Kubernetes is to run.
    """

    prometheus: Document | None = None
    alertmanager: Document | None = None
    services: Document | None = None
    rules: list[Path] = field(default_factory=list)
    resources: list[Path] = field(default_factory=list)
    alerts: list[Rule] = field(default_factory=list)
    recordings: set[str] = field(default_factory=set)
    every: list[Rule] = field(default_factory=list)
    exposed: list[Path] = field(default_factory=list)
    manifests: list[Any] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find(paths: Sequence[Path], root: Path) -> Files:
    """Return what is in the named files and folders, or below ``root``; ``ConfigError`` for what is none of these."""
    found = Files()
    problems: list[Problem] = []
    for path in paths or [root]:
        found.exposed.extend(sorted(path.rglob("*.prom")) if path.is_dir() else [path] if path.suffix == ".prom" else [])
        for each in _inside(path) if path.is_dir() else [path] if path.suffix != ".prom" else ():
            try:
                document = Document.open(each, shown_as(each.resolve(), root))
            except ConfigError as error:
                problems.extend(error.problems if each == path else ())
                found.notes.extend(str(problem) for problem in error.problems if each != path)
                continue
            if not _keep(found, document) and each == path:
                right = "name a prometheus.yml, an alertmanager.yml, a docker-compose.yml or rule files"
                problems.append(Problem(document.shown, "this is none of the files that a stack is made of", right))
    if problems:
        raise ConfigError(problems)
    _read(found, root)
    if not (found.prometheus or found.alertmanager or found.rules or found.resources):
        right = "name a prometheus.yml, an alertmanager.yml or rule files"
        raise ConfigError([Problem(shown_as(root, root.parent), "there is nothing here to make a stack of", right)])
    return found


def _inside(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.y*ml"), key=lambda path: (len(path.parts), path)):
        inner = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part in _SKIPPED for part in inner[:-1])
        if len(inner) <= _DEPTH and not hidden and path.suffix in (".yml", ".yaml"):
            yield path


def _keep(found: Files, document: Document) -> bool:
    found.manifests.extend(manifests(document.path.read_text(encoding="utf-8", errors="replace"), WORKLOADS))
    kind = kind_of(document.value)
    if kind in _OTHERS:
        found.notes.append(f"{document.shown}: {_OTHERS[kind]}")
        return True
    if kind == "rules" and document.text() != document.path.read_text(encoding="utf-8-sig"):
        found.resources.append(document.path)
    elif kind == "rules":
        found.rules.append(document.path)
    elif kind and getattr(found, kind) is None:
        setattr(found, kind, document)
    elif kind:
        found.notes.append(f"{document.shown}: passed over, for {getattr(found, kind).shown} came first")
    return bool(kind) or bool(found.manifests)


def kind_of(value: Any) -> str:
    """Return which kind of file has these top-level keys; ``""`` for none."""
    keys = set(value) if isinstance(value, Mapping) else set()
    if "apiVersion" in keys and "kind" not in keys:
        return "grafana"
    return next((kind for kind, wanted in _KINDS.items() if keys & wanted), "")


def _read(found: Files, root: Path) -> None:
    """Read the rules: those that the prometheus.yml names, else all."""
    if found.prometheus:
        base, named = found.prometheus.path.parent, found.prometheus.value.get("rule_files") or ()
        loaded = [path for pattern in named for path in _globbed(base, str(pattern))]
        known = {path.resolve() for path in loaded}
        found.notes.extend(
            f"{shown_as(path.resolve(), root)}: no rule_files of {found.prometheus.shown} names it"
            for path in found.rules
            if path.resolve() not in known
        )
        found.rules = loaded
    for path in (*found.rules, *found.resources):
        rules, wrong = read_rules(path, shown_as(path.resolve(), root))
        found.every.extend(rules)
        found.alerts.extend(rule for rule in rules if rule.kind == "alert")
        found.recordings.update(rule.name for rule in rules if rule.kind == "record")
        found.notes.extend(f"{finding.file}:{finding.line}: {finding.what}" for finding in wrong)


def _globbed(base: Path, pattern: str) -> list[Path]:
    whole = base / pattern
    return sorted(Path(whole.anchor).glob(str(whole.relative_to(whole.anchor)))) if whole.is_absolute() else []
