"""VictorOps (Splunk On-Call): the generic REST integration.

The protocol: https://help.victorops.com/knowledge-base/rest-endpoint-integration-guide/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._listed import alerts
from pytest_obscheck.sinks._posted import answer, posted, words

API = "https://alert.victorops.com/integrations/generic/20131114/alert/"
STATUSES = {
    "CRITICAL": "firing",
    "WARNING": "firing",
    "INFO": "firing",
    "ACKNOWLEDGEMENT": "acknowledged",
    "RECOVERY": "resolved",
}


@dataclass(frozen=True)
class VictorOps:
    """The pretend VictorOps. Labels are read from the default ``state_message``."""

    name = "victorops"
    receiver_key = "victorops_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address of the integration."""
        return address(config.get("api_url") or defaults.get("victorops_api_url") or API, "alert.victorops.com:443")

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take an event: 200 with its ``entity_id``, 400 where its type is none. The path holds a secret and is not kept."""
        message = posted(method, body) or {}
        status = STATUSES.get(str(message.get("message_type")))
        if status is None:
            why = f"'message_type' is {message.get('message_type')!r}; it is one of {', '.join(STATUSES)}"
            return 400, answer(result="failure", message=why), Delivery(self.name, "invalid", (), why)
        group, state = str(message.get("entity_id", "")), str(message.get("state_message", ""))
        own = {name: value for name, value in message.items() if name not in ("entity_id", "state_message")}
        return (
            200,
            answer(result="success", entity_id=group),
            Delivery(self.name, status, alerts(state), words(own, state), group, merges=bool(group)),
        )
