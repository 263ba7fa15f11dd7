"""Spans, baggage and errors: what is sent when somebody wants it, and that nothing is imported when nobody does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

STACK = Path(__file__).parents[2] / "stack"
PATIENT = {"database_timeout": 30.0, "payments_timeout": 30.0}
"""The first query imports what databases need, which takes longer on a slow machine than a query may."""
HEAVY = ("sqlalchemy", "redis", "celery", "opentelemetry.sdk", "opentelemetry.exporter", "sentry_sdk", "psycopg")


@pytest.fixture
def spans(_service_can_be_imported: None) -> Any:
    """Return what keeps spans in memory."""
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: PLC0415

    return InMemorySpanExporter()


@pytest.fixture
def traced(make_shop: Any, spans: Any) -> Any:
    """Return a service that makes spans of everything."""
    return make_traced(make_shop, spans)


def make_traced(make_shop: Any, spans: Any, **settings: Any) -> Any:
    from service.settings import Settings  # noqa: PLC0415
    from service.tracing import create_tracing  # noqa: PLC0415

    patient = {**PATIENT, **settings}
    return make_shop(create_tracing(Settings(port=0, **patient), lambda: spans), **patient)


def _named(spans: Any, name: str) -> Any:
    return next(span for span in spans.get_finished_spans() if span.name == name)


def test_one_request_is_one_trace_with_its_queries_and_its_own_span(traced: Any, spans: Any) -> None:
    traced.ask("POST", "/ai/operations", json={"model_name": "large"}, headers={"X-Correlation-ID": "c-1"})

    server, own = _named(spans, "POST /ai/operations"), _named(spans, "inference")
    query = next(span for span in spans.get_finished_spans() if span.name.startswith("INSERT"))
    assert server.attributes["correlation.id"] == "c-1"
    assert dict(own.attributes) == {"model.name": "large", "model.type": "text"}
    assert own.parent.span_id == server.context.span_id
    assert query.context.trace_id == server.context.trace_id
    assert server.resource.attributes["service.name"] == "checkout"
    assert server.resource.attributes["deployment.environment.name"] == "production"


def test_context_and_baggage_go_along_to_payments(traced: Any, spans: Any) -> None:
    sent: list[httpx.Headers] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.headers)
        return httpx.Response(201, json={"id": "payment-1"})

    traced.payments = answer
    traced.ask("POST", "/checkout", json={}, headers={"X-Correlation-ID": "c-2", "X-User-ID": "ann"})

    server = _named(spans, "POST /checkout")
    assert sent[0]["traceparent"].split("-")[1] == f"{server.context.trace_id:032x}"
    assert sent[0]["baggage"] == "correlation.id=c-2,user.id=ann"


def test_the_caller_s_trace_goes_on(traced: Any, spans: Any) -> None:
    traced.ask("GET", "/", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})

    assert f"{_named(spans, 'GET /').context.trace_id:032x}" == "a" * 32


def test_an_exemplar_leads_to_the_trace_where_it_is_wanted_and_understood(make_shop: Any, spans: Any) -> None:
    shop = make_traced(make_shop, spans, exemplars="on")
    shop.ask("GET", "/", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})

    told = shop.ask("GET", "/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"})

    assert told.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert f'# {{trace_id="{"a" * 32}"}}' in told.text
    assert "trace_id" not in shop.ask("GET", "/metrics").text


def test_nothing_is_sampled_at_a_ratio_of_0_unless_the_caller_does(make_shop: Any, spans: Any) -> None:
    shop = make_traced(make_shop, spans, trace_ratio=0.0)

    shop.ask("GET", "/")
    assert spans.get_finished_spans() == ()

    shop.ask("GET", "/", headers={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    assert _named(spans, "GET /")


def test_probes_and_scrapes_make_no_spans(traced: Any, spans: Any) -> None:
    traced.ask("GET", "/health/liveness")
    traced.ask("GET", "/metrics")

    assert [span.name for span in spans.get_finished_spans()] == []


def _python(code: str, **environment: str) -> Any:
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=STACK,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_alone_the_service_imports_nothing_that_it_does_not_use() -> None:
    code = f"""
import json, sys
import service.__main__
from service.app import create_app
from service.settings import Settings
create_app(Settings(port=0))
print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""
    assert _python(code) == []


def test_errors_caught_or_not_are_reported_with_release_environment_and_ids() -> None:
    code = """
import asyncio, json
import httpx, sentry_sdk
from service.app import create_app
from service.settings import Settings

kept = []
told = {"sentry_dsn": "http://key@127.0.0.1:1/1", "release": "shop@7", "environment": "staging"}
payments = httpx.MockTransport(lambda request: httpx.Response(503))
app = create_app(Settings(port=0, payments_url="http://payments", **told), payments)
sentry_sdk.get_client().transport.capture_envelope = lambda envelope: kept.append(envelope)

@app.get("/broken")
async def broken():
    raise RuntimeError("a bug")

async def ask():
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        await client.get("/broken", headers={"X-Correlation-ID": "c-9"})
        await client.post("/checkout", json={}, headers={"X-Correlation-ID": "c-10"})

asyncio.run(ask())
events = [item.payload.json for envelope in kept for item in envelope.items if item.type == "event"]
print(json.dumps([{
    "type": event["exception"]["values"][-1]["type"],
    "release": event["release"],
    "environment": event["environment"],
    "tags": event.get("tags"),
    "transaction": event.get("transaction"),
} for event in events]))
"""
    event, caught = _python(code)

    assert event.pop("transaction").endswith("broken")
    assert (caught["type"], caught["tags"]) == ("PaymentFailed", {"correlation_id": "c-10"})
    assert event == {"type": "RuntimeError", "release": "shop@7", "environment": "staging", "tags": {"correlation_id": "c-9"}}
