"""Prometheus rule files as facts: every alert with its file and line, every recording with its expression."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_obscheck.components._files import Reader, rows, shown
from pytest_obscheck.document import Document
from pytest_obscheck.plan import AlertRule
from pytest_obscheck.protocols import Place
from pytest_obscheck.speed.logql import RIGHT, WHAT, is_logql


@dataclass(frozen=True)
class Rules:
    """What the rule files say, and where they are."""

    alerts: tuple[AlertRule, ...]
    recordings: Mapping[str, str]
    paths: tuple[Path, ...]


def rules(reader: Reader, config: Document) -> Rules:
    """Read all rule files that a prometheus.yml names; problems stay with the reader."""
    document_settings = config.value if isinstance(config.value, Mapping) else {}
    usual = (document_settings.get("global") or {}).get("evaluation_interval") or "1m"
    documents = list(reader.named(config, "rule_files"))
    for document in documents:
        for spot, _, rule in _each(document.value):
            if is_logql(str(rule.get("expr", ""))):
                reader.problem(document, (*spot, "expr"), WHAT, RIGHT)
    return told(reader, documents, str(usual))


def told(reader: Reader, documents: Sequence[Document], usual: str) -> Rules:
    """Return what rule files say; ``usual``: the interval of groups that say none."""
    alerts: list[AlertRule] = []
    recordings: dict[str, str] = {}
    for document in documents:
        for spot, group, rule in _each(document.value):
            if "alert" in rule:
                alerts.append(_alert(reader.place, document, spot, group, rule, usual))
            elif "record" in rule:
                recordings[str(rule["record"])] = str(rule.get("expr", "")).strip()
    return Rules(tuple(alerts), recordings, tuple(document.path for document in documents))


def _each(value: Any) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any], Mapping[str, Any]]]:
    for number, group in rows(value, "groups"):
        for place, rule in rows(group, "rules"):
            yield ("groups", number, "rules", place), group, rule


def _alert(
    place: Place, document: Document, spot: tuple[str | int, ...], group: Mapping[str, Any], rule: Mapping[str, Any], usual: str
) -> AlertRule:
    return AlertRule(
        name=str(rule["alert"]),
        expr=str(rule.get("expr", "")).strip(),
        hold=str(rule.get("for") or "0s"),
        labels={**_texts(group.get("labels")), **_texts(rule.get("labels"))},
        annotations=_texts(rule.get("annotations")),
        group=str(group.get("name", "")),
        interval=str(group.get("interval") or usual),
        where=f"{shown(place, document.path)}:{document.line(*spot, 'alert')}",
        member=place.name,
    )


def _texts(value: Any) -> dict[str, str]:
    entries = value.items() if isinstance(value, Mapping) else ()
    return {str(key): _text(text) for key, text in entries}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
