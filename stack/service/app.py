"""The application: every part of the service, put together once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from service.archive import Archive
from service.audit import audit_router
from service.background import Rounds, keep_writing_lines
from service.business import business_router
from service.cache import create_cache
from service.checkout import checkout_router
from service.database import create_database
from service.errors import error_report, error_tags, flush_errors, report_errors
from service.failures import Unavailable
from service.gateway import Gateway, create_client
from service.health import Check, health_router
from service.history import History
from service.instrumentation import Instrumentation
from service.jobqueue import create_queue
from service.jobs import Desk
from service.metrics import Metrics, create_metrics
from service.operations import operations_router
from service.parts import Parts
from service.projects import projects_router, reports_router
from service.settings import Settings
from service.sla import sla_router
from service.system import SystemCollector
from service.timing import now
from service.tracing import Tracing, create_tracing
from service.transactions import transactions_router
from service.users import users_router

LOG = logging.getLogger(__name__)


def create_app(
    settings: Settings, transport: httpx.AsyncBaseTransport | None = None, tracing: Tracing | None = None
) -> FastAPI:
    """Return the service. ``transport`` stands in for the network to payments, ``tracing`` for what the settings say."""
    report_errors(settings)
    parts = create_parts(settings, transport, tracing or create_tracing(settings))
    history = History(now())
    rounds = Rounds(parts, history, _archive(settings, parts, history), settings.sample_interval)
    app = FastAPI(title=settings.name, lifespan=_life(settings, parts, rounds))
    app.state.parts, app.state.history = parts, history
    _add_routes(app, parts, settings, history)
    app.exception_handler(Unavailable)(_unavailable)
    if settings.instrumentation == "on":
        parts.metrics.registry.register(SystemCollector())
        tag = error_tags(settings)
        app.add_middleware(
            Instrumentation,
            metrics=parts.metrics,
            history=history,
            tracing=parts.tracing,
            tag=tag,
            exemplars=settings.exemplars == "on",
        )
        parts.tracing.watch(app, parts.gateway.client)
    return app


def create_parts(settings: Settings, transport: httpx.AsyncBaseTransport | None, tracing: Tracing) -> Parts:
    """Return what the handlers share, connected to nothing yet."""
    metrics = create_metrics(provider=settings.payment_provider)
    database = create_database(settings, metrics, tracing.watch_queries)
    return Parts(
        metrics=metrics,
        database=database,
        cache=create_cache(settings, metrics),
        queue=create_queue(settings, Desk(database, metrics)),
        gateway=Gateway(create_client(settings, transport), metrics, settings, error_report(settings)),
        tracing=tracing,
    )


def _archive(settings: Settings, parts: Parts, history: History) -> Archive | None:
    return Archive(parts.database, history, settings.instance) if settings.database_url else None


def _add_routes(app: FastAPI, parts: Parts, settings: Settings, history: History) -> None:
    _show(app, parts.metrics, exemplars=settings.exemplars == "on")
    for router in (
        checkout_router(parts.gateway),
        health_router(_checks(parts, settings), settings.check_fresh),
        business_router(parts.database),
        users_router(parts),
        operations_router(parts),
        transactions_router(parts),
        projects_router(parts),
        reports_router(parts),
        audit_router(parts.database),
        sla_router(history, settings),
    ):
        app.include_router(router)


def _checks(parts: Parts, settings: Settings) -> list[Check]:
    return [
        Check("payments", parts.gateway.check, settings.payments_check_timeout),
        Check("database", parts.database.check, settings.check_timeout),
        Check("cache", parts.cache.check, settings.check_timeout),
        Check("queue", parts.queue.check, settings.check_timeout),
    ]


def _show(app: FastAPI, metrics: Metrics, *, exemplars: bool) -> None:
    @app.get("/metrics", include_in_schema=False)
    async def exposition(request: Request) -> Response:
        understood = "application/openmetrics-text" in request.headers.get("accept", "")
        return metrics.exposition(exemplars=exemplars and understood)


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    LOG.error(
        "a dependency is not available", extra={"error_type": type(error.__cause__ or error).__name__, "error": str(error)}
    )
    return JSONResponse({"error": str(error)}, 503)


def _life(settings: Settings, parts: Parts, rounds: Rounds) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with parts.gateway.client:
            await rounds.begin()
            going = asyncio.gather(rounds.go(), keep_writing_lines())
            LOG.info("the service has started", extra={"release": settings.release, "environment": settings.environment})
            yield
            going.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await going
            await rounds.end()
            await _close(parts)
            flush_errors(settings)

    return lifespan


async def _close(parts: Parts) -> None:
    await parts.queue.close()
    await parts.cache.store.close()
    parts.database.close()
    parts.tracing.close()
