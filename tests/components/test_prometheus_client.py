from __future__ import annotations

import json
import math
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from pytest_obscheck.capabilities import AnswersPromQL, EvaluatesRules, ScrapesTargets, Series
from pytest_obscheck.components._http import Http
from pytest_obscheck.components._promql import PrometheusClient
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.signals import AnswersExemplars, Exemplar


@dataclass
class Server:
    """Answers every GET with one prepared answer, and notes what was asked."""

    status: int = 200
    body: str = ""
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    url: str = ""

    def says(self, data: Any, status: int = 200) -> None:
        """Prepare an answer."""
        self.status, self.body = status, data if isinstance(data, str) else json.dumps(data)

    def result(self, result: Any) -> None:
        """Prepare the answer to a query."""
        self.says({"status": "success", "data": {"resultType": "any", "result": result}})


@pytest.fixture
def server(serving: Any) -> Iterator[Server]:
    prepared = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            prepared.asked.append((parts.path, parse_qs(parts.query)))
            self.send_response(prepared.status)
            self.end_headers()
            self.wfile.write(prepared.body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with serving(Handler) as real:
        prepared.url = f"http://127.0.0.1:{real.server_port}"
        yield prepared


@pytest.fixture
def client(server: Server) -> Iterator[PrometheusClient]:
    made = PrometheusClient(Http("prometheus", server.url))
    yield made
    made.close()


def test_the_client_has_three_capabilities(client: PrometheusClient) -> None:
    found = [isinstance(client, capability) for capability in (AnswersPromQL, ScrapesTargets, EvaluatesRules)]

    assert found == [True, True, True]


def test_an_instant_query_gives_series_at_the_millisecond_asked_for(server: Server, client: PrometheusClient) -> None:
    server.result([{"metric": {"a": "1"}, "value": [12.345, "0.5"]}])

    series = client.query("x > 0", 1700000000.1234)

    assert series == [Series({"a": "1"}, ((12.345, 0.5),))]
    assert server.asked == [("/api/v1/query", {"query": ["x > 0"], "time": ["1700000000.123"]})]


def test_a_range_selector_gives_raw_samples(server: Server, client: PrometheusClient) -> None:
    server.result([{"metric": {"__name__": "up"}, "values": [[1.5, "1"], [2.5, "0"]]}])

    series = client.query("up[5m]", 3)

    assert series == [Series({"__name__": "up"}, ((1.5, 1.0), (2.5, 0.0)))]


def test_a_scalar_is_a_series_without_labels(server: Server, client: PrometheusClient) -> None:
    server.result([3.0, "42"])

    series = client.query("42", 3)

    assert series == [Series({}, ((3.0, 42.0),))]


def test_nothing_is_no_series(server: Server, client: PrometheusClient) -> None:
    server.result([])

    series = client.query("up == 7", 3)

    assert series == []


def test_infinities_and_not_a_number_are_numbers(server: Server, client: PrometheusClient) -> None:
    server.result([{"metric": {}, "values": [[1, "+Inf"], [2, "-Inf"], [3, "NaN"]]}])

    points = client.query("x[1m]", 3)[0].points

    assert points[:2] == ((1.0, math.inf), (2.0, -math.inf))
    assert math.isnan(points[2][1])


def test_a_native_histogram_has_no_points(server: Server, client: PrometheusClient) -> None:
    server.result([{"metric": {"a": "1"}, "histogram": [1, {"count": "2"}]}])

    series = client.query("h", 3)

    assert series == [Series({"a": "1"}, ())]


def test_a_text_is_no_number(server: Server, client: PrometheusClient) -> None:
    server.result([3.0, "hello"])

    with pytest.raises(LookFailed) as caught:
        client.query('"hello"', 3)

    assert str(caught.value) == "'\"hello\"' gives the text 'hello', not a number"


def test_a_range_query_keeps_the_milliseconds_of_both_ends(server: Server, client: PrometheusClient) -> None:
    server.result([{"metric": {}, "values": [[1.25, "1"]]}])

    series = client.query_range("x", 1.25, 2.75, 0.05)

    assert series == [Series({}, ((1.25, 1.0),))]
    asked = {"query": ["x"], "start": ["1.250"], "end": ["2.750"], "step": ["0.050"]}
    assert server.asked == [("/api/v1/query_range", asked)]


def test_a_query_that_is_refused_is_told_in_prometheus_own_words(server: Server, client: PrometheusClient) -> None:
    server.says({"status": "error", "errorType": "bad_data", "error": "1:5: parse error: unexpected"}, 400)

    with pytest.raises(LookFailed) as caught:
        client.query("foo bar", 3)

    assert str(caught.value) == "prometheus answered the query with 400: 1:5: parse error: unexpected"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html>", "prometheus answered the query with something that is not JSON"),
        ('{"status": "success"}', "prometheus did not answer the query: 'data'"),
    ],
)
def test_an_answer_that_is_not_prometheus_own_is_told(body: str, words: str, server: Server, client: PrometheusClient) -> None:
    server.says(body)

    with pytest.raises(LookFailed) as caught:
        client.query("x", 3)

    assert str(caught.value) == words


