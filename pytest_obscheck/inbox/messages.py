"""HTTP/1.1 messages out of bytes and into bytes; llhttp (through httptools) does the parsing."""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httptools

HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
     b"transfer-encoding", b"upgrade")
)  # fmt: skip
LAST_CHUNK = b"0\r\n\r\n"

Headers = Sequence[tuple[bytes, bytes]]


class Malformed(ValueError):
    """What the other side says is not HTTP/1.1."""


class CutOff(ConnectionError):
    """The other side went away in the middle of a message."""


@dataclass(frozen=True)
class Head:
    """What comes before a body; ``line`` is a request's target or an answer's reason, header names are in lower case."""

    headers: Headers
    line: bytes
    method: str = ""
    status: int = 0
    version: str = "1.1"
    keeps: bool = True


@dataclass(frozen=True)
class End:
    """A message is over; ``stream`` says that the connection is, too."""

    stream: bool = False


@dataclass
class Messages:
    """The messages of one direction: feed it bytes, take ``Head``, body (``bytes``) and ``End`` from ``events``."""

    requests: bool
    events: deque[Head | bytes | End] = field(default_factory=deque)
    _parser: Any = None
    _headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    _line: bytes = b""
    _open: bool = False

    def __post_init__(self) -> None:
        """Begin at the start of a message."""
        self._parser = httptools.HttpRequestParser(self) if self.requests else httptools.HttpResponseParser(self)

    def feed(self, data: bytes | memoryview) -> None:
        """Read on; no bytes are the end of the stream. ``Malformed`` or ``CutOff`` where that does not fit."""
        if not data:
            self._ended()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # CONNECT and Upgrade end the HTTP on this connection; whoever answers decides what comes next.
            return
        except httptools.HttpParserError as error:
            raise Malformed(str(error)) from None

    def _ended(self) -> None:
        names = {name for name, _ in self._headers}
        if self._open and (self.requests or names & {b"content-length", b"transfer-encoding"}):
            raise CutOff("it closed the connection in the middle of a message")
        self.events.append(End(stream=True))

    # The names from here on are httptools's.

    def on_message_begin(self) -> None:
        """Forget the message before."""
        self._headers, self._line, self._open = [], b"", True

    def on_url(self, url: bytes) -> None:
        """Take (a part of) a request's target."""
        self._line += url

    def on_status(self, reason: bytes) -> None:
        """Take (a part of) an answer's reason."""
        self._line += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header."""
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Hand on the head."""
        method = self._parser.get_method().decode() if self.requests else ""
        status = 0 if self.requests else self._parser.get_status_code()
        version, keeps = self._parser.get_http_version(), self._parser.should_keep_alive()
        self.events.append(Head(self._headers, self._line, method, status, version, keeps))

    def on_body(self, body: bytes) -> None:
        """Hand on a piece of the body."""
        self.events.append(body)

    def on_message_complete(self) -> None:
        """Hand on the end."""
        self._open = False
        self.events.append(End())


def value(headers: Headers, name: bytes) -> str:
    """Return the first header of that (lower-case) name, or nothing."""
    for key, text in headers:
        if key == name:
            return text.decode("latin-1")
    return ""


def without(headers: Headers, names: Container[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the headers but those."""
    return [pair for pair in headers if pair[0] not in names]


def request_head(method: str, target: str, headers: Headers) -> bytes:
    """Return the bytes of a request up to its body."""
    return b"%s %s HTTP/1.1\r\n%s\r\n" % (method.encode(), target.encode("latin-1"), _lines(headers))


def answer_head(status: int, reason: bytes, headers: Headers) -> bytes:
    """Return the bytes of an answer up to its body; the standard reason where none is given."""
    return b"HTTP/1.1 %d %s\r\n%s\r\n" % (status, reason or _phrase(status), _lines(headers))


def chunk(body: bytes) -> bytes:
    """Return a piece of a body of unknown length."""
    return b"%x\r\n%s\r\n" % (len(body), body)


def _lines(headers: Headers) -> bytes:
    return b"".join([b"%s: %s\r\n" % pair for pair in headers])


def _phrase(status: int) -> bytes:
    try:
        return HTTPStatus(status).phrase.encode()
    except ValueError:
        return b""
