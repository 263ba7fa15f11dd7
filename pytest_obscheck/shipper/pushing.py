"""Lines on their way to Loki: kept until they are taken, and counted where they are lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

KEPT = 10_000
"""Lines that wait at most; the oldest give way."""

BATCH = 1_000
TIMEOUT = 3.0


@dataclass(frozen=True)
class Entry:
    """One line: when, whose, and its text."""

    at: float
    member: str
    text: str


@dataclass
class Push:
    """Sends entries to one push API. ``sent``, ``lost`` (gave way, or were refused for good) and ``retries`` only grow."""

    client: httpx.AsyncClient
    url: str
    labels: Mapping[str, str]
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
            answer = await self.client.post(self.url, json=body(batch, self.labels), timeout=TIMEOUT)
        except httpx.HTTPError as error:
            self.retries, self.trouble = self.retries + 1, f"not reached: {error or type(error).__name__}"
            return False
        if answer.is_success:
            self.sent, self.trouble = self.sent + len(batch), ""
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


def body(batch: list[Entry], labels: Mapping[str, str]) -> dict[str, Any]:
    """Return entries as Loki's push API takes them: one stream for each member, times in nanoseconds."""
    streams: dict[str, list[list[str]]] = {}
    for entry in batch:
        streams.setdefault(entry.member, []).append([str(int(entry.at * 1_000_000) * 1_000), entry.text])
    return {"streams": [{"stream": {**labels, "service_name": name}, "values": rows} for name, rows in streams.items()]}
