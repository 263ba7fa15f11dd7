"""What was reported, in the order of arrival, and the answers that a real Sentry gives."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.inbox.wire import Request, Response, said
from pytest_obscheck.intake.envelope import EVENTS, Item, decoded, items, stored

_TAKES = re.compile(r"/api/[^/]+/(envelope|store)/?(\?.*)?")
_TYPE = ((b"content-type", b"application/json"),)


@dataclass(frozen=True)
class Reports:
    """Everything that came; ``now`` tells the Unix second. Of sessions and attachments the number is kept."""

    now: Callable[[], float]
    _events: list[dict[str, Any]] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)
    _lost: Counter[str] = field(default_factory=Counter)

    async def answer(self, request: Request) -> Response:
        """Answer an SDK's POST, or the harness's GET of ``/reports``."""
        if request.method == "GET":
            return self._told() if request.target == "/reports" else said(404, "not here")
        found = _TAKES.fullmatch(request.target)
        if not found or request.method != "POST":
            return said(404, "POST to /api/PROJECT/envelope/ or /api/PROJECT/store/")
        try:
            body = decoded(request.body, request.header(b"content-encoding").lower())
            came = list(items(body)) if found[1] == "envelope" else [stored(body)]
        except ValueError as error:
            self._counts["invalid"] += 1
            return Response(400, json.dumps({"detail": str(error)}).encode(), _TYPE)
        for item in came:
            self._take(item)
        first = next((item.payload.get("event_id", "") for item in came if item.type in EVENTS), "")
        return Response(200, json.dumps({"id": first}).encode(), _TYPE)

    def _take(self, item: Item) -> None:
        self._counts[item.type] += 1
        if item.type in EVENTS:
            self._events.append({"at": self.now(), "kind": item.type, "rate": item.sample_rate, "event": item.payload})
        elif item.type == "client_report":
            for lost in item.payload.get("discarded_events") or ():
                self._lost[f"{lost.get('category')}: {lost.get('reason')}"] += int(lost.get("quantity", 0))

    def _told(self) -> Response:
        told = {"events": self._events, "counts": self._counts, "lost": self._lost}
        return Response(200, json.dumps(told).encode(), _TYPE)
