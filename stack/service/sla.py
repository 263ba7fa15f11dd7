"""Whether the service keeps its promises, computed from what became of each request."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum

from fastapi import APIRouter, HTTPException
from starlette.responses import JSONResponse

from service.history import MONTH, History, Totals
from service.settings import Settings
from service.timing import now, stamp

WARNING = 0.8
"""Share of what is allowed (errors, seconds) from which on a promise is in danger."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Standing(StrEnum):
    """How a promise stands, best first; no data is not good news, and not bad."""

    COMPLIANT = "compliant"
    NO_DATA = "no data"
    WARNING = "warning"
    VIOLATED = "violated"


@dataclass(frozen=True)
class Promise:
    """One objective: what is measured, and against which target. ``used``: share of what is allowed that is used up."""

    name: str
    unit: str
    target: float
    measure: Callable[[Totals], float | None]
    used: Callable[[float, float], float]
    words: str


@dataclass(frozen=True)
class Standpoint:
    """How one promise stands; ``value`` is ``None`` without data, ``begin`` and ``end`` bound what was counted."""

    metric: str
    target: float
    value: float | None
    unit: str
    status: Standing
    period: str
    description: str
    begin: str
    end: str
    requests: int


def promises(settings: Settings) -> dict[str, Promise]:
    """Return all promises by name."""
    made = (
        Promise("availability", "ratio", settings.sla_availability, _available, _budget, "requests not answered with 5xx"),
        Promise("response_time", "seconds", settings.sla_response_time, _p95, _share, "95th percentile of the durations"),
        Promise("error_rate", "ratio", settings.sla_error_rate, _failing, _share, "requests answered with 5xx"),
        Promise(
            "throughput", "requests per second", settings.sla_throughput, _per_second, _lack, "requests for each second alive"
        ),
    )
    return {promise.name: promise for promise in made}


def _available(totals: Totals) -> float | None:
    return 1 - totals.errors / totals.requests if totals.requests else None


def _failing(totals: Totals) -> float | None:
    return totals.errors / totals.requests if totals.requests else None


def _p95(totals: Totals) -> float | None:
    return totals.quantile(0.95)


def _per_second(totals: Totals) -> float | None:
    return totals.requests / totals.alive if totals.alive else None


def _budget(value: float, target: float) -> float:
    return _share(1 - value, 1 - target)


def _share(value: float, target: float) -> float:
    return value / target if target else float("inf") if value > 0 else 0.0


def _lack(value: float, target: float) -> float:
    return _share(target, value)


def standpoint(promise: Promise, totals: Totals, period: float) -> Standpoint:
    """Return how a promise stands in a window."""
    value = promise.measure(totals)
    return Standpoint(
        metric=promise.name,
        target=promise.target,
        value=value,
        unit=promise.unit,
        status=_standing(promise, value),
        period=in_words(period),
        description=promise.words,
        begin=stamp(totals.begin),
        end=stamp(totals.end),
        requests=totals.requests,
    )


def _standing(promise: Promise, value: float | None) -> Standing:
    if value is None:
        return Standing.NO_DATA
    # Figures such as 1 - 0.999 are not exact: a target that is just met must not count as missed.
    used = round(promise.used(value, promise.target), 9)
    if used > 1:
        return Standing.VIOLATED
    return Standing.WARNING if used > WARNING else Standing.COMPLIANT


def worst(standpoints: list[Standpoint]) -> Standing:
    """Return the worst of all standings."""
    order = list(Standing)
    return max((each.status for each in standpoints), key=order.index, default=Standing.NO_DATA)


def in_words(seconds: float) -> str:
    """Return a period as people write it: ``30d``, ``90s``."""
    unit, size = next((unit, size) for unit, size in reversed(_UNITS.items()) if seconds % size == 0 or size == 1)
    return f"{seconds / size:g}{unit}"


def in_seconds(words: str) -> float:
    """Return the seconds of ``30d``; ``ValueError`` says what would be right."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", words)
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if 1 <= seconds <= MONTH:
        return seconds
    raise ValueError(f"period: {words!r} is not a period from 1s to 30d; write it like '1h'")


def sla_router(history: History, settings: Settings) -> APIRouter:
    """Return the routes that tell how the promises stand; each takes ``?period=1h``."""
    router = APIRouter(tags=["sla"])
    known = promises(settings)

    def window(period: str | None) -> tuple[Totals, float]:
        try:
            seconds = in_seconds(period) if period else settings.sla_period
        except ValueError as error:
            raise HTTPException(422, str(error)) from error
        return history.window(now(), seconds), seconds

    @router.get("/monitoring/sla")
    async def every(period: str | None = None) -> JSONResponse:
        """Tell how each promise stands."""
        totals, seconds = window(period)
        standpoints = [standpoint(promise, totals, seconds) for promise in known.values()]
        return JSONResponse({"status": worst(standpoints), "metrics": [asdict(each) for each in standpoints]})

    @router.get("/monitoring/sla/{metric}")
    async def one(metric: str, period: str | None = None) -> JSONResponse:
        """Tell how one promise stands; 404 with the names that there are."""
        if metric not in known:
            return JSONResponse({"error": f"no metric is called {metric!r}", "valid": list(known)}, 404)
        return JSONResponse(asdict(standpoint(known[metric], *window(period))))

    @router.get("/sla/status")
    async def status(period: str | None = None) -> JSONResponse:
        """Tell in one word for each promise."""
        totals, seconds = window(period)
        standpoints = [standpoint(promise, totals, seconds) for promise in known.values()]
        words = {each.metric: each.status for each in standpoints}
        return JSONResponse({"status": worst(standpoints), "metrics": words, "period": in_words(seconds)})

    @router.get("/sla/uptime")
    async def uptime(period: str | None = None) -> JSONResponse:
        """Tell how long the service has run, and how much of the period it is known to have run."""
        totals, seconds = window(period)
        return JSONResponse(_uptime(history, totals, seconds))

    return router


def _uptime(history: History, totals: Totals, seconds: float) -> dict[str, object]:
    return {
        "started": stamp(history.started),
        "uptime_seconds": max(0.0, totals.end - history.started),
        "period": in_words(seconds),
        "alive_seconds": totals.alive,
        "alive_ratio_of_period": min(1.0, totals.alive / (totals.end - totals.begin)) if totals.end > totals.begin else None,
        "availability": _available(totals),
        "mean_response_time_seconds": totals.seconds / totals.requests if totals.requests else None,
    }
