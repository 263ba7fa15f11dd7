"""Which of somebody's files are a prometheus.yml, an alertmanager.yml, rules or services."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_obscheck.derive import Document, manifests
from pytest_obscheck.derive.carriers import HELM
from pytest_obscheck.errors import ConfigError, Problem, shown_as
from pytest_obscheck.resources import MONITORS, ROUTINGS, jobs
from pytest_obscheck.rulelab.lintrules import Rule
from pytest_obscheck.rulelab.lintrules import read as read_rules
from pytest_obscheck.scaffold.composing import NAMES as COMPOSE
from pytest_obscheck.scaffold.composing import Project, project, together
from pytest_obscheck.scaffold.layering import Spec
from pytest_obscheck.scaffold.mounting import leads, mounts
from pytest_obscheck.scaffold.services import WORKLOADS
from pytest_obscheck.speed.logql import WHAT, speaks_logql

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
UNNAMED = "name it there, or under `rules:` of prometheus in stack.yaml"
USELESS = "this is none of the files that a stack is made of"
_CHART = "Chart.yaml"
CHART = "this is a Helm chart, whose templates are not YAML yet"
_GRAFANA = {"groups", "contactPoints", "policies", "muteTimes"}
_SKIPPED = {"node_modules", "venv", "stack", "scenarios", "charts", "templates"}
_DEPTH = 6
_TOP = re.compile(r"^(?:- )?[\"']?(?:kind|groups|namespace|tests|route|receivers|services|apiVersion|otlp|include|"
                  r"scrape_configs|rule_files|global|alerting|scrape_config_files)[\"']?:", re.MULTILINE)  # fmt: skip
"""What a file must have at its top to be looked at, where nobody named it."""


@dataclass
class Files:
    """What was found: the first of each configuration, all rules; ``notes`` says what was passed over, and why.

    ``resources``: rules in resources of Kubernetes, which no prometheus.yml can name; ``scrapes`` and ``routes`` in the same
    way, with the scrape configs (``jobs``) that an operator makes of them. ``exposed``: saved expositions. ``recordings``: the
    rules that record, by name. ``manifests``: what Kubernetes is to run. ``services``: files of Compose, ``project`` what it
    makes of those that belong together. ``mounts``: path in production → path here.
    """

    prometheus: Document | None = None
    alertmanager: Document | None = None
    services: list[Document] = field(default_factory=list)
    project: Project | None = None
    rules: list[Path] = field(default_factory=list)
    resources: list[Path] = field(default_factory=list)
    scrapes: list[Path] = field(default_factory=list)
    routes: list[Path] = field(default_factory=list)
    loki: list[Path] = field(default_factory=list)
    jobs: list[Mapping[str, Any]] = field(default_factory=list)
    alerts: list[Rule] = field(default_factory=list)
    recordings: dict[str, Rule] = field(default_factory=dict)
    every: list[Rule] = field(default_factory=list)
    exposed: list[Path] = field(default_factory=list)
    manifests: list[Any] = field(default_factory=list)
    mounts: dict[str, Path] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def composed(self) -> Mapping[str, Spec]:
        """Return the services that Compose starts."""
        return self.project.services if self.project else {}

    def anything(self) -> bool:
        """Whether there is anything to make a stack of."""
        configured = (
            self.prometheus or self.alertmanager or self.rules or self.resources or self.scrapes or self.routes or self.loki
        )
        return bool(configured or self.composed or self.manifests)


def find(paths: Sequence[Path], root: Path) -> Files:
    """Return what is in the named files and folders, or below ``root``; ``ConfigError`` for what is none of these."""
    found = Files()
    problems: list[Problem] = []
    passed: list[Problem] = []
    for path in paths or [root]:
        found.exposed.extend(sorted(path.rglob("*.prom")) if path.is_dir() else [path] if path.suffix == ".prom" else [])
        for each in _inside(path) if path.is_dir() else [path] if path.suffix != ".prom" else ():
            wrong = _look(found, each, shown_as(each.resolve(), root))
            problems.extend(wrong if each == path else ())
            passed.extend(problem for problem in wrong if each != path and problem.what not in (USELESS, HELM))
        passed.extend(_charts(path, root) if path.is_dir() else ())
    if problems:
        raise ConfigError(problems)
    if found.services:
        passed.extend(_compose(found, {path.resolve() for path in paths}, root))
    found.notes.extend(map(str, passed))
    _read(found, root)
    if not found.anything():
        right = "name a prometheus.yml, an alertmanager.yml, rule files, a docker-compose.yml or manifests"
        raise ConfigError([*passed, Problem(shown_as(root, root.parent), "there is nothing here to make a stack of", right)])
    return found


def _inside(folder: Path) -> Iterator[Path]:
    """Yield what may be of use in a folder, what is further up first; of Compose's files the one that it reads itself."""
    found = [path for path in folder.rglob("*.y*ml") if path.suffix in (".yml", ".yaml") and path.is_file()]
    for path in sorted(found, key=lambda path: (len(path.parts), path.name not in COMPOSE, path)):
        inner = path.relative_to(folder).parts
        hidden = any(part.startswith(".") or part in _SKIPPED for part in inner[:-1])
        if len(inner) > _DEPTH or hidden:
            continue
        text = _text(path)
        if text is None or _TOP.search(text):
            yield path


