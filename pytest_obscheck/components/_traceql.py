"""A client for Tempo's HTTP API: traces by TraceQL and by id."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.components._http import Http
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.signals import Span

LIMIT = 5000
"""The most traces that a search gives."""

YOUNG = 3.0
"""Seconds before the end of a search after whose beginning a trace may still grow unnoticed; it is fetched once more then."""

_KEPT = 20_000
"""Traces of which the spans are remembered."""


@dataclass
class TempoClient:
    """Asks one Tempo; every method but ``ready`` raises ``LookFailed`` where it cannot."""

    http: Http
    _known: dict[str, tuple[object, list[Span]]] = field(default_factory=dict)

    def ready(self) -> bool:
        """Whether it takes and gives spans now."""
        return self.http.ok("/ready")

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()

    def find_spans(self, service: str, start: float, end: float) -> list[Span]:
        """Return all spans of the traces that a service had a part in and that began in that time."""
        found = self._search(f"{{ resource.service.name = {json.dumps(service, ensure_ascii=False)} }}", start, end)
        began = [(row, int(row["startTimeUnixNano"]) / 1e9) for row in found]
        seen = {row["traceID"]: (at < end - YOUNG, _extent(row)) for row, at in began if start <= at <= end}
        return [span for trace, state in seen.items() for span in self._spans(trace, state)]

    def query_spans(self, query: str, start: float, end: float) -> list[Span]:
        """Return the spans that a TraceQL query finds in that time."""
        rows = self._search(query, start, end)
        ids = {
            (_whole(row["traceID"]), span["spanID"]) for row in rows for each in _sets(row) for span in each.get("spans") or ()
        }
        every = (span for trace in dict.fromkeys(row["traceID"] for row in rows) for span in self._spans(trace))
        return [span for span in every if (span.trace, span.id) in ids]

    def _search(self, query: str, start: float, end: float) -> list[Mapping[str, Any]]:
        # It takes whole seconds, and leaves the last one out.
        ends = {"start": str(math.floor(start)), "end": str(math.ceil(end) + 1)}
        params = {"q": query, **ends, "limit": str(LIMIT), "spss": "100"}
        answer = self.http.get("/api/search", params)
        if answer.status_code != 200:
            said = " ".join(answer.text.split())[:300]
            raise LookFailed(f"{self.http.name} answered {query!r} with {answer.status_code}: {said}")
        try:
            return list(answer.json().get("traces") or [])
        except (ValueError, AttributeError):
            raise LookFailed(f"{self.http.name} answered {query!r} with something that are no traces") from None

    def _spans(self, trace: str, state: object = None) -> list[Span]:
        """Return the spans of a trace; it is asked for again only where its state is not what it was, or not known."""
        before, spans = self._known.get(trace, (None, []))
        if state is not None and state == before:
            return spans
        answer = self.http.json(f"/api/v2/traces/{trace}")
        try:
            found = list(_spans(_whole(trace), answer["trace"]))
        except (LookupError, TypeError, ValueError, AttributeError):
            raise LookFailed(f"{self.http.name} answered /api/v2/traces with something that is no trace") from None
        if state is not None and len(self._known) < _KEPT:
            self._known[trace] = (state, found)
        return found


def _whole(trace: str) -> str:
    """Return the id of a trace as everybody else writes it: a search leaves its leading zeros out."""
    return trace.zfill(32)


def _extent(row: Mapping[str, Any]) -> object:
    """Return what a search tells of a trace that changes when it grows: the spans found, and how many each service has."""
    stats = {service: told.get("spanCount") for service, told in (row.get("serviceStats") or {}).items()}
    return {span["spanID"] for each in _sets(row) for span in each.get("spans") or ()}, stats


def _sets(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(row.get("spanSets") or ([row["spanSet"]] if row.get("spanSet") else []))


def _spans(trace: str, told: Mapping[str, Any]) -> Iterator[Span]:
    for part in told.get("resourceSpans") or ():
        resource = _attributes((part.get("resource") or {}).get("attributes"))
        for scope in part.get("scopeSpans") or ():
            for span in scope.get("spans") or ():
                start, end = int(span["startTimeUnixNano"]) / 1e9, int(span["endTimeUnixNano"]) / 1e9
                yield Span(
                    trace=trace,
                    id=_hex(span["spanId"]),
                    parent=_hex(span.get("parentSpanId") or ""),
                    service=resource.get("service.name", ""),
                    name=span.get("name", ""),
                    kind=str(span.get("kind", "")).removeprefix("SPAN_KIND_").lower() or "internal",
                    start=start,
                    seconds=end - start,
                    failed=(span.get("status") or {}).get("code") == "STATUS_CODE_ERROR",
                    attributes=_attributes(span.get("attributes")),
                )


def _hex(id_: str) -> str:
    """Return an id as everybody else writes it: here, as in all JSON of Protobuf, bytes are in base64."""
    return base64.b64decode(id_).hex()


def _attributes(rows: Any) -> dict[str, str]:
    return {str(row["key"]): _text(row.get("value") or {}) for row in rows or ()}


def _text(value: Mapping[str, Any]) -> str:
    found = next(iter(value.values()), "")
    return str(found).lower() if isinstance(found, bool) else str(found)
