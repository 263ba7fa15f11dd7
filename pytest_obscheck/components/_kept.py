"""A session as prometheus-api-client wants one: GETs over connections that are kept, for half the CPU that requests takes."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit


@dataclass(frozen=True)
class Answer:
    """What the library reads of an answer."""

    status_code: int
    content: bytes

    @property
    def text(self) -> str:
        """Return the body as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body as JSON; ``ValueError`` where it is none."""
        return json.loads(self.content)


@dataclass(frozen=True)
class Kept:
    """Asks one server; several threads may do so at once. Raises ``OSError`` or ``HTTPException`` where it does not answer.

    ``refused`` is told of every answer that is not 200: it may raise something better than the library would.
    """

    url: str
    timeout: float
    refused: Callable[[Answer], None]
    _idle: list[http.client.HTTPConnection] = field(default_factory=list, repr=False)

    # What the library reads of a session, and hands back to it.
    verify: ClassVar[bool] = False
    cert: ClassVar[None] = None

    def mount(self, *_: Any) -> None:
        """Return: there is nothing to mount an adapter on."""

    def request(self, method: str, url: str, params: Mapping[str, str], **_: Any) -> Answer:
        """Return the answer to one request."""
        target = f"{urlsplit(url).path}?{urlencode(params)}"
        answer = self._answer(method, target)
        if answer.status_code != 200:
            self.refused(answer)
        return answer

    def _answer(self, method: str, target: str) -> Answer:
        for connection in self._kept():
            # One that was closed at the other end since says so; the next one may be alive, and a new one is.
            with suppress(ConnectionError, http.client.HTTPException):
                return self._ask(connection, method, target)
        host = urlsplit(self.url)
        return self._ask(http.client.HTTPConnection(str(host.hostname), host.port, timeout=self.timeout), method, target)

    def _ask(self, connection: http.client.HTTPConnection, method: str, target: str) -> Answer:
        try:
            connection.request(method, target)
            answer = connection.getresponse()
            content = answer.read()
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return Answer(answer.status, content)

    def _kept(self) -> Iterator[http.client.HTTPConnection]:
        # Another thread may take the last one at any time.
        with suppress(IndexError):
            while True:
                yield self._idle.pop()

    def close(self) -> None:
        """Let the kept connections go."""
        for connection in self._kept():
            connection.close()
