"""Plain ASGI middleware: every HTTP request has its ids, is counted, timed and logged, whatever becomes of it."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from os import urandom
from time import perf_counter

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Tag
from service.history import History
from service.logs import bound, log_fields
from service.metrics import Metrics
from service.timing import now
from service.tracing import Tracing

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CORRELATION, USER = b"x-correlation-id", b"x-user-id"
OWN = ("/health", "/metrics", "/monitoring", "/sla", "/docs", "/openapi.json", "/webhooks", "/audit")
"""Paths that monitoring asks for: they keep no promise to users, and their lines are for debugging."""

LOG = logging.getLogger(__name__)
_SAFE = re.compile(rb"[\w.:@+/=-]{1,128}")


@dataclass
class _Answer:
    """The status code of one request; 500 until the application says otherwise, as after an unhandled exception."""

    send: Send
    headers: tuple[tuple[bytes, bytes], ...] = ()
    status: int = 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self.headers]
        await self.send(message)


@dataclass(frozen=True)
class RequestIds:
    """Gives each request its ids: on its log lines, on its span, in the baggage, on its error, and in its answer."""

    app: ASGIApp
    tracing: Tracing
    tag: Tag

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its ids; the correlation id is the caller's, else a new one."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, user = urandom(16).hex(), _header(scope, USER)
        correlation = _header(scope, CORRELATION) or request
        self.tag({"correlation_id": correlation, "user_id": user})
        with (
            self.tracing.request(correlation, user) as span,
            bound({"correlation_id": correlation, "request_id": request, **({"user_id": user} if user else {}), **span}),
        ):
            await self.app(scope, receive, _Answer(send, ((CORRELATION, correlation.encode()),)))


@dataclass(frozen=True)
class RequestMetrics:
    """Counts, times and logs every HTTP request of ``app``."""

    app: ASGIApp
    metrics: Metrics
    history: History
    _children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note its status and its whole duration afterwards."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer, begun, error_type = _Answer(send), perf_counter(), ""
        try:
            await self.app(scope, receive, answer)
        except Exception as error:
            error_type = type(error).__name__
            raise
        finally:
            self._note(scope, answer.status, perf_counter() - begun, error_type)

    def _note(self, scope: Scope, status: int, seconds: float, error_type: str) -> None:
        method, endpoint = _method(scope), _endpoint(scope)
        counter, histogram = self._child(method, endpoint, status)
        counter.inc()
        histogram.observe(seconds)
        own = scope["path"].startswith(OWN)
        if not own:
            self.history.note(now(), seconds, failed=status >= 500)
        level = _level(status, own=own)
        if LOG.isEnabledFor(level):
            fields = {"method": method, "endpoint": endpoint, "status": status, "duration": round(seconds, 6)}
            log_fields(LOG, level, f"{method} {endpoint} {status}", fields | ({"error_type": error_type} if error_type else {}))

    def _child(self, method: str, endpoint: str, status: int) -> tuple[Counter, Histogram]:
        # There are few of them, and labels() takes longer than counting does.
        key = (method, endpoint, status)
        if key not in self._children:
            counter = self.metrics.requests.labels(method, endpoint, str(status))
            self._children[key] = counter, self.metrics.request_seconds.labels(method, endpoint)
        return self._children[key]


def _level(status: int, *, own: bool) -> int:
    if status >= 500:
        return logging.WARNING if own else logging.ERROR
    return logging.DEBUG if own else logging.INFO


def _header(scope: Scope, name: bytes) -> str:
    # What a caller sends goes into logs and headers: only what can do no harm there is taken.
    for key, value in scope["headers"]:
        if key == name:
            return value.decode("ascii") if _SAFE.fullmatch(value) else ""
    return ""


def _method(scope: Scope) -> str:
    # Clients may send any word as a method: each would be a series of its own.
    return scope["method"] if scope["method"] in METHODS else "other"


def _endpoint(scope: Scope) -> str:
    # The route's template, never the path: /orders/1, /orders/2 … must be one series.
    return str(getattr(scope.get("route"), "path", "unmatched"))
