"""Microsoft Teams: incoming webhooks of Office 365 connectors.

The protocol: https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._listed import alerts, status
from pytest_obscheck.sinks._posted import posted, words

UNNAMED = "msteams-webhook-url-file.invalid:80"
"""Where a receiver leads whose URL stands in a file: the derived copy's file must say ``http://…`` and this name."""
COLOURS = {"8C1A1A": "firing", "2DC72D": "resolved"}


@dataclass(frozen=True)
class MsTeams:
    """The pretend connector. Labels are read from the default text."""

    name = "msteams"
    receiver_key = "msteams_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address of the webhook; ``UNNAMED`` where its URL stands in a file."""
        return address(config.get("webhook_url"), UNNAMED)

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take a card: 200 and ``1``; 400 where it says nothing. The path holds a secret and is not kept."""
        card = posted(method, body) or {}
        if not card.get("summary") and not card.get("text"):
            why = "Summary or Text is required."
            return 400, why.encode(), Delivery(self.name, "invalid", (), why)
        text = words(card.get("title"), card.get("summary"), card.get("text"))
        said = status(text) or COLOURS.get(str(card.get("themeColor")), "")
        return 200, b"1", Delivery(self.name, said, alerts(text), text)
