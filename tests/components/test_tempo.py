"""Tempo's configuration, and what Tempo 3.0.3 with that configuration answered; ids and times are made shorter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from pytest_obscheck.components._http import Http
from pytest_obscheck.components._traceql import TempoClient
from pytest_obscheck.components.tempo import Tempo
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.protocols import Network, Place
from pytest_obscheck.signals import AnswersTraceQL, AnswersTraces, Span

# In whole traces ids are in base64, as in all JSON of Protobuf.
FOUND = {
    "traces": [
        {
            "traceID": "2f3e0cee77ae5dc9",
            "rootServiceName": "checkout",
            "startTimeUnixNano": "1000000000000",
            "durationMs": 250,
            "spanSets": [{"spans": [{"spanID": "00000000000000bb", "startTimeUnixNano": "1000100000000"}], "matched": 1}],
        },
        {"traceID": "d6e9329d67b6146a", "startTimeUnixNano": "990000000000"},
    ]
}
TRACE = {
    "trace": {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "checkout"}}]},
                "scopeSpans": [
                    {
                        "spans": [
                            {
                                "spanId": "AAAAAAAAAKo=",
                                "name": "POST /checkout",
                                "kind": "SPAN_KIND_SERVER",
                                "startTimeUnixNano": "1000000000000",
                                "endTimeUnixNano": "1000250000000",
                                "attributes": [
                                    {"key": "http.status_code", "value": {"intValue": "502"}},
                                    {"key": "retried", "value": {"boolValue": False}},
                                ],
                                "status": {"code": "STATUS_CODE_ERROR"},
                            },
                            {
                                "spanId": "AAAAAAAAALs=",
                                "parentSpanId": "AAAAAAAAAKo=",
                                "name": "charge",
                                "startTimeUnixNano": "1000100000000",
                                "endTimeUnixNano": "1000200000000",
                            },
                        ]
                    }
                ],
            }
        ]
    }
}
ID = "2f3e0cee77ae5dc9"
WHOLE = "00000000000000002f3e0cee77ae5dc9"
SERVER = Span(
    WHOLE, "00000000000000aa", "", "checkout", "POST /checkout", "server", 1000.0, 0.25, True,
    {"http.status_code": "502", "retried": "false"},
)  # fmt: skip
CHARGE = Span(WHOLE, "00000000000000bb", "00000000000000aa", "checkout", "charge", "internal", 1000.1, 0.1)


def client(answer: Callable[[httpx.Request], httpx.Response]) -> TempoClient:
    return TempoClient(Http("tempo", "http://tempo", httpx.MockTransport(answer)))


def holding(asked: list[httpx.Request]) -> TempoClient:
    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=FOUND if request.url.path == "/api/search" else TRACE)

    return client(answer)


def rounded(spans: list[Span]) -> list[Span]:
    return [replace(span, start=round(span.start, 6), seconds=round(span.seconds, 6)) for span in spans]


def unopened(path: Path) -> Any:
    raise AssertionError(f"{path} is not to be opened")


def configured(version: str) -> str:
    """Return the configuration that a Tempo of a version is launched with."""
    addresses = {port: f"127.0.0.1:{number}" for number, port in enumerate(Tempo.ports, 1)}
    fill = {"${tempo.version}": version, "-search.x=1": "-search.x=1"}.__getitem__
    place = Place("tempo", Path("/run/tempo"), Path("/shop"), addresses, Network(), fill, unopened)
    launch = Tempo(args=("-search.x=1",)).launch(place)
    assert launch.argv == ("tempo", "-config.file=/run/tempo/tempo.yml", "-search.x=1")
    return launch.files["tempo.yml"]


@pytest.mark.parametrize(("version", "paths"), [("2.6.0+20241001", 2), ("3.0.3", 3)])
def test_it_listens_and_writes_where_it_is_told(version: str, paths: int) -> None:
    text = configured(version)

    config: Any = yaml.safe_load(text)
    assert config["distributor"]["receivers"]["otlp"]["protocols"] == {
        "http": {"endpoint": "127.0.0.1:1"},
        "grpc": {"endpoint": "127.0.0.1:2"},
    }
    assert (config["server"]["http_listen_port"], config["memberlist"]["bind_port"]) == (3, 5)
    assert text.count("/run/tempo/data/") == paths


@pytest.mark.parametrize(("version", "expected"), [("2.6.1", "ingester"), ("3.0.3", "live_store"), ("unknown", "live_store")])
def test_fresh_spans_are_found_at_once_in_what_holds_them_in_that_version(version: str, expected: str) -> None:
    config: Any = yaml.safe_load(configured(version))

    assert {"ingester", "live_store"} & set(config) == {expected}
    assert config[expected]["flush_check_period"] == "200ms"


def test_spans_of_a_service_come_with_their_parent_status_attributes_and_the_whole_id_of_their_trace() -> None:
    asked: list[httpx.Request] = []
    tempo = holding(asked)

    assert isinstance(tempo, AnswersTraces)
    assert rounded(tempo.find_spans("checkout", 999.5, 1010.5)) == [SERVER, CHARGE]
    assert dict(asked[0].url.params) == {
        "q": '{ resource.service.name = "checkout" }', "start": "999", "end": "1012", "limit": "5000", "spss": "100",
    }  # fmt: skip
    assert [request.url.path for request in asked[1:]] == [f"/api/v2/traces/{ID}"]


def test_a_trace_that_grows_no_more_is_fetched_once_and_once_more_when_it_is_old() -> None:
    asked: list[httpx.Request] = []
    tempo = holding(asked)

    for _ in range(2):
        tempo.find_spans("checkout", 999.5, 1002.0)
    young = len(asked)
    for _ in range(2):
        tempo.find_spans("checkout", 999.5, 1010.0)

    assert (young, len(asked)) == (3, 6)


@pytest.mark.parametrize(
    "growth",
    [
        {"spanSets": [{"spans": [{"spanID": "00000000000000bb"}, {"spanID": "00000000000000cc"}], "matched": 2}]},
        {"serviceStats": {"checkout": {"spanCount": 2}, "payments": {"spanCount": 1}}},
    ],
    ids=["a span more", "a service more"],
)
def test_a_trace_that_has_grown_is_fetched_again(growth: dict[str, Any]) -> None:
    rows = [FOUND["traces"][0], {**FOUND["traces"][0], **growth}]
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, json={"traces": [rows.pop(0)]} if request.url.path == "/api/search" else TRACE)

    tempo = client(answer)
    for _ in range(2):
        tempo.find_spans("checkout", 999.5, 1002.0)

    assert asked == ["/api/search", f"/api/v2/traces/{ID}"] * 2


def test_a_query_gives_the_spans_that_it_finds_and_no_others() -> None:
    tempo = holding([])

    assert isinstance(tempo, AnswersTraceQL)
    assert rounded(tempo.query_spans('{ name = "charge" }', 999.5, 1010.0)) == [CHARGE]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            httpx.Response(400, text="invalid TraceQL query: parse error at line 1, col 10: unknown identifier: charge"),
            (
                "tempo answered '{ name = charge }' with 400: invalid TraceQL query: parse error at line 1, col 10: "
                "unknown identifier: charge"
            ),
        ),
        (httpx.Response(200, json=[]), "tempo answered '{ name = charge }' with something that are no traces"),
        (httpx.Response(200, text="<html>"), "tempo answered '{ name = charge }' with something that are no traces"),
    ],
)
def test_what_is_no_answer_cannot_tell(answer: httpx.Response, expected: str) -> None:
    with pytest.raises(LookFailed) as raised:
        client(lambda _: answer).query_spans("{ name = charge }", 1.0, 2.0)

    assert str(raised.value) == expected
