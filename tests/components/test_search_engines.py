"""Elasticsearch and OpenSearch: how a node is launched, and lines in what the search API answers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.components import _search
from pytest_obscheck.components._http import Http
from pytest_obscheck.components._search import SearchClient
from pytest_obscheck.components.elasticsearch import Elasticsearch
from pytest_obscheck.components.opensearch import Opensearch
from pytest_obscheck.errors import LookFailed, ProgramMissing
from pytest_obscheck.protocols import Network, Place
from pytest_obscheck.signals import AnswersLogs, LogFilter, LogLine

# What shippers write; what the search API answers is recorded from Elasticsearch 7.17 and OpenSearch 2.19, shortened.
SHIPPED = {
    "@timestamp": "1970-01-01T00:00:01.500Z",
    "message": '{"level": "error", "message": "no stock", "user": {"id": 7}}',
    "labels": {"service_name": "checkout", "env": "test"},
}
FILEBEAT = {
    "@timestamp": "1970-01-01T00:00:02.000Z",
    "message": "paid",
    "log": {"level": "info", "offset": 12},
    "service": {"name": "payments"},
    "fields": {"team": "till"},
    "json": {"order": {"currency": "EUR"}},
}
FLUENTD = {"@timestamp": 2500, "level": "warn", "service.name": "payments", "took": [1, 2]}
UNPARSED = {
    "error": {
        "root_cause": [{"type": "query_shard_exception", "reason": "Failed to parse query [message:(sold]"}],
        "type": "search_phase_execution_exception",
        "reason": "all shards failed",
        "failed_shards": [
            {
                "shard": 0,
                "reason": {
                    "type": "query_shard_exception",
                    "reason": "Failed to parse query [message:(sold]",
                    "caused_by": {
                        "type": "parse_exception",
                        "reason": "Cannot parse 'message:(sold': Encountered \"<EOF>\" at line 1, column 13.\nWas expecting",
                        "caused_by": {
                            "reason": 'Encountered "<EOF>" at line 1, column 13.\nWas expecting one of:\n    <AND> ...'
                        },
                    },
                },
            }
        ],
    },
    "status": 400,
}
UNKNOWN = "unknown query [matchx] did you mean any of [match, match_all]?"
UNKNOWN_QUERY = {
    "error": {
        "root_cause": [{"type": "parsing_exception", "reason": UNKNOWN, "line": 1, "col": 40}],
        "type": "parsing_exception",
        "reason": UNKNOWN,
        "line": 1,
        "col": 40,
        "caused_by": {"type": "named_object_not_found_exception", "reason": "[1:40] unknown field [matchx]"},
    },
    "status": 400,
}


def hits(*documents: Mapping[str, Any]) -> httpx.Response:
    found = [{"_index": "lines", "_source": document, "sort": [number]} for number, document in enumerate(documents)]
    shards = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
    return httpx.Response(200, json={"took": 1, "_shards": shards, "hits": {"total": {"value": len(found)}, "hits": found}})


def client(answer: Callable[[httpx.Request], httpx.Response]) -> SearchClient:
    return SearchClient(Http("opensearch", "http://opensearch", httpx.MockTransport(answer)), "lines")


def texts(wanted: LogFilter) -> list[str]:
    found = client(lambda _: hits(SHIPPED, FILEBEAT, FLUENTD)).find_lines(wanted, 1.0, 3.0)
    return [line.text[:8] for line in found]


@pytest.mark.parametrize("component", [Elasticsearch(settings={"a.b": "c"}), Opensearch(settings={"a.b": "c"})])
def test_a_node_is_alone_and_listens_and_writes_where_it_is_told(
    component: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("elasticsearch", "opensearch"):
        (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    addresses = {"http": "127.0.0.1:9200", "transport": "127.0.0.1:9300"}
    place = Place("es", Path("/run/es"), Path("/shop"), addresses, Network(), str, lambda path: path)

    launch = component.launch(place)

    argv = launch.argv
    listens = {"-Enetwork.host=127.0.0.1", "-Ehttp.port=9200", "-Etransport.port=9300", "-Ediscovery.type=single-node"}
    assert {*listens, "-Epath.data=/run/es/data", "-Epath.logs=/run/es/logs", "-Ea.b=c"} <= set(argv)
    # Their configuration, and the keystore that they write beside it, are in the run's folder, and so is what is temporary.
    assert "/run/es/config" in launch.environment.values()
    assert [name for name in launch.files if not name.startswith("config/")] == []
    assert "-Djava.io.tmpdir=/run/es/tmp" in " ".join(launch.environment.values())
    # Both refuse to be run by root.
    assert (argv[0] == "unshare") is (os.geteuid() == 0)


def test_a_node_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ProgramMissing) as raised:
        _search.alone("opensearch", ())

    assert str(raised.value) == (
        "opensearch: not found on PATH or in a Python package that carries it; "
        "unpack a release of it, and put opensearch/bin on PATH"
    )


def test_lines_come_with_their_text_time_and_fields() -> None:
    asked: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.method, request.url.path, json.loads(request.content or b"null")))
        return hits(FILEBEAT, FLUENTD)

    engine = client(answer)

    assert isinstance(engine, AnswersLogs)
    assert engine.query_lines('{"match": {"message": "paid"}}', 1.5, 3.0) == [
        LogLine(
            2.0,
            "paid",
            {
                "log.level": "info",
                "log.offset": "12",
                "service.name": "payments",
                "fields.team": "till",
                "json.order.currency": "EUR",
            },
        ),
        LogLine(2.5, json.dumps(FLUENTD), {"level": "warn", "service.name": "payments", "took.0": "1", "took.1": "2"}),
    ]
    assert [(method, path) for method, path, _ in asked] == [("GET", "/lines/_refresh"), ("POST", "/lines/_search")]
    assert asked[1][2]["query"]["bool"] == {
        "must": [{"match": {"message": "paid"}}],
        "filter": [{"range": {"@timestamp": {"gt": 1500, "lte": 3000, "format": "epoch_millis"}}}],
    }


def test_a_filter_means_the_same_however_the_lines_were_shipped() -> None:
    assert texts(LogFilter(labels={"service_name": "checkout"})) == ['{"level"']
    assert texts(LogFilter(labels={"service_name": "payments"})) == ["paid", '{"@times']
    assert texts(LogFilter(labels={"service_name": "~pay.*", "env": ""})) == ["paid", '{"@times']
    assert texts(LogFilter(labels={"team": "till"})) == ["paid"]
    assert texts(LogFilter(fields={"level": "error", "user.id": "7"})) == ['{"level"']
    assert texts(LogFilter(fields={"level": "info"})) == ["paid"]
    assert texts(LogFilter(fields={"order.currency": "EUR"})) == ["paid"]
    assert texts(LogFilter(fields={"level": "fatal"})) == []
    assert texts(LogFilter(contains="stock")) == ['{"level"']
    assert texts(LogFilter(matches="^p.id$")) == ["paid"]


def test_what_is_too_much_for_one_answer_comes_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_search, "PAGE", 2)
    after: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("_refresh"):
            return httpx.Response(403)
        after.append(json.loads(request.content).get("search_after"))
        return hits(FILEBEAT, FILEBEAT) if len(after) == 1 else hits(FLUENTD)

    assert len(client(answer).query_lines("message:paid", 1.0, 3.0)) == 3
    assert after == [None, [1]]


@pytest.mark.parametrize(
    ("answer", "query", "said"),
    [
        (
            httpx.Response(400, json=UNPARSED),
            "message:(sold",
            (
                "opensearch refused the query with 400: Failed to parse query [message:(sold]: "
                'Encountered "<EOF>" at line 1, column 13'
            ),
        ),
        (
            httpx.Response(400, json=UNKNOWN_QUERY),
            '{"matchx": {"message": "sold"}}',
            f"opensearch refused the query with 400: {UNKNOWN} (line 1, column 11 of the query)",
        ),
        (httpx.Response(429, json={"error": "busy"}), "*", "opensearch refused the query with 429: busy"),
        (httpx.Response(200, json={"took": 1}), "*", "opensearch answered the query with something that is not its JSON"),
        (
            httpx.Response(200, json={"took": 0, "_shards": {"total": 0}, "hits": {"hits": []}}),
            "*",
            "opensearch has no index 'lines' yet: nothing has reached it",
        ),
        (hits({"message": "a"}), "*", "opensearch found a document without a @timestamp that can be read"),
        (
            httpx.Response(200, text="<html>"),
            "*",
            "opensearch answered /lines/_search?ignore_unavailable=true with something that is not JSON: '<html>'",
        ),
        (
            hits(),
            '{service_name="shop"}',
            (
                "'{service_name=\"shop\"}' is no query of a search engine, perhaps LogQL; "
                'write JSON like {"match": {"message": "sold"}}, or message:sold'
            ),
        ),
    ],
)
def test_what_cannot_be_asked_or_read_is_said(answer: httpx.Response, query: str, said: str) -> None:
    with pytest.raises(LookFailed) as raised:
        client(lambda _: answer).query_lines(query, 1.0, 2.0)

    assert str(raised.value) == said


@pytest.mark.parametrize(("health", "ready"), [({"status": "yellow"}, True), ({"status": "red"}, False), ([], False)])
def test_a_node_is_ready_when_its_primary_shards_are(health: Any, ready: bool) -> None:
    assert client(lambda _: httpx.Response(200, json=health)).ready() is ready
