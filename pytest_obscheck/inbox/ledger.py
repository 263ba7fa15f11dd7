"""Who was scraped how often, and which hosts were asked for in vain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Ledger:
    """Counts by production host; ``now`` tells the Unix second."""

    now: Callable[[], float]
    _scrapes: dict[str, dict[str, int]] = field(default_factory=dict)
    _refused: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)

    def answered(self, host: str, status: int) -> None:
        """Note a scrape that was answered; any status but 200 is an error."""
        row = self._row(host)
        row["count"] += 1
        row["errors"] += status != 200
        row["status"] = status

    def aborted(self, host: str) -> None:
        """Note a scrape whose client went away before it had the whole answer: a scrape timeout."""
        row = self._row(host)
        row["count"] += 1
        row["aborted"] += 1

    def refused(self, host: str, by: str) -> bool:
        """Note that ``by`` asked for an unknown host; whether this is the first time."""
        row = self._refused.setdefault((host, by), {"host": host, "by": by, "count": 0, "first": self.now()})
        row["count"] += 1
        return bool(row["count"] == 1)

    def scrapes(self) -> dict[str, dict[str, int]]:
        """Return per production host: ``count``, ``errors``, last ``status`` (0 for none yet) and ``aborted``."""
        return self._scrapes

    def strangers(self) -> list[dict[str, Any]]:
        """Return the unknown hosts: ``host``, ``by`` (its User-Agent), ``count`` and ``first`` (Unix seconds)."""
        return list(self._refused.values())

    def _row(self, host: str) -> dict[str, int]:
        return self._scrapes.setdefault(host, {"count": 0, "errors": 0, "status": 0, "aborted": 0})
