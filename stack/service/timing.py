"""The time of day: the only module of the service that reads it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> float:
    """Return the seconds since 1970."""
    return datetime.now(UTC).timestamp()  # noqa: TID251  the service's own time, not the harness's


def stamp(seconds: float | None = None) -> str:
    """Return an instant (default: now) as RFC 3339 in UTC: ``2026-05-01T12:00:00.000000+00:00``."""
    return datetime.fromtimestamp(now() if seconds is None else seconds, UTC).isoformat(timespec="microseconds")
