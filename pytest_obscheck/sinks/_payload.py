"""Alertmanager's own JSON: what web hooks are sent, with every label of every alert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_obscheck.protocols import Delivery


def delivered(sink: str, message: Mapping[str, Any]) -> Delivery:
    """Return what a message says."""
    alerts = tuple(_alert(alert) for alert in message.get("alerts") or () if isinstance(alert, dict))
    group, receiver = str(message.get("groupKey", "")), str(message.get("receiver", ""))
    return Delivery(sink, str(message.get("status", "")), alerts, "\n".join(_words(message)), group, receiver)


def _alert(alert: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: dict(alert.get(key) or {}) for key in ("labels", "annotations")}
    times = {key: alert[key] for key in ("startsAt", "endsAt", "fingerprint") if key in alert}
    return {**kept, "status": str(alert.get("status", "")), **times}


def _words(message: Any) -> Iterator[str]:
    """Yield every ``name = value`` of a message, however deep."""
    pairs = message.items() if isinstance(message, dict) else enumerate(message)
    for name, value in pairs:
        if isinstance(value, dict | list):
            yield from _words(value)
        else:
            yield f"{name} = {value}"
