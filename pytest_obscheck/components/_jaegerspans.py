"""A client for Jaeger's query API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.components._http import Http
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.signals import Span

LIMIT = 5000
"""The most traces that are asked for at once."""


@dataclass
class JaegerClient:
    """Asks one Jaeger; every method but ``ready`` raises ``LookFailed`` where it cannot."""

    http: Http

    def ready(self) -> bool:
        """Whether it can be asked for traces now."""
        return self.http.ok("/api/services")

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()

    def find_spans(self, service: str, start: float, end: float) -> list[Span]:
        """Return all spans of the traces that a service had a part in and that began in that time."""
        ends = {"start": str(int(start * 1e6)), "end": str(int(end * 1e6))}
        answer = self.http.json("/api/traces", {"service": service, **ends, "limit": str(LIMIT)})
        try:
            return [span for trace in answer["data"] or () for span in _spans(trace)]
        except (LookupError, TypeError, ValueError):
            raise LookFailed(f"{self.http.name} answered /api/traces with something that are no traces") from None


def _spans(trace: Mapping[str, Any]) -> Iterator[Span]:
    for span in trace["spans"]:
        tags = {str(tag["key"]): _text(tag["value"]) for tag in span.get("tags") or ()}
        yield Span(
            trace=span["traceID"],
            id=span["spanID"],
            parent=_parent(span.get("references") or ()),
            service=trace["processes"][span["processID"]]["serviceName"],
            name=span["operationName"],
            kind=tags.get("span.kind", "internal"),
            start=span["startTime"] / 1e6,
            seconds=span["duration"] / 1e6,
            failed=tags.get("error") == "true" or tags.get("otel.status_code") == "ERROR",
            attributes=tags,
        )


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _parent(references: Iterable[Mapping[str, Any]]) -> str:
    return next((str(each["spanID"]) for each in references if each.get("refType") == "CHILD_OF"), "")
