"""Spans, where somebody wants them: OpenTelemetry is imported only if an OTLP endpoint is configured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import httpx
from fastapi import FastAPI

from service.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from sqlalchemy import Engine

SpanIds = Mapping[str, str]
"""``trace_id`` and ``span_id`` as log lines show them; empty without a span."""


class Tracing(Protocol):
    """What the service does with spans."""

    def span(self, name: str, **attributes: str | float) -> AbstractContextManager[None]:
        """Be inside a span of that name."""

    def request(self, correlation_id: str, user_id: str) -> AbstractContextManager[SpanIds]:
        """Put the ids of a request on its span and into the baggage of all that it causes."""

    def watch(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        """Make spans of all requests that come in and go out."""

    def watch_queries(self, engine: Engine) -> None:
        """Make spans of all queries."""

    def close(self) -> None:
        """Send what is not sent yet."""


@dataclass(frozen=True)
class NoTracing:
    """Does nothing, at no cost."""

    def span(self, name: str, **attributes: str | float) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()

    def request(self, correlation_id: str, user_id: str) -> AbstractContextManager[SpanIds]:
        """Do nothing."""
        return nullcontext({})

    def watch(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        """Do nothing."""

    def watch_queries(self, engine: Engine) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class OpenTelemetry:
    """Makes spans with the OpenTelemetry SDK; W3C trace context and baggage go along with every call."""

    provider: TracerProvider

    @contextmanager
    def span(self, name: str, **attributes: str | float) -> Iterator[None]:
        """Be inside a span of that name; an exception marks it as failed."""
        with self.provider.get_tracer("service").start_as_current_span(name, attributes=attributes):
            yield

    @contextmanager
    def request(self, correlation_id: str, user_id: str) -> Iterator[SpanIds]:
        """Put the ids of a request on its span and into the baggage of all that it causes."""
        from opentelemetry import baggage, context, trace  # noqa: PLC0415

        ids = {"correlation.id": correlation_id, "user.id": user_id}
        span, carried = trace.get_current_span(), context.get_current()
        for name, value in ids.items():
            if value:
                span.set_attribute(name, value)
                carried = baggage.set_baggage(name, value, carried)
        with ExitStack() as undo:
            undo.callback(context.detach, context.attach(carried))
            yield _ids(span.get_span_context())

    def watch(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        """Make spans of all requests that come in and go out; probes and scrapes are left out."""
        from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor  # noqa: PLC0415
        from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor  # noqa: PLC0415

        FastAPIInstrumentor.instrument_app(app, tracer_provider=self.provider, excluded_urls="/health/.*,/metrics")
        HTTPXClientInstrumentor.instrument_client(client, tracer_provider=self.provider)

    def watch_queries(self, engine: Engine) -> None:
        """Make spans of all queries."""
        from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor  # noqa: PLC0415

        # It works with SQLAlchemy 2.1, too, which its own check of versions does not know yet.
        SQLAlchemyInstrumentor().instrument(engine=engine, tracer_provider=self.provider, skip_dep_check=True)

    def close(self) -> None:
        """Send what is not sent yet."""
        self.provider.shutdown()


def _ids(context: Any) -> SpanIds:
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}


def create_tracing(settings: Settings, exporter: Callable[[], Any] | None = None) -> Tracing:
    """Return spans that go to the configured endpoint, or none; ``exporter`` makes one that gets each span at once."""
    if not settings.otlp_endpoint and exporter is None:
        return NoTracing()
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

    resource = Resource.create(
        {
            "service.name": settings.name,
            "service.instance.id": settings.instance,
            "service.version": settings.release,
            "deployment.environment.name": settings.environment,
        }
    )
    provider = TracerProvider(resource=resource, sampler=ParentBased(TraceIdRatioBased(settings.trace_ratio)))
    provider.add_span_processor(_sender(settings) if exporter is None else _at_once(exporter()))
    return OpenTelemetry(provider)


def _sender(settings: Settings) -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    return BatchSpanProcessor(OTLPSpanExporter(f"{settings.otlp_endpoint.rstrip('/')}/v1/traces", timeout=2))


def _at_once(exporter: Any) -> Any:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: PLC0415

    return SimpleSpanProcessor(exporter)
