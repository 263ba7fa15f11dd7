"""Discord: webhooks.

The protocol: https://discord.com/developers/docs/resources/webhook#execute-webhook
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._listed import alerts, status
from pytest_obscheck.sinks._posted import answer, posted, words

UNNAMED = "discord-webhook-url-file.invalid:80"
"""Where a receiver leads whose URL stands in a file: the derived copy's file must say ``http://…`` and this name."""
LIMITS = {"title": 256, "description": 4096}
COLOURS = {0x992D22: "firing", 0x2ECC71: "resolved"}


@dataclass(frozen=True)
class Discord:
    """The pretend Discord. Labels are read from the default message."""

    name = "discord"
    receiver_key = "discord_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address of the webhook; ``UNNAMED`` where its URL stands in a file."""
        return address(config.get("webhook_url"), UNNAMED)

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take a message: 204; 400 where it is empty or too long. The path holds a secret and is not kept."""
        message = posted(method, body) or {}
        embeds = [each for each in message.get("embeds") or () if isinstance(each, dict)]
        why = next(_errors(message, embeds), "")
        if why:
            return 400, answer(message=why, code=50006), Delivery(self.name, "invalid", (), why)
        text = words(message.get("content"), *((each.get("title"), each.get("description")) for each in embeds))
        colours = (COLOURS.get(each.get("color", 0), "") for each in embeds)
        return 204, b"", Delivery(self.name, status(text) or next(colours, ""), alerts(text), text)


def _errors(message: Mapping[str, Any], embeds: list[dict[str, Any]]) -> Iterator[str]:
    if not message.get("content") and not embeds:
        yield "Cannot send an empty message"
    for embed in embeds:
        for name, most in LIMITS.items():
            if len(str(embed.get(name, ""))) > most:
                yield f"embeds.{name}: Must be {most} or fewer in length."
