"""Whether the service lives, whether it is ready, and because of what not."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from time import perf_counter

from fastapi import APIRouter
from starlette.responses import JSONResponse

Probe = Callable[[], Awaitable[dict[str, str]]]
"""Looks at one dependency: returns details, or raises what is wrong with it."""


class Status(StrEnum):
    """How well a part of the service is, best first."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True)
class Check:
    """One dependency and the seconds that it has to answer."""

    name: str
    probe: Probe
    timeout: float

    async def run(self) -> Finding:
        """Look at the dependency; never raises, and never takes longer than its timeout."""
        begun = perf_counter()
        details, wrong = await self._look()
        duration = perf_counter() - begun
        status, message = (Status.UNHEALTHY, wrong) if wrong else grade(duration, self.timeout)
        return Finding(self.name, status, message, round(duration, 6), details=details)

    async def _look(self) -> tuple[dict[str, str], str]:
        try:
            async with asyncio.timeout(self.timeout):
                return await self.probe(), ""
        except TimeoutError:
            return {}, f"no answer within {self.timeout * 1000:g} ms"
        except Exception as error:  # noqa: BLE001  whatever a probe raises is its finding
            return {}, f"{type(error).__name__}: {error}".removesuffix(": ")


@dataclass(frozen=True)
class Finding:
    """What one check found; ``duration`` is in seconds, ``timestamp`` its end in UTC."""

    name: str
    status: Status
    message: str
    duration: float
    timestamp: str = field(default_factory=lambda: datetime.now(UTC).isoformat())  # noqa: TID251  not the harness's time
    details: dict[str, str] = field(default_factory=dict)


def grade(duration: float, timeout: float) -> tuple[Status, str]:
    """Return the status of a dependency that answered well, and why: degraded where it took more than half of its time."""
    if duration > timeout / 2:
        return Status.DEGRADED, f"slow: more than half of its {timeout * 1000:g} ms"
    return Status.HEALTHY, "ok"


async def run_checks(checks: Sequence[Check]) -> list[Finding]:
    """Run all checks at once: together they take as long as the slowest."""
    return list(await asyncio.gather(*(check.run() for check in checks)))


@dataclass
class Checkup:
    """Runs all checks for whoever asks; findings of less than ``fresh`` seconds ago are believed.

    Whoever asks more often would only burden what is checked.
    """

    checks: Sequence[Check]
    fresh: float
    _found: list[Finding] = field(default_factory=list)
    _at: float = -math.inf

    async def findings(self) -> list[Finding]:
        """Return what each check found, just now."""
        if perf_counter() - self._at >= self.fresh:
            self._found = await run_checks(self.checks)
            self._at = perf_counter()
        return self._found


def summary(findings: Sequence[Finding]) -> dict[str, object]:
    """Return the whole picture: the worst status, every finding, and the names of those that failed."""
    order = list(Status)
    failed = [finding.name for finding in findings if finding.status is Status.UNHEALTHY]
    return {
        "status": max((finding.status for finding in findings), key=order.index, default=Status.HEALTHY),
        "checks": [asdict(finding) for finding in findings],
        "total": len(findings),
        "healthy": sum(finding.status is Status.HEALTHY for finding in findings),
        "failed_checks": failed,
    }


def health_router(checks: Sequence[Check], fresh: float = 0.0) -> APIRouter:
    """Return the routes under ``/health``."""
    router, checkup = APIRouter(prefix="/health", tags=["health"]), Checkup(checks, fresh)

    @router.get("/")
    async def basic() -> JSONResponse:
        """Tell that the service answers."""
        return JSONResponse({"status": Status.HEALTHY})

    @router.get("/liveness")
    async def liveness() -> JSONResponse:
        """Tell that the process lives; asks nobody else, so a failing dependency never gets the service restarted."""
        return JSONResponse({"status": "alive"})

    @router.get("/readiness")
    async def readiness() -> JSONResponse:
        """Tell whether traffic may be sent here: 503 while a dependency fails."""
        whole = summary(await checkup.findings())
        failed = whole["failed_checks"]
        return JSONResponse({"ready": not failed, "failed_checks": failed}, 503 if failed else 200)

    @router.get("/detailed")
    async def detailed() -> JSONResponse:
        """Tell what each check found."""
        return JSONResponse(summary(await checkup.findings()))

    return router