def _charts(folder: Path, root: Path) -> Iterator[Problem]:
    """Yield what the chart around a folder, or each in it, must be made into before it can be read; its charts go along."""
    around = [each for each in (folder.resolve(), *folder.resolve().parents) if (each / _CHART).is_file()]
    inner = sorted(path.parent.resolve() for path in folder.rglob(_CHART))
    outermost = [each for each in inner if not any(each.is_relative_to(other) for other in inner if other != each)]
    for chart in around[-1:] or outermost:
        where = shown_as(chart, root.resolve())
        right = f"run: helm template {chart.name} {where} > {chart.name}.yaml, then: obscheck init {chart.name}.yaml"
        yield Problem(shown_as(chart / _CHART, root.resolve()), CHART, right)


def _text(path: Path) -> str | None:
    """Return what is in a file, without its byte order mark; ``None`` where it cannot be read, which who opens it says."""
    try:
        return path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return None


def _look(found: Files, path: Path, shown: str) -> list[Problem]:
    """Keep what is in a file; return why it is of no use."""
    operated = _keep_resources(found, path)
    try:
        kept = _keep(found, Document.open(path, shown))
    except ConfigError as error:
        # Of several documents in one file, which are none of Prometheus's own, the resources have been kept.
        return [] if operated else list(error.problems)
    right = "name a prometheus.yml, an alertmanager.yml, a docker-compose.yml or rule files"
    return [] if kept or operated else [Problem(shown, USELESS, right)]


def _keep(found: Files, document: Document) -> bool:
    kind = kind_of(document.value) or _including(document)
    if kind in _OTHERS:
        found.notes.append(f"{document.shown}: {_OTHERS[kind]}")
        return True
    if kind == "rules" and speaks_logql(document.value):
        found.loki.append(document.path)
        found.notes.append(f"{document.shown}: {WHAT}; no story is written for what log lines fire")
    elif kind == "rules" and document.text().encode() != document.path.read_bytes():
        found.resources.append(document.path)
    elif kind == "rules":
        found.rules.append(document.path)
    elif kind == "services":
        found.services.append(document)
    elif kind and getattr(found, kind) is None:
        setattr(found, kind, document)
    elif kind:
        found.notes.append(f"{document.shown}: passed over, for {getattr(found, kind).shown} came first")
    return bool(kind)


def _keep_resources(found: Files, path: Path) -> bool:
    text = _text(path) or ""
    workloads, monitors, routings = (manifests(text, kinds) for kinds in (WORKLOADS, tuple(MONITORS), ROUTINGS))
    found.manifests.extend(workloads)
    found.jobs.extend(job for each in monitors for _, job in jobs(each))
    found.scrapes.extend([path] if monitors else [])
    found.routes.extend([path] if any(each.get("kind") == "AlertmanagerConfig" for each in routings) else [])
    return bool(workloads or monitors or routings)


def kind_of(value: Any) -> str:
    """Return which kind of file has these top-level keys; ``""`` for none."""
    keys = set(value) if isinstance(value, Mapping) else set()
    if "apiVersion" in keys and "kind" not in keys:
        return "grafana" if keys & _GRAFANA else ""
    return next((kind for kind, wanted in _KINDS.items() if keys & wanted), "")


def _including(document: Document) -> str:
    """Return that a file is Compose's which has no services of its own: many programs know an ``include``."""
    there = isinstance(document.value, Mapping) and "include" in document.value
    return "services" if there and document.path.name in COMPOSE else ""


def _compose(found: Files, named: Collection[Path], root: Path) -> Sequence[Problem]:
    """Read as one project the files that somebody named, else the first with those that Compose reads besides.

    What is wrong with files that nobody named is returned.
    """
    first = found.services[0]
    chosen = [each.path for each in found.services if each.path.resolve() in named]
    try:
        found.project = project(chosen or together(first.path), root)
    except ConfigError as error:
        if chosen:
            raise
        return error.problems
    found.notes.extend(found.project.notes)
    for each in found.services:
        if each.path.resolve() not in found.project.files:
            right = f"name those that Compose merges, in its order: obscheck init {first.shown} {each.shown}"
            found.notes.append(f"{each.shown}: passed over, for {first.shown} came first; {right}")
    return ()


def _read(found: Files, root: Path) -> None:
    """Read the rules: those that the prometheus.yml names, else all."""
    configs = [each for each in (found.prometheus, found.alertmanager) if each]
    found.mounts = mounts(configs, found.composed)
    if found.prometheus:
        named = found.prometheus.value.get("rule_files") or ()
        loaded = [path for text in named for path in leads(found.prometheus.path, str(text), found.mounts)]
        known = {path.resolve() for path in loaded}
        found.notes.extend(
            f"{shown_as(path.resolve(), root)}: no rule_files of {found.prometheus.shown} names it; {UNNAMED}"
            for path in found.rules
            if path.resolve() not in known
        )
        found.rules = list(dict.fromkeys(loaded))
    for path in (*found.rules, *found.resources):
        rules, wrong = read_rules(path, shown_as(path.resolve(), root))
        found.every.extend(rules)
        found.alerts.extend(rule for rule in rules if rule.kind == "alert")
        for rule in rules:
            if rule.kind == "record":
                found.recordings.setdefault(rule.name, rule)
        found.notes.extend(f"{finding.file}:{finding.line}: {finding.what}" for finding in wrong)
