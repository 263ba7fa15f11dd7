"""Lines on their way to a store: kept until they are taken, and counted where they are lost."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

KEPT = 10_000
"""Lines that wait at most; the oldest give way."""

BATCH = 1_000
TIMEOUT = 3.0
JSON, NDJSON = "application/json", "application/x-ndjson"
INDEX = "lines"
"""The index of a search engine that lines go to."""


@dataclass(frozen=True)
class Entry:
    """One line: when, whose, and its text."""

    at: float
    member: str
    text: str


@dataclass(frozen=True)
class Api:
    """How a store takes entries: the body and its type, and how many of them an answer of 200 refused for good."""

    body: Callable[[list[Entry], Mapping[str, str]], str]
    type: str
    refused: Callable[[httpx.Response], int] = lambda _: 0


@dataclass
class Push:
    """Sends entries to one API. ``sent``, ``lost`` (gave way, or were refused for good) and ``retries`` only grow."""

    client: httpx.AsyncClient
    url: str
    labels: Mapping[str, str]
    api: Api
    waiting: deque[Entry] = field(default_factory=deque)
    sent: int = 0
    lost: int = 0
    retries: int = 0
    trouble: str = ""

    def add(self, entry: Entry) -> None:
        """Let a line wait; the oldest is lost where too many do."""
        if len(self.waiting) >= KEPT:
            self.waiting.popleft()
            self.lost += 1
        self.waiting.append(entry)

    async def flush(self) -> None:
        """Send what waits, as far as it is taken."""
        while self.waiting:
            batch = [self.waiting[number] for number in range(min(BATCH, len(self.waiting)))]
            if not await self._sent(batch):
                return
            for _ in batch:
                self.waiting.popleft()

    async def _sent(self, batch: list[Entry]) -> bool:
        """Send a batch; return whether it is done with, because it was taken or will never be."""
        try:
            body, kind = self.api.body(batch, self.labels), {"Content-Type": self.api.type}
            answer = await self.client.post(self.url, content=body, headers=kind, timeout=TIMEOUT)
        except httpx.HTTPError as error:
            self.retries, self.trouble = self.retries + 1, f"not reached: {error or type(error).__name__}"
            return False
        if answer.is_success:
            refused = self.api.refused(answer)
            self.sent, self.lost = self.sent + len(batch) - refused, self.lost + refused
            self.trouble = f"{refused} of {len(batch)} lines were refused" if refused else ""
            return True
        self.trouble = f"{answer.status_code}: {answer.text.strip()[:200]}"
        if answer.status_code == 429 or answer.status_code >= 500:
            self.retries += 1
            return False
        self.lost += len(batch)
        return True

    def metrics(self) -> str:
        """Return its counts for Prometheus."""
        counts = {"sent": self.sent, "lost": self.lost, "retries": self.retries}
        lines = [f"# TYPE shipper_{name}_total counter\nshipper_{name}_total {count}\n" for name, count in counts.items()]
        return "".join([*lines, f"# TYPE shipper_waiting gauge\nshipper_waiting {len(self.waiting)}\n"])


def streams(batch: list[Entry], labels: Mapping[str, str]) -> str:
    """Return entries as Loki's push API takes them: one stream for each member, times in nanoseconds."""
    found: dict[str, list[list[str]]] = {}
    for entry in batch:
        found.setdefault(entry.member, []).append([str(int(entry.at * 1_000_000) * 1_000), entry.text])
    return json.dumps(
        {"streams": [{"stream": {**labels, "service_name": name}, "values": rows} for name, rows in found.items()]}
    )


def documents(batch: list[Entry], labels: Mapping[str, str]) -> str:
    """Return entries as the bulk API of search engines takes them: a document each, with its action on the line above."""
    rows = []
    for entry in batch:
        stamp = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="microseconds")
        document = {"@timestamp": stamp, "message": entry.text, "labels": {**labels, "service_name": entry.member}}
        rows += [json.dumps({"create": {"_index": INDEX}}), json.dumps(document)]
    return "".join(f"{row}\n" for row in rows)


def refused_documents(answer: httpx.Response) -> int:
    """Return how many documents a bulk request had refused: it is answered with 200 all the same."""
    items = answer.json().get("items", [])
    return sum(item["create"]["status"] >= 300 for item in items)


LOKI, ELASTICSEARCH = Api(streams, JSON), Api(documents, NDJSON, refused_documents)
APIS = {"loki": LOKI, "elasticsearch": ELASTICSEARCH}
