"""Rocket.Chat: chat.postMessage of its REST API.

The protocol: https://developer.rocket.chat/apidocs/post-message
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._listed import alerts, status
from pytest_obscheck.sinks._posted import answer, posted, words

API = "https://open.rocket.chat/"
COLOURS = {"red": "firing", "green": "resolved"}


@dataclass(frozen=True)
class RocketChat:
    """The pretend Rocket.Chat. By default its messages carry no labels: then ``alerts`` is empty."""

    name = "rocketchat"
    receiver_key = "rocketchat_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address of the server."""
        return address(config.get("api_url") or defaults.get("rocketchat_api_url") or API, "open.rocket.chat:443")

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take a message: 200; 401 without a token, 400 without a channel."""
        message = posted(method, body) or {}
        if not headers.get("x-auth-token") or not headers.get("x-user-id"):
            return self._refused(401, "You must be logged in to do this.")
        if not message.get("channel") and not message.get("roomId"):
            return self._refused(400, "[invalid-channel]")
        attachments = [each for each in message.get("attachments") or () if isinstance(each, dict)]
        fields = [field for each in attachments for field in each.get("fields") or ()]
        shown = ([each.get(name) for name in ("title", "title_link", "text")] for each in attachments)
        text = words(message.get("channel"), message.get("text"), *shown, *({f.get("title"): f.get("value")} for f in fields))
        colours = (COLOURS[each["color"]] for each in attachments if each.get("color") in COLOURS)
        said = Delivery(self.name, status(text) or next(colours, ""), alerts(text), text)
        return 200, answer(success=True, channel=message.get("channel"), ts=0), said

    def _refused(self, code: int, why: str) -> tuple[int, bytes, Delivery]:
        return code, answer(success=False, error=why), Delivery(self.name, "invalid", (), why)
