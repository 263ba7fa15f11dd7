"""OpsGenie: the Alert API v2. An alert is created with all its words and closed by its alias alone.

The protocol: https://docs.opsgenie.com/docs/alert-api
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._listed import alerts
from pytest_obscheck.sinks._posted import answer, posted, words

API = "https://api.opsgenie.com/"
_CLOSE = re.compile(r"/v2/alerts/([^/?]+)/close\b")
_UPDATE = re.compile(r"/v2/alerts/[^/?]+/(?:message|description)\b")


@dataclass(frozen=True)
class OpsGenie:
    """The pretend OpsGenie. Labels are read from the default description; a close names its alias (``group``) only."""

    name = "opsgenie"
    receiver_key = "opsgenie_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address of the API."""
        return address(config.get("api_url") or defaults.get("opsgenie_api_url") or API, "api.opsgenie.com:443")

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery | None]:
        """Take a request: 202; 401 without a key, 422 with every error. An update of the text repeats what was created."""
        if not headers.get("authorization", "").startswith("GenieKey "):
            return self._refused(401, "Could not authenticate")
        if method == "PUT" and _UPDATE.search(path):
            return 202, _taken(), None
        message, closed = posted(method, body), _CLOSE.search(path)
        if closed:
            return (
                202,
                _taken(),
                Delivery(self.name, "resolved", (), f"closed by its alias {closed[1]}", closed[1], merges=True),
            )
        if message is None or not message.get("message"):
            return self._refused(422, "Message can not be empty.")
        return 202, _taken(), self._created(message)

    def _created(self, message: Mapping[str, Any]) -> Delivery:
        description = str(message.get("description", ""))
        names = ("message", "priority", "responders", "tags", "entity", "source", "note", "actions", "details")
        text = words(*(_labelled(name, message.get(name)) for name in names), description)
        alias = str(message.get("alias", ""))
        return Delivery(self.name, "firing", alerts(description), text, alias, merges=bool(alias))

    def _refused(self, code: int, why: str) -> tuple[int, bytes, Delivery]:
        return code, answer(message=why, took=0.001, requestId="0"), Delivery(self.name, "invalid", (), why)


def _labelled(name: str, value: Any) -> str:
    """Return a field as a line: who is told and how urgent it is are words, too."""
    if name == "responders":
        value = [who.get("name") or who.get("username") or who.get("id") for who in value or ()]
    if isinstance(value, list):
        value = ", ".join(str(each) for each in value)
    if isinstance(value, Mapping):
        value = words(value)
    return str(value or "") if name in ("message", "details") else f"{name}: {value}" if value else ""


def _taken() -> bytes:
    return answer(result="Request will be processed", took=0.001, requestId="0")
