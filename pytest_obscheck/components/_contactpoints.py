"""Grafana's contact points as the sinks know them: each type is one of Alertmanager's, under other names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.components._files import Reader, Spot, redacted, rows
from pytest_obscheck.document import Document
from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.plan import Route
from pytest_obscheck.protocols import KEY_OF

_KINDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "webhook": ("webhook_configs", {"url": "url"}),
    "slack": ("slack_configs", {"url": "api_url", "token": "app_token"}),
    "discord": ("discord_configs", {"url": "webhook_url"}),
    "teams": ("msteams_configs", {"url": "webhook_url"}),
    "pagerduty": ("pagerduty_configs", {}),
    "opsgenie": ("opsgenie_configs", {"apiUrl": "api_url"}),
    "email": ("email_configs", {"addresses": "to"}),
}
"""Grafana's type → Alertmanager's key, and what its settings are called there."""


@dataclass(frozen=True)
class _Integration:
    """One way in which one contact point notifies."""

    point: str
    type: str
    spot: Spot
    settings: Mapping[str, Any]
    resolved: bool


def routes(reader: Reader, document: Document) -> Iterator[Route]:
    """Yield the ways out of the contact points of a file; what has no sink is a problem."""
    for each in _integrations(document):
        key, names = _KINDS.get(each.type, ("", {}))
        sink = reader.place.network.sinks.get(key)
        if sink is None:
            what = f"contact point {each.point!r} is of type {each.type!r}, for which there is no sink"
            reader.problem(document, (*each.spot, "type"), what, did_you_mean(each.type, _KINDS))
            continue
        config = {names.get(name, name): value for name, value in redacted(each.settings).items()}
        host, path = sink().route(config, {})
        where = reader.where(document, each.spot)
        yield Route(host, path, sink.name, each.point, where, each.resolved)


def points(document: Document) -> Iterator[tuple[Spot, str]]:
    """Yield where a contact point has a key by which its sink tells receivers apart, and what to put there."""
    for each in _integrations(document):
        if each.type == "pagerduty":
            yield (*each.spot, "settings", "integrationKey"), f"{KEY_OF}{each.point}"


def _integrations(document: Document) -> Iterator[_Integration]:
    for number, point in rows(document.value, "contactPoints"):
        for place, receiver in rows(point, "receivers"):
            settings = receiver.get("settings")
            yield _Integration(
                point=str(point.get("name", "")),
                type=str(receiver.get("type", "")),
                spot=("contactPoints", number, "receivers", place),
                settings=settings if isinstance(settings, Mapping) else {},
                resolved=receiver.get("disableResolveMessage") is not True,
            )
