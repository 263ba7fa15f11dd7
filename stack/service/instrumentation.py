"""Plain ASGI middleware: every HTTP request has its ids, is counted, timed and logged, whatever becomes of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from os import urandom
from time import perf_counter
from typing import Any

from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.errors import Tag
from service.history import History
from service.logs import Write, bound, short_cut
from service.metrics import Metrics
from service.timing import now
from service.tracing import Tracing

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CORRELATION, USER = b"x-correlation-id", b"x-user-id"
OWN = ("/health", "/metrics", "/monitoring", "/sla", "/docs", "/openapi.json", "/webhooks", "/audit")
"""Paths that monitoring asks for: they keep no promise to users, and their lines are for debugging."""

LOG = logging.getLogger(__name__)
_SAFE = re.compile(rb"[\w.:@+/=-]{1,128}")


@dataclass(slots=True)
class _Answer:
    """What is sent for one request, with its correlation id; its status is 500 until the application says otherwise."""

    send: Send
    correlation: bytes
    status: int = 500

    def __call__(self, message: Message) -> Awaitable[None]:
        # Not a coroutine of its own: that would be one more for each message.
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), (CORRELATION, self.correlation)]
        return self.send(message)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What requests of one method, endpoint and status have in common."""

    counter: Counter
    histogram: Histogram
    own: bool
    level: int
    message: str
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Instrumentation:
    """Counts, times and logs every HTTP request of ``app``.

    Its ids are on its log lines, on its span, in the baggage, on its error, and in its answer.
    One middleware for all: each one more is a coroutine more for the request, and one for each message of its answer.
    """

    app: ASGIApp
    metrics: Metrics
    history: History
    tracing: Tracing
    tag: Tag
    exemplars: bool = False
    write: Write = field(default_factory=lambda: short_cut(LOG))
    _kinds: dict[tuple[str, str, int, bool], _Kind] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its ids, the caller's correlation id or a new one; note its status and whole duration."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun, request = perf_counter(), urandom(16).hex()
        correlation, user = _given(scope)
        correlation = correlation or request
        self.tag({"correlation_id": correlation, "user_id": user})
        answer, error_type, example = _Answer(send, correlation.encode()), "", None
        with self.tracing.request(correlation, user) as span, bound(_ids(correlation, request, user, span)):
            if self.exemplars and span:
                example = {"trace_id": span["trace_id"]}
            try:
                await self.app(scope, receive, answer)
            except Exception as error:
                error_type = type(error).__name__
                raise
            finally:
                self._note(scope, answer.status, perf_counter() - begun, error_type, example)

    def _note(self, scope: Scope, status: int, seconds: float, error_type: str, example: dict[str, str] | None) -> None:
        kind = self._kind(_method(scope), _endpoint(scope), status, scope["path"].startswith(OWN))
        if example:
            # An example has the time at which it is counted.
            kind.counter.inc()
            kind.histogram.observe(seconds, example)
        else:
            self.metrics.tally.note(kind.counter, kind.histogram, seconds)
        if not kind.own:
            self.history.note(now(), seconds, failed=status >= 500)
        if LOG.isEnabledFor(kind.level):
            fields = {**kind.fields, "duration": round(seconds, 6)}
            self.write(kind.level, kind.message, {**fields, "error_type": error_type} if error_type else fields)

    def _kind(self, *key: *tuple[str, str, int, bool]) -> _Kind:
        # There are few of them, and labels() takes longer than counting does.
        if key not in self._kinds:
            self._kinds[key] = self._new_kind(*key)
        return self._kinds[key]

    def _new_kind(self, method: str, endpoint: str, status: int, own: bool) -> _Kind:
        return _Kind(
            counter=self.metrics.requests.labels(method, endpoint, str(status)),
            histogram=self.metrics.request_seconds.labels(method, endpoint),
            own=own,
            level=_level(status, own=own),
            message=f"{method} {endpoint} {status}",
            fields={"method": method, "endpoint": endpoint, "status": status},
        )


def _level(status: int, *, own: bool) -> int:
    if status >= 500:
        return logging.WARNING if own else logging.ERROR
    return logging.DEBUG if own else logging.INFO


def _ids(correlation: str, request: str, user: str, span: Mapping[str, str]) -> dict[str, str]:
    ids = {"correlation_id": correlation, "request_id": request, **span}
    return {**ids, "user_id": user} if user else ids


def _given(scope: Scope) -> tuple[str, str]:
    # What a caller sends goes into logs and headers: only what can do no harm there is taken.
    correlation, user = b"", b""
    for key, value in scope["headers"]:
        if key == CORRELATION:
            correlation = correlation or value
        elif key == USER:
            user = user or value
    return _safe(correlation), _safe(user)


def _safe(value: bytes) -> str:
    return value.decode("ascii") if value and _SAFE.fullmatch(value) else ""


def _method(scope: Scope) -> str:
    # Clients may send any word as a method: each would be a series of its own.
    return scope["method"] if scope["method"] in METHODS else "other"


def _endpoint(scope: Scope) -> str:
    # The route's template, never the path: /orders/1, /orders/2 … must be one series.
    return str(getattr(scope.get("route"), "path", "unmatched"))