def test_a_dead_server_is_told_at_once_and_not_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    client = PrometheusClient(Http("prometheus", f"http://127.0.0.1:{port}"))

    said = []
    for look in (lambda: client.query("x", 3), client.targets):
        with pytest.raises(LookFailed) as caught:
            look()
        said.append(str(caught.value))

    assert said == ["prometheus refuses connections"] * 2
    assert client.ready() is False
    client.close()


def test_an_overloaded_server_is_asked_once(server: Server, client: PrometheusClient) -> None:
    server.says("Service Unavailable", 503)

    with pytest.raises(LookFailed) as caught:
        client.query("x", 3)

    assert str(caught.value) == "prometheus answered the query with 503: Service Unavailable"
    assert len(server.asked) == 1


def test_a_proxy_of_the_shell_is_not_used(server: Server, client: PrometheusClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server.result([])

    assert client.query("x", 3) == []
    assert client.ready() is True


def answering(answers: dict[str, Any]) -> PrometheusClient:
    def answer(request: httpx.Request) -> httpx.Response:
        found = answers[request.url.raw_path.decode()]
        return httpx.Response(200, text=found) if isinstance(found, str) else httpx.Response(200, json={"data": found})

    return PrometheusClient(Http("prometheus", "http://p", httpx.MockTransport(answer)))


def test_targets_rules_and_names_are_what_the_api_says() -> None:
    client = answering(
        {
            "/api/v1/targets?state=active": {"activeTargets": [{"health": "up"}]},
            "/api/v1/rules": {"groups": [{"name": "g"}]},
            "/api/v1/label/__name__/values": ["a", "b"],
            "/api/v1/labels?match%5B%5D=up%7Ba%3D%22b%22%7D": ["__name__", "a"],
        }
    )

    found = (client.targets(), client.rules(), client.metric_names(), client.label_names('up{a="b"}'))

    assert found == ([{"health": "up"}], [{"name": "g"}], ["a", "b"], ["__name__", "a"])


MISSED, INTERVAL = "prometheus_rule_group_iterations_missed_total", "prometheus_rule_group_interval_seconds"
EVALUATED = f"/metrics?name%5B%5D={MISSED}&name%5B%5D={INTERVAL}"


def test_missed_evaluations_are_told_for_each_group_in_seconds() -> None:
    missed = f'# HELP {MISSED} x\n{MISSED}{{rule_group="a;b c"}} 2\n{MISSED}{{rule_group="d"}} 1e+00\nup 7\n'
    client = answering({EVALUATED: f'{missed}{INTERVAL}{{rule_group="a;b c"}} 0.05\n{INTERVAL}{{rule_group="d"}} 15\n'})

    assert client.missed() == {'{rule_group="a;b c"}': 0.1, '{rule_group="d"}': 15.0}
    assert answering({EVALUATED: missed}).missed() == {'{rule_group="a;b c"}': 2.0, '{rule_group="d"}': 1.0}


def test_without_rule_groups_nothing_was_missed() -> None:
    client = answering({EVALUATED: "up 7\n"})

    missed = client.missed()

    assert missed == {}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(503, text="Service Unavailable\nmore"), "p answered /x with 503: Service Unavailable"),
        (httpx.Response(500), "p answered /x with 500"),
        (httpx.Response(422, json={"error": "too many"}), "p answered /x with 422: too many"),
        (httpx.Response(200, text="<html>"), "p answered /x with something that is not JSON: '<html>'"),
        (httpx.ReadTimeout("slow"), "p gave no answer to /x within 5 s"),
        (httpx.ConnectError("no"), "p refuses connections"),
        (httpx.RemoteProtocolError("cut off"), "p did not answer /x: cut off"),
    ],
)
def test_every_failure_of_a_look_is_one_short_sentence(answer: httpx.Response | Exception, words: str) -> None:
    def reply(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(LookFailed) as caught:
        Http("p", "http://p", httpx.MockTransport(reply)).json("/x")

    assert str(caught.value) == words


def test_exemplars_come_with_their_series_and_labels(server: Server, client: PrometheusClient) -> None:
    each = {"labels": {"trace_id": "t1"}, "value": "0.2", "timestamp": 1000.5}
    server.says({"data": [{"seriesLabels": {"__name__": "x_bucket", "le": "1"}, "exemplars": [each]}]})

    assert isinstance(client, AnswersExemplars)
    assert client.exemplars("x_bucket", 999.0, 1001.0) == [
        Exemplar(1000.5, {"__name__": "x_bucket", "le": "1"}, {"trace_id": "t1"})
    ]
    assert server.asked == [("/api/v1/query_exemplars", {"query": ["x_bucket"], "start": ["999.000"], "end": ["1001.000"]})]
