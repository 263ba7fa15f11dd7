"""Microsoft Teams: webhooks of Power Automate workflows, which take adaptive cards.

The protocol: https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._listed import alerts, status
from pytest_obscheck.sinks._posted import answer, posted, words

UNNAMED = "msteamsv2-webhook-url-file.invalid:80"
"""Where a receiver leads whose URL stands in a file: the derived copy's file must say ``http://…`` and this name."""
COLOURS = {"Attention": "firing", "Good": "resolved"}


@dataclass(frozen=True)
class MsTeamsV2:
    """The pretend workflow. Labels are read from the default text."""

    name = "msteamsv2"
    receiver_key = "msteamsv2_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address of the webhook; ``UNNAMED`` where its URL stands in a file."""
        return address(config.get("webhook_url"), UNNAMED)

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take a message with an adaptive card: 202; 400 where there is none. The path holds a secret and is not kept."""
        blocks = list(_blocks(posted(method, body) or {}))
        if not blocks:
            why = "there is no adaptive card in it"
            return 400, answer(error={"code": "BadRequest", "message": why}), Delivery(self.name, "invalid", (), why)
        text = words(*(block.get("text") for block in blocks))
        colours = (COLOURS[block["color"]] for block in blocks if block.get("color") in COLOURS)
        return 202, b"", Delivery(self.name, status(text) or next(colours, ""), alerts(text), text)


def _blocks(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for attachment in message.get("attachments") or ():
        if isinstance(attachment, dict) and attachment.get("contentType") == "application/vnd.microsoft.card.adaptive":
            yield from (block for block in (attachment.get("content") or {}).get("body") or () if isinstance(block, dict))
