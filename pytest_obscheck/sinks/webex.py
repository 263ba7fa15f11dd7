"""Webex: the messages API.

The protocol: https://developer.webex.com/docs/api/v1/messages/create-a-message
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._listed import alerts, status
from pytest_obscheck.sinks._posted import answer, posted, words

API = "https://webexapis.com/v1/messages"


@dataclass(frozen=True)
class Webex:
    """The pretend Webex. Labels are read from the default message."""

    name = "webex"
    receiver_key = "webex_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address of the API."""
        return address(config.get("api_url") or defaults.get("webex_api_url") or API, "webexapis.com:443")

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take a message: 200; 401 without a bearer token, 400 without a room or words."""
        message = posted(method, body) or {}
        if not headers.get("authorization", "").lower().startswith("bearer "):
            return self._refused(401, "The request requires a valid access token set in the Authorization request header.")
        if not message.get("roomId") or not message.get("markdown"):
            return self._refused(400, "One or more of the required fields is missing: roomId, markdown.")
        text = words(message["markdown"])
        return 200, answer(id="0", roomId=message["roomId"]), Delivery(self.name, status(text), alerts(text), text)

    def _refused(self, code: int, why: str) -> tuple[int, bytes, Delivery]:
        return code, answer(message=why), Delivery(self.name, "invalid", (), why)
