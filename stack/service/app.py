"""The application: every part of the service, put together once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
from fastapi import FastAPI
from starlette.responses import Response

from service.checkout import checkout_router
from service.gateway import Gateway, create_client
from service.health import Check, health_router
from service.instrumentation import RequestMetrics
from service.metrics import Metrics, create_metrics
from service.settings import Settings


def create_app(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> FastAPI:
    """Return the service. ``transport`` stands in for the network between it and payments."""
    metrics = create_metrics()
    client = create_client(settings, transport)
    gateway = Gateway(client, metrics, settings)
    app = FastAPI(title="checkout", lifespan=_closing(client))
    app.include_router(checkout_router(gateway))
    app.include_router(health_router([Check("payments", gateway.check, settings.payments_check_timeout)]))
    _show(app, metrics)
    app.add_middleware(RequestMetrics, metrics=metrics)
    return app


def _closing(client: httpx.AsyncClient) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with client:
            yield

    return lifespan


def _show(app: FastAPI, metrics: Metrics) -> None:
    @app.get("/metrics", include_in_schema=False)
    async def exposition() -> Response:
        return metrics.exposition()
