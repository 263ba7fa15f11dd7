"""Telegram: sendMessage of the Bot API.

The protocol: https://core.telegram.org/bots/api#sendmessage
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._listed import alerts, status
from pytest_obscheck.sinks._posted import answer, posted

API = "https://api.telegram.org"
LONGEST = 4096


@dataclass(frozen=True)
class Telegram:
    """The pretend Telegram. Labels are read from the default message."""

    name = "telegram"
    receiver_key = "telegram_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the address of the API; the bot's token follows in the path."""
        host, path = address(config.get("api_url") or defaults.get("telegram_api_url") or API, "api.telegram.org:443")
        return host, f"{path.rstrip('/')}/bot"

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take a message: 200 with it; 400 where it is empty, too long, or to nobody. The path holds a secret, not kept."""
        message = posted(method, body) or {}
        text = str(message.get("text") or "")
        if message.get("parse_mode") == "HTML":
            text = html.unescape(re.sub(r"<[^>]*>", "", text))
        chat = str(message.get("chat_id") or "")
        why = _wrong(chat, text)
        if why:
            said = answer(ok=False, error_code=400, description=f"Bad Request: {why}")
            return 400, said, Delivery(self.name, "invalid", (), why)
        result = {"message_id": 1, "date": 0, "chat": {"id": int(chat), "type": "group"}, "text": text}
        return 200, answer(ok=True, result=result), Delivery(self.name, status(text), alerts(text), text.strip())


def _wrong(chat: str, text: str) -> str:
    if not re.fullmatch(r"-?[0-9]+", chat):
        return "chat_id is empty" if not chat else "chat not found"
    if not text.strip():
        return "message text is empty"
    return "message is too long" if len(text) > LONGEST else ""
