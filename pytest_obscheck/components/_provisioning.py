"""Grafana's provisioning: the team's own files as working copies, and what they say before anything starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_obscheck.components._contactpoints import points, routes
from pytest_obscheck.components._files import Reader, local, rows, secrets, shown
from pytest_obscheck.components._mixing import branches
from pytest_obscheck.document import Document
from pytest_obscheck.errors import Problem, did_you_mean
from pytest_obscheck.panel import boards
from pytest_obscheck.plan import AlertRule, Branch, Route

KINDS = ("datasources", "dashboards", "alerting")
BUILT_IN = ("__expr__", "-100", "-- Grafana --", "grafana", "-- Dashboard --")
"""Data sources that nobody provisions."""


@dataclass(frozen=True)
class Wanted:
    """What must be there once a Grafana has read its provisioning, by name or title."""

    sources: frozenset[str] = frozenset()
    boards: frozenset[str] = frozenset()
    rules: frozenset[str] = frozenset()
    points: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Provisioning:
    """The files of a provisioning folder by their names in it, such as ``alerting/rules.yml``."""

    reader: Reader
    documents: Mapping[str, Document] = field(default_factory=dict)

    def copies(self) -> dict[str, str]:
        """Return the working copies: no secret in them, and dashboards from where they are on this machine."""
        for document in self.documents.values():
            for spot, instead in secrets(document.value):
                document.set(spot, instead)
            for number, provider in rows(document.value, "providers"):
                folder = self._folder(document, provider)
                if folder is not None:
                    document.set(("providers", number, "options", "path"), str(folder))
            for spot, key in points(document):
                document.set(spot, key)
        return {f"provisioning/{name}": document.text() for name, document in self.documents.items()}

    def originals(self) -> dict[str, str]:
        """Return the working copies by the files that they are copies of."""
        return {f"provisioning/{name}": self.reader.name(document) for name, document in self.documents.items()}

    def routes(self) -> tuple[Route, ...]:
        """Return the ways out of its contact points; the reader keeps each for which there is no sink."""
        return tuple(route for document in self.documents.values() for route in routes(self.reader, document))

    def branches(self) -> tuple[Branch, ...]:
        """Return the routes of its notification policies."""
        found: list[Branch] = []
        for document in self.documents.values():
            for number, policy in rows(document.value, "policies"):
                where = self.reader.where(document, ("policies", number))
                found += branches({"route": policy}, lambda _, where=where: where)  # type: ignore[misc]
        return tuple(found)

    def alerts(self) -> tuple[AlertRule, ...]:
        """Return its alert rules; the expression of each is the PromQL that it asks for, without what Grafana makes of it."""
        return tuple(alert for document in self.documents.values() for alert in _alerts(self.reader, document))

    def wanted(self) -> Wanted:
        """Return what must be there once all of it was read."""
        return Wanted(
            sources=frozenset(each["name"] for each in self._each("datasources") if "name" in each),
            boards=frozenset(board.title for board in self._boards()),
            rules=frozenset(alert.name for alert in self.alerts()),
            points=frozenset(each["name"] for each in self._each("contactPoints") if "name" in each),
        )

    def check(self) -> None:
        """Keep with the reader what Grafana would stumble over, or pass over in silence."""
        known = {str(each.get(key)) for each in self._each("datasources") for key in ("uid", "name") if each.get(key)}
        for document in self.documents.values():
            for number, source in rows(document.value, "datasources"):
                if "uid" in source and "apiVersion" not in document.value:
                    what = "without 'apiVersion: 1' Grafana passes over 'uid'"
                    self.reader.problem(document, ("datasources", number, "uid"), what, "write that at the top")
            for number, provider in rows(document.value, "providers"):
                self._check_provider(document, number, provider)
            for spot, uid in _asked(document) if known else ():
                if uid not in known and uid not in BUILT_IN:
                    self.reader.problem(document, spot, f"no data source has the uid {uid!r}", did_you_mean(uid, known))

    def _check_provider(self, document: Document, number: int, provider: Mapping[str, Any]) -> None:
        folder, spot = self._folder(document, provider), ("providers", number, "options", "path")
        if folder is None:
            return
        if not folder.exists():
            text = provider["options"]["path"]
            hint = "say in stack.yaml under mounts: where that folder is" if text.startswith("/") else ""
            self.reader.problem(document, spot, f"there is no folder {text!r}", hint)
        else:
            self.reader.problems += boards.read(folder, self.reader.place.home)[1]

    def _boards(self) -> Iterator[boards.Board]:
        for document in self.documents.values():
            for _, provider in rows(document.value, "providers"):
                folder = self._folder(document, provider)
                if folder is not None:
                    yield from boards.read(folder)[0]

    def _folder(self, document: Document, provider: Mapping[str, Any]) -> Path | None:
        options = provider.get("options")
        text = options.get("path") if isinstance(options, Mapping) else None
        return local(self.reader.place, document.path.parent, str(text)) if text else None

    def _each(self, key: str) -> Iterator[Mapping[str, Any]]:
        for document in self.documents.values():
            yield from (each for _, each in rows(document.value, key))


def read(reader: Reader, folder: Path) -> Provisioning:
    """Return the provisioning in a folder; problems stay with the reader."""
    if not folder.is_dir():
        what = f"there is no folder {shown(reader.place, folder)!r}"
        right = "name the one that holds datasources, dashboards and alerting"
        reader.problems.append(Problem(f"{reader.place.name}: provisioning", what, right))
    names = [f"{kind}/{path.name}" for kind in KINDS for path in sorted((folder / kind).glob("*.y*ml"))]
    return Provisioning(reader, {name: opened for name in names if (opened := reader.open(folder / name))})


def _asked(document: Document) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the uids of the data sources that alert rules ask, with where they stand."""
    for group, found in rows(document.value, "groups"):
        for place, rule in rows(found, "rules"):
            for number, query in rows(rule, "data"):
                yield ("groups", group, "rules", place, "data", number, "datasourceUid"), str(query.get("datasourceUid"))


def _alerts(reader: Reader, document: Document) -> Iterator[AlertRule]:
    for number, group in rows(document.value, "groups"):
        for place, rule in rows(group, "rules"):
            yield AlertRule(
                name=str(rule.get("title", "")),
                expr=_expr(rule),
                hold=str(rule.get("for") or "0s"),
                labels=_texts(rule.get("labels")),
                annotations=_texts(rule.get("annotations")),
                group=str(group.get("name", "")),
                interval=str(group.get("interval") or "1m"),
                where=reader.where(document, ("groups", number, "rules", place, "title")),
                member=reader.place.name,
            )


def _expr(rule: Mapping[str, Any]) -> str:
    models = [query.get("model") for _, query in rows(rule, "data")]
    exprs = [str(model["expr"]).strip() for model in models if isinstance(model, Mapping) and model.get("expr")]
    return exprs[0] if len(exprs) == 1 else " or ".join(f"({expr})" for expr in exprs)


def _texts(value: Any) -> dict[str, str]:
    return {str(key): str(text) for key, text in value.items()} if isinstance(value, Mapping) else {}
