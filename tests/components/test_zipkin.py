"""Zipkin's flags, its jar, and what its API answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.components._http import Http
from pytest_obscheck.components.zipkin import ADVICE, Zipkin, ZipkinClient, fetched
from pytest_obscheck.errors import LookFailed, ProgramMissing
from pytest_obscheck.protocols import Network, Place
from pytest_obscheck.signals import AnswersTraces, Span

TRACE = [
    {
        "traceId": "t1",
        "id": "a",
        "kind": "SERVER",
        "name": "post /checkout",
        "timestamp": 1_000_000,
        "duration": 250_000,
        "localEndpoint": {"serviceName": "checkout", "ipv4": "127.0.0.1"},
        "tags": {"error": "", "http.method": "POST"},
    },
    {"traceId": "t1", "parentId": "a", "id": "b", "timestamp": 1_100_000},
]


def client(answer: Callable[[httpx.Request], httpx.Response]) -> ZipkinClient:
    return ZipkinClient(Http("zipkin", "http://zipkin", httpx.MockTransport(answer)))


def unopened(path: Path) -> Any:
    raise AssertionError(f"{path} is not to be opened")


def test_it_listens_where_it_is_told_and_on_nothing_else() -> None:
    place = Place("zipkin", Path("/run/z"), Path("/shop"), {"http": "127.0.0.1:9411"}, Network(), str, unopened)

    argv = Zipkin(jar="zipkin.jar").launch(place).argv

    assert argv[0] == "java"
    assert argv[-2:] == ("-jar", "/shop/zipkin.jar")
    assert {"-Darmeria.ports[0].ip=127.0.0.1", "-Darmeria.ports[0].port=9411"} < set(argv)


def test_the_newest_jar_that_maven_has_fetched_is_taken(tmp_path: Path) -> None:
    with pytest.raises(ProgramMissing) as raised:
        fetched(tmp_path)
    for version in ("3.4.0", "3.5.1"):
        folder = tmp_path / ".m2/repository/io/zipkin/zipkin-server" / version
        folder.mkdir(parents=True)
        (folder / f"zipkin-server-{version}-exec.jar").touch()

    assert fetched(tmp_path).name == "zipkin-server-3.5.1-exec.jar"
    assert str(raised.value) == f"zipkin: Maven has not fetched its jar; {ADVICE}"


def test_spans_come_with_their_service_parent_status_and_attributes() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=[TRACE])

    zipkin = client(answer)

    assert isinstance(zipkin, AnswersTraces)
    assert zipkin.find_spans("Checkout", 1.0, 2.5) == [
        Span("t1", "a", "", "checkout", "post /checkout", "server", 1.0, 0.25, True, {"error": "", "http.method": "POST"}),
        Span("t1", "b", "a", "", "", "internal", 1.1, 0.0),
    ]
    assert dict(asked[0].url.params) == {"serviceName": "checkout", "endTs": "2500", "lookback": "1500", "limit": "5000"}


@pytest.mark.parametrize("answer", [{"a": 1}, [[{}]], [1]])
def test_what_are_no_traces_cannot_tell(answer: Any) -> None:
    with pytest.raises(LookFailed) as raised:
        client(lambda _: httpx.Response(200, json=answer)).find_spans("checkout", 1.0, 2.0)

    assert str(raised.value) == "zipkin answered /api/v2/traces with something that are no traces"
