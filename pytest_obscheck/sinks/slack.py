"""Slack: incoming webhooks, and chat.postMessage where an app's token is configured.

The protocols: https://api.slack.com/messaging/webhooks and https://api.slack.com/methods/chat.postMessage
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.sinks._address import address
from pytest_obscheck.sinks._listed import alerts, status

UNNAMED = "slack-url-file.invalid:80"
"""Where a receiver leads whose URL stands in a file: the derived copy's file must say ``http://slack-url-file.invalid/``."""
APP = "https://slack.com/api/chat.postMessage"

_WORDS = ("pretext", "title", "title_link", "text", "fallback", "footer")


@dataclass(frozen=True)
class Slack:
    """The pretend Slack. By default its messages carry no labels: then ``alerts`` is empty and ``text`` holds all the words."""

    name = "slack"
    receiver_key = "slack_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return the host:port and path of the webhook, or of the app's API where a token is configured."""
        return address(_url(config, defaults), UNNAMED)

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take a message; Slack's own words for what it refuses. The path holds a secret and is not kept."""
        problem, message = _message(method, body)
        if path.startswith("/api/"):
            return _app(problem, message, headers)
        if problem:
            return 400, problem.encode(), Delivery("slack", "invalid", (), problem)
        return 200, b"ok", _delivery(message)


def _url(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Return the URL as Alertmanager chooses it: the receiver's own, else an app's, else the global one."""
    if config.get("api_url") or config.get("api_url_file"):
        return str(config.get("api_url") or "")
    tokens = (
        config.get("app_token"),
        config.get("app_token_file"),
        defaults.get("slack_app_token"),
        defaults.get("slack_app_token_file"),
    )
    if any(tokens):
        return str(config.get("app_url") or defaults.get("slack_app_url") or APP)
    return str(defaults.get("slack_api_url") or "")


def _message(method: str, body: bytes) -> tuple[str, Mapping[str, Any]]:
    """Return what is wrong with a request, and its message."""
    try:
        message = json.loads(body)
    except ValueError:
        return "invalid_payload", {}
    if method != "POST" or not isinstance(message, dict):
        return "invalid_payload", {}
    return ("" if message.get("text") or message.get("attachments") or message.get("blocks") else "no_text"), message


def _app(problem: str, message: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[int, bytes, Delivery]:
    """Answer as the Web API does: 200 whatever happens, and ``ok`` says whether it went well."""
    if not headers.get("authorization", "").lower().startswith("bearer "):
        problem = "not_authed"
    if not problem and not message.get("channel"):
        problem = "channel_not_found"
    if problem:
        return 200, json.dumps({"ok": False, "error": problem}).encode(), Delivery("slack", "invalid", (), problem)
    return 200, json.dumps({"ok": True, "channel": message["channel"], "ts": "1.000100"}).encode(), _delivery(message)


def _delivery(message: Mapping[str, Any]) -> Delivery:
    text = "\n".join(dict.fromkeys(_words(message)))
    return Delivery("slack", _status(message, text), alerts(text), text)


def _words(message: Mapping[str, Any]) -> Iterator[str]:
    for name in ("channel", "text"):
        yield from _said(message.get(name))
    for attachment in message.get("attachments") or ():
        for name in _WORDS:
            yield from _said(attachment.get(name))
        for field in attachment.get("fields") or ():
            yield f"{field.get('title', '')}: {field.get('value', '')}"
        for action in attachment.get("actions") or ():
            yield from _said(action.get("text"))


def _said(words: Any) -> Iterator[str]:
    if words:
        yield str(words)


def _status(message: Mapping[str, Any], text: str) -> str:
    """Return what the default title says, else what the default colours mean, else nothing."""
    colours = {attachment.get("color") for attachment in message.get("attachments") or ()}
    return status(text) or ("firing" if "danger" in colours else "resolved" if "good" in colours else "")
