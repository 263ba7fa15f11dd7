"""incident.io: an HTTP alert source that takes Alertmanager's own JSON.

The protocol: https://api-docs.incident.io/tag/Alert-Events-V2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._payload import delivered
from pytest_obscheck.sinks._posted import answer, posted

UNNAMED = "incidentio-url-file.invalid:80"
"""Where a receiver leads whose URL stands in a file: the derived copy's file must say ``http://incidentio-url-file.invalid/``."""


@dataclass(frozen=True)
class IncidentIo:
    """The pretend incident.io. Every label arrives."""

    name = "incidentio"
    receiver_key = "incidentio_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address of the alert source; ``UNNAMED`` where its URL stands in a file."""
        return address(config.get("url"), UNNAMED)

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take an event: 202; 401 without a token, 422 for anything that is no such message."""
        message = posted(method, body)
        if not headers.get("authorization", "").lower().startswith("bearer "):
            return 401, answer(message="unauthorized"), Delivery(self.name, "invalid", (), "there is no bearer token")
        if message is None:
            return 422, answer(message="invalid event"), Delivery(self.name, "invalid", (), "not a POST of a JSON object")
        said = replace(delivered(self.name, message), merges=True)
        return 202, answer(status="success", message="Event accepted for processing"), said
