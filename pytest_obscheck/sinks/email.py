"""E-mail over SMTP; the labels are read back from Alertmanager's default HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Any

from pytest_obscheck.protocols import Delivery

SMTP = "smtp"
_PAIR = re.compile(r"([^\s=]+) = (.*)", re.DOTALL)
_HEADING = re.compile(r"\[[0-9]+\] (Firing|Resolved)")


@dataclass(frozen=True)
class Email:
    """The pretend mail server."""

    name = "email"
    receiver_key = "email_configs"

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return ``("smtp", recipients)``: no name leads to a mail sink, its smarthost must be the network's ``smtp``."""
        return SMTP, str(config.get("to") or "")

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery]:
        """Take the message of one SMTP transaction; ``path`` are its recipients. 554 where it has no header."""
        message = message_from_bytes(body, policy=policy.default)
        if not isinstance(message, EmailMessage) or not message.keys():
            return 554, b"5.6.0 the message has no header", Delivery("email", "invalid", (), "a message without a header")
        subject = str(message.get("subject", ""))
        pieces = _pieces(message)
        alerts = tuple(_alerts(pieces))
        text = "\n".join([f"To: {path}", f"Subject: {subject}", *_plain(message), *pieces])
        return 250, b"2.0.0 OK", Delivery("email", _status(subject, alerts), alerts, text)


def _part(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part else ""


def _plain(message: EmailMessage) -> list[str]:
    text = _part(message, "plain").strip()
    return [text] if text else []


def _pieces(message: EmailMessage) -> list[str]:
    """Return the texts of the HTML body, one for each stretch between two tags."""
    reader = _Texts()
    reader.feed(_part(message, "html"))
    reader.close()
    return reader.pieces


@dataclass
class _Texts(HTMLParser):
    pieces: list[str] = field(default_factory=list)
    _hidden: bool = False

    def __post_init__(self) -> None:
        """Let HTMLParser set itself up."""
        super().__init__()

    # The names are HTMLParser's.
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden = tag in ("style", "script", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._hidden:
            self.pieces.append(data.strip())


def _alerts(pieces: list[str]) -> list[dict[str, Any]]:
    alerts: list[dict[str, Any]] = []
    status, into = "", ""
    for piece in pieces:
        heading, pair = _HEADING.fullmatch(piece), _PAIR.fullmatch(piece)
        if heading:
            status, into = heading[1].lower(), ""
        elif piece == "Labels" and status:
            alerts.append({"labels": {}, "annotations": {}, "status": status})
            into = "labels"
        elif piece == "Annotations" and alerts:
            into = "annotations"
        elif pair and into:
            alerts[-1][into][pair[1]] = pair[2]
        else:
            into = ""
    return alerts


def _status(subject: str, alerts: tuple[Mapping[str, Any], ...]) -> str:
    """Return what the alerts say, else what the default subject says, else nothing."""
    states = {alert["status"] for alert in alerts}
    if states:
        return "firing" if "firing" in states else "resolved"
    found = re.search(r"\[(FIRING|RESOLVED)\b", subject)
    return found[1].lower() if found else ""
