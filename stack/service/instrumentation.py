"""A plain ASGI middleware that counts and times every HTTP request, whatever becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.metrics import Metrics

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass
class _Answer:
    """The status code of one request; 500 until the application says otherwise, as after an unhandled exception."""

    send: Send
    status: int = field(default=500)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self.send(message)


@dataclass(frozen=True)
class RequestMetrics:
    """Counts and times every HTTP request of ``app``."""

    app: ASGIApp
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note its status and its whole duration afterwards."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer, begun = _Answer(send), perf_counter()
        try:
            await self.app(scope, receive, answer)
        finally:
            self._note(scope, answer.status, perf_counter() - begun)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method, endpoint = _method(scope), _endpoint(scope)
        self.metrics.requests.labels(method, endpoint, str(status)).inc()
        self.metrics.request_seconds.labels(method, endpoint).observe(seconds)


def _method(scope: Scope) -> str:
    # Clients may send any word as a method: each would be a series of its own.
    return scope["method"] if scope["method"] in METHODS else "other"


def _endpoint(scope: Scope) -> str:
    # The route's template, never the path: /orders/1, /orders/2 … must be one series.
    return str(getattr(scope.get("route"), "path", "unmatched"))
