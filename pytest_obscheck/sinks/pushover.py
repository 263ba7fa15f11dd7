"""Pushover: the messages API, with everything in the query of a POST.

The protocol: https://pushover.net/api
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._listed import alerts, status
from pytest_obscheck.sinks._posted import answer, words

EMERGENCY = "2"


@dataclass(frozen=True)
class Pushover:
    """The pretend Pushover. Labels are read from the default message, as far as its 1,024 characters hold them."""

    name = "pushover"
    receiver_key = "pushover_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the one address there is."""
        return "api.pushover.net:443", "/1/messages.json"

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take a message: 200; 400 with every error. Keys are looked at and never kept."""
        given = dict(parse_qsl(urlsplit(path).query)) | dict(parse_qsl(body.decode("utf-8", "replace")))
        errors = list(_errors(method, given))
        if errors:
            said = "\n".join(errors)
            return 400, answer(status=0, request="0", errors=errors), Delivery(self.name, "invalid", (), said)
        message = given["message"]
        if given.get("html") == "1":
            message = html.unescape(re.sub(r"<[^>]*>", "", message))
        shown = {name: given[name] for name in ("priority", "sound", "device", "url", "url_title") if given.get(name)}
        text = words(given.get("title"), message, shown)
        return 200, answer(status=1, request="0"), Delivery(self.name, status(text), alerts(message), text)


def _errors(method: str, given: Mapping[str, str]) -> Iterator[str]:
    if method != "POST":
        yield "only POST is allowed"
    yield from (f"{name} is missing" for name in ("token", "user", "message") if not given.get(name))
    if given.get("priority") == EMERGENCY:
        yield from (f"{name} must be supplied with priority=2" for name in ("expire", "retry") if not given.get(name))
