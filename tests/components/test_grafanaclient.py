"""What Grafana's API answers, as a real Grafana 10.1 answered it, and what is made of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import requests
from requests.adapters import BaseAdapter

from pytest_obscheck.capabilities import EvaluatesRules, SaysWhyUnready, Series
from pytest_obscheck.components._grafanaclient import GrafanaClient
from pytest_obscheck.components._provisioning import Wanted
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.signals import ShowsDashboards

QUERY = {"refId": "A", "expr": "up", "datasource": {"uid": "metrics"}}
SOURCES = [{"id": 1, "uid": "metrics", "name": "Prometheus", "type": "prometheus", "isDefault": True, "jsonData": {}}]
TIME = {"name": "time", "type": "time", "typeInfo": {"frame": "time.Time"}}
NUMBER = {"name": "up", "type": "number", "typeInfo": {"frame": "float64", "nullable": True}, "labels": {"job": "api"}}
LINE = {"name": "Line", "type": "string", "typeInfo": {"frame": "string"}}
FIRING = {
    "labels": {"alertname": "Up", "grafana_folder": "Shop", "job": "api"},
    "annotations": {"summary": "it is up"},
    "state": "Alerting",
    "activeAt": "2026-11-22T01:05:40Z",
    "value": "1e+00",
}
RULE = {
    "state": "firing",
    "name": "Up",
    "query": "[]",
    "duration": 10,
    "annotations": {},
    "activeAt": "2026-11-22T01:05:40Z",
    "alerts": [FIRING, {**FIRING, "state": "Normal"}],
    "labels": {},
    "health": "ok",
    "type": "alerting",
    "lastEvaluation": "2026-11-22T01:06:00Z",
    "evaluationTime": 0.004,
}


class Answering(BaseAdapter):
    """Answers every request as it is told."""

    def __init__(self, answer: Callable[[requests.PreparedRequest], tuple[int, Any]]) -> None:
        super().__init__()
        self.answer = answer

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        status, said = self.answer(request)
        response = requests.Response()
        response.status_code, response.url, response.request = status, request.url or "", request
        response._content = json.dumps(said).encode()
        return response

    def close(self) -> None:
        """Nothing is open."""


def client(answer: Callable[[requests.PreparedRequest], tuple[int, Any]], wanted: Wanted | None = None) -> GrafanaClient:
    made = GrafanaClient("grafana", "127.0.0.1:3000", wanted or Wanted())
    made.api.client.s.mount("http://", Answering(answer))
    return made


def answering(status: int, **result: Any) -> GrafanaClient:
    return client(lambda _: (status, {"results": {"0": {"status": status, **result}}}))


def said(answers: list[list[Series] | LookFailed]) -> list[list[Series] | str]:
    return [str(answer) if isinstance(answer, LookFailed) else answer for answer in answers]


def ruled(*rules: Any) -> GrafanaClient:
    return client(lambda _: (200, {"data": {"groups": [{"name": "shop", "file": "Shop", "interval": 10, "rules": rules}]}}))


def frame(fields: list[dict[str, Any]], *values: list[Any]) -> dict[str, Any]:
    return {"schema": {"refId": "A", "fields": fields}, "data": {"values": list(values)}}


def test_queries_are_sent_together_with_their_time_range_and_every_field_of_numbers_is_a_series() -> None:
    sent: list[Any] = []
    up = {"status": 200, "frames": [frame([TIME, NUMBER], [1000, 2000], [1, None])]}

    def answer(request: requests.PreparedRequest) -> tuple[int, Any]:
        sent.append((request.path_url, json.loads(request.body or "")))
        return 200, {"results": {"0": up, "1": {"status": 200, "frames": []}}}

    grafana = client(answer)

    assert isinstance(grafana, ShowsDashboards)
    assert isinstance(grafana, EvaluatesRules)
    assert isinstance(grafana, SaysWhyUnready)
    assert grafana.run_queries([QUERY, QUERY], 1.0, 2.0) == [[Series({"job": "api"}, ((1.0, 1.0),))], []]
    queries = [{**QUERY, "refId": "0"}, {**QUERY, "refId": "1"}]
    assert sent == [("/api/ds/query", {"queries": queries, "from": "1000", "to": "2000"})]


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
    assert answering(200, frames=frames).run_queries([QUERY], 1.0, 2.0) == [expected]


def test_what_the_data_source_refuses_is_told_in_its_own_words_beside_what_it_answers() -> None:
    refused = {"status": 400, "error": "bad_data: 1:5: parse error: unclosed left parenthesis", "errorSource": "downstream"}
    grafana = client(lambda _: (400, {"results": {"0": refused, "1": {"status": 200, "frames": []}}}))

    assert said(grafana.run_queries([QUERY, QUERY], 1.0, 2.0)) == ["bad_data: 1:5: parse error: unclosed left parenthesis", []]


def test_a_query_that_spoils_the_whole_request_is_found_by_asking_each_alone() -> None:
    def answer(request: requests.PreparedRequest) -> tuple[int, Any]:
        if any("step" in query for query in json.loads(request.body or "")["queries"]):
            return 500, {"message": "failed to parse the step"}
        return 200, {"results": {"0": {"frames": []}}}

    wrong = "grafana answered with 500: failed to parse the step"
    assert said(client(answer).run_queries([QUERY, {**QUERY, "step": "x"}, QUERY], 1.0, 2.0)) == [[], wrong, []]


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (401, {"message": "Unauthorized"}, "grafana answered with 401: Unauthorized"),
        (403, {"message": "no"}, "grafana answered with 403: no"),
        (500, "<html>", "grafana answered with 500: <html>"),
    ],
)
def test_what_grafana_itself_refuses_is_told(status: int, answer: Any, expected: str) -> None:
    assert said(client(lambda _: (status, answer)).run_queries([QUERY], 1.0, 2.0)) == [expected]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (requests.Timeout(), "grafana gave no answer within 5 s"),
        (requests.ConnectionError(), "grafana did not answer: ConnectionError"),
    ],
)
def test_that_nobody_answers_is_told(error: Exception, expected: str) -> None:
    def answer(_: requests.PreparedRequest) -> tuple[int, Any]:
        raise error

    grafana = client(answer, Wanted(sources=frozenset({"a"})))

    assert (grafana.ready(), grafana.why_unready()) == (False, expected)


def test_its_data_sources_are_those_of_its_api() -> None:
    assert client(lambda _: (200, SOURCES)).data_sources() == SOURCES


@pytest.mark.parametrize(("health", "expected"), [({"database": "ok"}, True), ({"database": "failing"}, False), ([], False)])
def test_it_is_ready_when_its_database_is(health: Any, expected: bool) -> None:
    assert client(lambda _: (200, health)).ready() is expected


def test_what_it_was_provisioned_with_is_read_back_and_what_is_not_there_is_named() -> None:
    there = {
        "/api/health": {"database": "ok"},
        "/api/datasources": SOURCES,
        "/api/search?type=dash-db&limit=5000": [{"uid": "shop", "title": "Shop"}],
        "/api/v1/provisioning/alert-rules": [{"title": "Slow"}],
        "/api/v1/provisioning/contact-points": [{"name": "page"}],
    }
    wanted = Wanted(*(frozenset(names) for names in (["Prometheus"], ["Shop"], ["Slow"], ["page"])))

    assert client(lambda request: (200, there[request.path_url]), wanted).ready()

    lacking = Wanted(*(frozenset(names) for names in (["Loki"], ["Shop", "Till"], ["Slow"], ["mail"])))
    grafana = client(lambda request: (200, there[request.path_url]), lacking)
    words = "it lacks the data source 'Loki', the dashboard 'Till', the contact point 'mail', with which it is provisioned"
    assert (grafana.ready(), grafana.why_unready()) == (False, words)


def test_its_rules_are_told_in_the_words_of_prometheus() -> None:
    (group,) = ruled(RULE).rules()

    (rule,) = group["rules"]
    assert (group["interval"], rule["health"], rule["state"]) == (10, "ok", "firing")
    assert rule["alerts"] == [{**FIRING, "state": "firing"}]


@pytest.mark.parametrize(
    ("health", "error", "expected"),
    [
        ("nodata", "", ("err", "its query gives no data")),
        ("error", "data source not found", ("err", "data source not found")),
        ("ok", "", ("ok", "")),
    ],
)
def test_a_rule_without_data_is_not_healthy(health: str, error: str, expected: tuple[str, str]) -> None:
    ((rule,),) = (group["rules"] for group in ruled({**RULE, "health": health, "lastError": error}).rules())

    assert (rule["health"], rule["lastError"]) == expected


def test_a_firing_alert_is_dated_by_when_it_began_to_fire_and_a_pending_one_by_when_it_became_active() -> None:
    pending = {**FIRING, "state": "Pending", "labels": {"alertname": "Down"}, "activeAt": "2026-11-22T01:05:50Z"}
    samples, now = ruled(RULE, {**RULE, "name": "Down", "state": "pending", "alerts": [pending]}).alert_states(0, 1795309561)

    told = [(each.labels["alertname"], each.labels["alertstate"], [at for at, _ in each.points]) for each in samples]
    assert told == [
        ("Up", "firing", [1795309540.0, 1795309550.0, 1795309560.0]),
        ("Down", "pending", [1795309550.0, 1795309560.0]),
    ]
    assert [(each.labels["alertname"], each.labels["alertstate"]) for each in now] == [("Up", "firing"), ("Down", "pending")]


def test_evaluations_that_it_missed_are_told_for_each_rule_in_seconds() -> None:
    missed = "grafana_alerting_schedule_rule_evaluations_missed_total"
    lines = [f'{missed}{{name="Up \\"é\\"",org="1"}} 2', f'{missed}{{name="Gone",org="1"}} 1', "grafana_alerting_alerts 7"]
    page = httpx.MockTransport(
        lambda request: httpx.Response(200, text="\n".join(lines) if request.url.path == "/metrics" else "")
    )

    grafana = ruled({**RULE, "name": 'Up "é"'})
    grafana.wanted, grafana.transport = Wanted(rules=frozenset({'Up "é"'})), page

    assert grafana.missed() == {'{name="Up \\"é\\"",org="1"}': 20.0, '{name="Gone",org="1"}': 10.0}


def test_without_rules_of_its_own_it_is_not_asked_what_it_missed() -> None:
    def nobody(_: httpx.Request) -> httpx.Response:
        raise AssertionError

    grafana = ruled(RULE)
    grafana.transport = httpx.MockTransport(nobody)

    assert grafana.missed() == {}
