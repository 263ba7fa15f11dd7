"""Jaeger's flags, and what its query API answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.components._http import Http
from pytest_obscheck.components._jaegerspans import JaegerClient
from pytest_obscheck.components.jaeger import LISTENS, Jaeger
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.protocols import Network, Place
from pytest_obscheck.signals import AnswersTraces, Span

TRACE = {
    "traceID": "t1",
    "spans": [
        {
            "traceID": "t1",
            "spanID": "a",
            "operationName": "POST /checkout",
            "references": [],
            "startTime": 1_000_000,
            "duration": 250_000,
            "tags": [
                {"key": "span.kind", "type": "string", "value": "server"},
                {"key": "error", "type": "bool", "value": True},
            ],
            "processID": "p1",
        },
        {
            "traceID": "t1",
            "spanID": "b",
            "operationName": "charge",
            "references": [{"refType": "CHILD_OF", "traceID": "t1", "spanID": "a"}],
            "startTime": 1_100_000,
            "duration": 100,
            "tags": [{"key": "http.status_code", "type": "int64", "value": 201}],
            "processID": "p2",
        },
    ],
    "processes": {"p1": {"serviceName": "checkout"}, "p2": {"serviceName": "payments"}},
}


def client(answer: Callable[[httpx.Request], httpx.Response]) -> JaegerClient:
    return JaegerClient(Http("jaeger", "http://jaeger", httpx.MockTransport(answer)))


def unopened(path: Path) -> Any:
    raise AssertionError(f"{path} is not to be opened")


def test_every_address_that_it_listens_on_is_the_harnesss() -> None:
    addresses = {port: f"127.0.0.1:{number}" for number, port in enumerate(Jaeger.ports, 1)}
    place = Place("jaeger", Path("/run/j"), Path("/shop"), addresses, Network(), str, unopened)

    argv = Jaeger(args=("--memory.max-traces=10", "--admin.http.host-port=:9")).launch(place).argv

    assert argv[:2] == ("jaeger", "--collector.otlp.http.host-port=127.0.0.1:1")
    assert argv[len(LISTENS) + 1 :] == ("--log-level=warn", "--memory.max-traces=10")
    assert sum(":9" in word and "127.0.0.1" not in word for word in argv) == 0


def test_spans_come_with_their_service_parent_status_and_attributes() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"data": [TRACE]})

    jaeger = client(answer)

    assert isinstance(jaeger, AnswersTraces)
    assert jaeger.find_spans("checkout", 1.0, 2.0) == [
        Span("t1", "a", "", "checkout", "POST /checkout", "server", 1.0, 0.25, True, {"span.kind": "server", "error": "true"}),
        Span("t1", "b", "a", "payments", "charge", "internal", 1.1, 0.0001, False, {"http.status_code": "201"}),
    ]
    assert dict(asked[0].url.params) == {"service": "checkout", "start": "1000000", "end": "2000000", "limit": "5000"}


def test_no_trace_is_no_span() -> None:
    assert client(lambda _: httpx.Response(200, json={"data": None})).find_spans("checkout", 1.0, 2.0) == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            httpx.Response(500, json={"errors": [{"msg": "x"}]}),
            'jaeger answered /api/traces with 500: {"errors":[{"msg":"x"}]}',
        ),
        (httpx.Response(200, json=[]), "jaeger answered /api/traces with something that are no traces"),
        (httpx.Response(200, text="<html>"), "jaeger answered /api/traces with something that is not JSON: '<html>'"),
    ],
)
def test_what_is_no_answer_cannot_tell(answer: httpx.Response, expected: str) -> None:
    with pytest.raises(LookFailed) as raised:
        client(lambda _: answer).find_spans("checkout", 1.0, 2.0)

    assert str(raised.value) == expected
