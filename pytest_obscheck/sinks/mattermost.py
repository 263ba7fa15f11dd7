"""Mattermost: incoming webhooks.

The protocol: https://developers.mattermost.com/integrate/webhooks/incoming/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._listed import alerts, status
from pytest_obscheck.sinks._posted import answer, posted, words

UNNAMED = "mattermost-webhook-url-file.invalid:80"
"""Where a receiver leads whose URL stands in a file: the derived copy's file must say ``http://…`` and this name."""


@dataclass(frozen=True)
class Mattermost:
    """The pretend Mattermost. Labels are read from the default text."""

    name = "mattermost"
    receiver_key = "mattermost_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address of the webhook; ``UNNAMED`` where its URL stands in a file."""
        return address(config.get("webhook_url"), UNNAMED)

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take a message: 200; 400 where it says nothing. The path holds a secret and is not kept."""
        message = posted(method, body) or {}
        attachments = [each for each in message.get("attachments") or () if isinstance(each, dict)]
        if not message.get("text") and not attachments:
            why = "No text specified."
            return 400, answer(message=why, status_code=400), Delivery(self.name, "invalid", (), why)
        names = ("pretext", "title", "title_link", "text", "fallback")
        attached = ([each.get(name) for name in names] for each in attachments)
        text = words(message.get("channel"), message.get("text"), *attached)
        return 200, b"ok", Delivery(self.name, status(text), alerts(text), text)
