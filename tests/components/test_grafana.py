"""Grafana's client against the answers that its HTTP API documents; no Grafana has been run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.capabilities import Series
from pytest_obscheck.components._http import Http
from pytest_obscheck.components.grafana import Grafana, GrafanaClient
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.protocols import Network, Place
from pytest_obscheck.signals import ShowsDashboards

QUERY = {"refId": "A", "expr": "up", "datasource": {"uid": "metrics"}}
SOURCES = [{"id": 1, "uid": "metrics", "name": "Prometheus", "type": "prometheus", "isDefault": True, "jsonData": {}}]


def frame(fields: list[dict[str, Any]], *values: list[Any]) -> dict[str, Any]:
    return {"schema": {"refId": "A", "fields": fields}, "data": {"values": list(values)}}


TIME = {"name": "time", "type": "time", "typeInfo": {"frame": "time.Time"}}
NUMBER = {"name": "up", "type": "number", "typeInfo": {"frame": "float64", "nullable": True}, "labels": {"job": "api"}}
LINE = {"name": "Line", "type": "string", "typeInfo": {"frame": "string"}}


def client(answer: Callable[[httpx.Request], httpx.Response]) -> GrafanaClient:
    return GrafanaClient(Http("grafana", "http://grafana", httpx.MockTransport(answer)))


def answering(status: int, **result: Any) -> GrafanaClient:
    return client(lambda _: httpx.Response(status, json={"results": {"A": {"status": status, **result}}}))


def unopened(path: Path) -> Any:
    raise AssertionError(f"{path} is not to be opened")


def test_a_query_is_sent_with_its_time_range_and_every_field_of_numbers_is_a_series() -> None:
    sent: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append((request.url.path, json.loads(request.content)))
        return httpx.Response(
            200, json={"results": {"A": {"status": 200, "frames": [frame([TIME, NUMBER], [1000, 2000], [1, None])]}}}
        )

    grafana = client(answer)

    assert isinstance(grafana, ShowsDashboards)
    assert grafana.run_query(QUERY, 1.0, 2.0) == [Series({"job": "api"}, ((1.0, 1.0),))]
    assert sent == [("/api/ds/query", {"queries": [QUERY], "from": "1000", "to": "2000"})]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([], []),
        ([frame([])], []),
        ([frame([TIME, NUMBER], [], [])], [Series({"job": "api"}, ())]),
        ([frame([NUMBER], [3])], [Series({"job": "api"}, ((0.0, 3.0),))]),
        ([frame([TIME, LINE], [1000, 2000], ["a", "b"])], [Series({}, ((1.0, 1.0), (2.0, 1.0)))]),
    ],
)
def test_frames_of_every_shape_are_read(frames: list[Any], expected: list[Series]) -> None:
    assert answering(200, frames=frames).run_query(QUERY, 1.0, 2.0) == expected


def test_what_the_data_source_refuses_is_told_in_its_own_words() -> None:
    grafana = answering(400, error="bad_data: 1:5: parse error: unclosed left parenthesis", errorSource="downstream")

    with pytest.raises(LookFailed) as raised:
        grafana.run_query(QUERY, 1.0, 2.0)

    assert str(raised.value) == "bad_data: 1:5: parse error: unclosed left parenthesis"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"message": "Unauthorized"}', 'grafana answered /api/ds/query with 401: {"message": "Unauthorized"}'),
        ('{"error": "who are you"}', "grafana answered /api/ds/query with 401: who are you"),
    ],
)
def test_what_grafana_itself_refuses_is_told(text: str, expected: str) -> None:
    with pytest.raises(LookFailed) as raised:
        client(lambda _: httpx.Response(401, text=text)).run_query(QUERY, 1.0, 2.0)

    assert str(raised.value) == expected


def test_its_data_sources_are_those_of_its_api() -> None:
    assert client(lambda _: httpx.Response(200, json=SOURCES)).data_sources() == SOURCES


@pytest.mark.parametrize(("health", "expected"), [({"database": "ok"}, True), ({"database": "failing"}, False), ([], False)])
def test_it_is_ready_when_its_database_is(health: Any, expected: bool) -> None:
    assert client(lambda _: httpx.Response(200, json=health)).ready() is expected


def test_everything_it_writes_is_in_its_folder_and_every_way_out_is_the_proxy() -> None:
    network = Network(proxy="http://127.0.0.1:1")
    place = Place("grafana", Path("/run/g"), Path("/shop"), {"http": "127.0.0.1:3000"}, network, str, unopened)

    launch = Grafana().launch(place)

    told = launch.environment
    assert launch.argv == ("grafana", "server", "--homepath=/usr/share/grafana")
    assert (told["GF_SERVER_HTTP_ADDR"], told["GF_SERVER_HTTP_PORT"]) == ("127.0.0.1", "3000")
    assert {value for name, value in told.items() if name.startswith("GF_PATHS")} == {
        "/run/g/data",
        "/run/g/logs",
        "/run/g/plugins",
        "/shop/grafana/provisioning",
    }
    assert told["HTTP_PROXY"] == told["HTTPS_PROXY"] == "http://127.0.0.1:1"
