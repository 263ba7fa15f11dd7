"""The time of day: the only module of the service that reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


def now() -> float:
    """Return the seconds since 1970."""
    return datetime.now(UTC).timestamp()  # noqa: TID251  the service's own time, not the harness's


def stamp(seconds: float | None = None) -> str:
    """Return an instant (default: now) as RFC 3339 in UTC: ``2026-05-01T12:00:00.000000+00:00``."""
    at = now() if seconds is None else seconds
    whole, part = divmod(round(at * 1_000_000), 1_000_000)
    return f"{_second(whole)}.{part:06d}+00:00"


@lru_cache(maxsize=8)
def _second(whole: int) -> str:
    # Most stamps are of the same second as the one before.
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
