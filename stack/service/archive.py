"""Keeps the history of requests in the database, minute by minute, so that a restart forgets nothing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from service.database import Database, Row, Statement
from service.history import MONTH, History, Totals
from service.timing import now

SAVE = Statement(
    "insert",
    "history",
    "INSERT INTO history (instance, minute, alive, requests, errors, seconds, buckets)"
    " VALUES (:instance, :minute, :alive, :requests, :errors, :seconds, :buckets)"
    " ON CONFLICT (instance, minute) DO UPDATE SET alive = excluded.alive, requests = excluded.requests,"
    " errors = excluded.errors, seconds = excluded.seconds, buckets = excluded.buckets",
)
LOAD = Statement(
    "select",
    "history",
    "SELECT minute, alive, errors, seconds, buckets FROM history"
    " WHERE instance = :instance AND minute > :since ORDER BY minute",
)
FORGET = Statement("delete", "history", "DELETE FROM history WHERE minute <= :since")
_AT_ONCE = 500
"""Rows after which other requests have their turn."""


@dataclass
class Archive:
    """Saves the minutes of one instance's history, each when it is over, and the last one at the end."""

    database: Database
    history: History
    instance: str
    loaded: bool = False
    saved: int = 0

    async def load(self) -> None:
        """Add what earlier lives of this instance saw in the last 30 days; the second time, nothing."""
        if self.loaded:
            return
        since = int(now() - MONTH) // 60
        rows = await self.database.run(LOAD, instance=self.instance, since=since)
        self.loaded = True
        self.saved = int(now()) // 60 - 1
        for index, row in enumerate(rows):
            self.history.restore(row["minute"], _totals(row))
            if index % _AT_ONCE == 0:
                await asyncio.sleep(0)

    async def save(self, *, whole: bool = False) -> None:
        """Save all minutes that are over and not saved yet; with ``whole`` the current one, too."""
        current = int(now()) // 60
        for minute in range(self.saved + 1, current + whole) if self.loaded else ():
            self.history.live(now())
            await self._save(minute)
            self.saved = min(minute, current - 1)

    async def _save(self, minute: int) -> None:
        totals = self.history.minute(minute)
        await self.database.run(
            SAVE,
            instance=self.instance,
            minute=minute,
            alive=totals.alive,
            requests=totals.requests,
            errors=totals.errors,
            seconds=totals.seconds,
            buckets=json.dumps(totals.buckets),
        )
        if minute % 60 == 0:
            await self.database.run(FORGET, since=minute - MONTH // 60)


def _totals(row: Row) -> Totals:
    return Totals(alive=row["alive"], errors=row["errors"], seconds=row["seconds"], buckets=tuple(json.loads(row["buckets"])))
