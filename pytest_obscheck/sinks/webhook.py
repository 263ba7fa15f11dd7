"""A webhook that takes Alertmanager's own JSON (version 4).

The format: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.protocols import Delivery

UNNAMED = "webhook-url-file.invalid:80"
"""Where a receiver leads whose URL stands in a file: the derived copy's file must say ``http://webhook-url-file.invalid/``."""

_URL = re.compile(r"(https?)://(?:[^/?#]*@)?(\[[^\]]*\]|[^/:?#]+)(?::([0-9]+))?([^?#]*)", re.IGNORECASE)


@dataclass(frozen=True)
class Webhook:
    """The pretend webhook."""

    name = "webhook"
    receiver_key = "webhook_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the host:port and path of ``url``; ``UNNAMED`` where the URL stands in a file."""
        found = _URL.match(str(config.get("url") or ""))
        if not found:
            return UNNAMED, ""
        port = found[3] or ("443" if found[1].lower() == "https" else "80")
        # A URL may be a template: what comes after its fixed beginning differs from alert to alert.
        return f"{found[2].lower()}:{port}", found[4].partition("{{")[0]

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take a JSON object; 405 for anything but POST, 400 for anything that is no such message."""
        if method != "POST":
            return 405, b"POST only\n", _invalid(f"{method} instead of POST")
        try:
            message = json.loads(body)
        except ValueError as error:
            return 400, b"not JSON\n", _invalid(f"not JSON ({error})")
        if not isinstance(message, dict):
            return 400, b"not an object\n", _invalid("JSON, but not an object")
        return 200, b"", _delivery(message)


def _invalid(why: str) -> Delivery:
    return Delivery("webhook", "invalid", (), why)


def _delivery(message: Mapping[str, Any]) -> Delivery:
    alerts = tuple(_alert(alert) for alert in message.get("alerts") or () if isinstance(alert, dict))
    text = "\n".join(_words(message))
    group, receiver = str(message.get("groupKey", "")), str(message.get("receiver", ""))
    return Delivery("webhook", str(message.get("status", "")), alerts, text, group, receiver)


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
