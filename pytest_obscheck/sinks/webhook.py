"""A webhook that takes Alertmanager's own JSON (version 4).

The format: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._payload import delivered

UNNAMED = "webhook-url-file.invalid:80"
"""Where a receiver leads whose URL stands in a file: the derived copy's file must say ``http://webhook-url-file.invalid/``."""


@dataclass(frozen=True)
class Webhook:
    """The pretend webhook."""

    name = "webhook"
    receiver_key = "webhook_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the host:port and path of ``url``; ``UNNAMED`` where the URL stands in a file."""
        host, path = address(config.get("url"), UNNAMED)
        # A URL may be a template: what comes after its fixed beginning differs from alert to alert.
        return host, path.partition("{{")[0]

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
        return 200, b"", delivered(self.name, message)


def _invalid(why: str) -> Delivery:
    return Delivery("webhook", "invalid", (), why)
