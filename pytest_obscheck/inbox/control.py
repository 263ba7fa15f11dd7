"""What the harness asks the inbox, as plain HTTP on a port of its own.

GET /ready · GET /deliveries?since=N · GET /refused · GET /scrapes · PUT, GET and DELETE /alterations/KEY
and /certificates/NAME (``{"left": SECONDS}``)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.inbox.authority import Authority
from pytest_obscheck.inbox.ledger import Ledger
from pytest_obscheck.inbox.mailbox import Mailbox
from pytest_obscheck.inbox.samples import Alterations
from pytest_obscheck.inbox.wire import Request, Response, said

ALTERATIONS, CERTIFICATES = "/alterations/", "/certificates/"


@dataclass(frozen=True)
class Control:
    """Answers the harness."""

    mailbox: Mailbox
    ledger: Ledger
    alterations: Alterations
    authority: Authority

    async def answer(self, request: Request) -> Response:
        """Answer one request; 404 for what is not there, 400 with the reason for what cannot be read."""
        url = urlsplit(request.target)
        if url.path.startswith(ALTERATIONS):
            return self._alteration(request, unquote(url.path.removeprefix(ALTERATIONS)))
        if url.path.startswith(CERTIFICATES):
            return self._certificate(request, unquote(url.path.removeprefix(CERTIFICATES)).lower())
        if request.method != "GET":
            return said(405, f"{request.method} is not what {url.path} is asked; write GET")
        return self._told(url.path, parse_qs(url.query))

    def _told(self, path: str, query: Mapping[str, list[str]]) -> Response:
        match path:
            case "/ready":
                return said(200, "ready")
            case "/deliveries":
                return self._deliveries(query.get("since", ["0"])[0])
            case "/refused":
                return _json(self.ledger.strangers())
            case "/scrapes":
                return _json(self.ledger.scrapes())
            case _:
                return said(
                    404,
                    f"nothing is called {path!r} here; there are /ready, /deliveries, /refused, /scrapes, /alterations/KEY, "
                    "/certificates/NAME",
                )

    def _deliveries(self, since: str) -> Response:
        if not since.isdecimal():
            return said(400, f"since={since} is not a number; it is the 'next' of the last answer, 0 at first")
        number, deliveries = self.mailbox.since(int(since))
        return _json({"next": number, "deliveries": deliveries})

    def _alteration(self, request: Request, key: str) -> Response:
        match request.method:
            case "PUT":
                return self._put(key, request.body)
            case "DELETE":
                self.alterations.remove(key)
                return Response(204)
            case "GET":
                told = self.alterations.told(key)
                return said(404, f"no alteration called {key!r}") if told is None else _json(told)
            case method:
                return said(405, f"{method} is not what an alteration is asked; write PUT, GET or DELETE")

    def _certificate(self, request: Request, name: str) -> Response:
        match request.method:
            case "PUT":
                return self._expire(name, request.body)
            case "DELETE":
                self.authority.renew(name)
                return Response(204)
            case "GET":
                return _json({"left": self.authority.left(name)})
            case method:
                return said(405, f"{method} is not what a certificate is asked; write PUT, GET or DELETE")

    def _expire(self, name: str, body: bytes) -> Response:
        try:
            self.authority.expire(name, float(json.loads(body)["left"]))
        except (ValueError, LookupError, TypeError, OverflowError):
            return said(400, f"{body!r} does not say how long a certificate lasts; write it like {{'left': 86400}}")
        return Response(204)

    def _put(self, key: str, body: bytes) -> Response:
        try:
            rule = json.loads(body)
            if not isinstance(rule, dict):
                return said(400, f"the rule {rule!r} is not an object")
            self.alterations.put(key, rule)
        except ConfigError as error:
            return said(400, str(error))
        except ValueError as error:
            return said(400, f"the rule is not JSON ({error})")
        return Response(204)


def _json(value: Any) -> Response:
    return Response(200, json.dumps(value).encode(), ((b"content-type", b"application/json"),))
