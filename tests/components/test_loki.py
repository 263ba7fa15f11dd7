"""Loki's configuration, LogQL for filters, and what its API answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from pytest_obscheck.capabilities import EvaluatesRules, Series
from pytest_obscheck.components._http import Http
from pytest_obscheck.components._logql import LIMIT, LokiClient, logql
from pytest_obscheck.components.loki import Loki
from pytest_obscheck.components.shipper import Shipper
from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ConfigError, LookFailed
from pytest_obscheck.protocols import Network, Place
from pytest_obscheck.signals import AnswersLogs, LogFilter, LogLine
from pytest_obscheck.speed import Source, Speed


def a_place(name: str = "loki") -> Place:
    addresses = {"http": "127.0.0.1:3100", "grpc": "127.0.0.1:9095"}
    filled = {"${loki.address}": "127.0.0.1:3100"}
    run = Path("/run") / name
    return Place(name, run, Path("/shop"), addresses, Network(), lambda text: filled.get(text, text), unopened)


def unopened(path: Path) -> Any:
    raise AssertionError(f"{path} is not to be opened")


def client(answer: Callable[[httpx.Request], httpx.Response]) -> LokiClient:
    return LokiClient(Http("loki", "http://loki", httpx.MockTransport(answer)))


def streams(*rows: tuple[Mapping[str, str], list[list[str]]]) -> httpx.Response:
    found = [{"stream": labels, "values": values} for labels, values in rows]
    return httpx.Response(200, json={"status": "success", "data": {"resultType": "streams", "result": found}})


def test_it_listens_and_writes_where_it_is_told() -> None:
    launch = Loki(args=("-validation.max-line-size=4KB",)).launch(a_place())

    assert launch.argv == ("loki", "-config.file=/run/loki/loki.yml", "-validation.max-line-size=4KB")
    config: Any = yaml.safe_load(launch.files["loki.yml"])
    server = config["server"]
    assert (server["http_listen_address"], server["http_listen_port"], server["grpc_listen_port"]) == ("127.0.0.1", 3100, 9095)
    assert config["common"]["path_prefix"] == "/run/loki/data"


def test_a_shipper_follows_the_logs_of_members_and_finds_its_store_by_name() -> None:
    launch = Shipper(members=("checkout",), labels={"env": "test"}).launch(a_place("shipper"))

    assert json.loads(launch.files["shipper.json"]) == {
        "listen": "127.0.0.1:3100",
        "url": "http://127.0.0.1:3100/loki/api/v1/push",
        "api": "loki",
        "logs": {"checkout": "/run/checkout/checkout.log"},
        "labels": {"env": "test"},
    }


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (LogFilter(contains='say "x"'), '{service_name=~".+"} |= "say \\"x\\""'),
        (LogFilter({"service_name": "checkout", "env": "~te.*"}), '{service_name="checkout", env=~"te.*"}'),
        (LogFilter({"a": "b"}, matches="[0-9]+ ms"), '{a="b"} |~ "[0-9]+ ms"'),
        (
            LogFilter({"a": "b"}, {"level": "error", "user.id": "~7.*"}),
            '{a="b"} | json field_0="[\\"level\\"]", field_1="[\\"user\\"][\\"id\\"]" | field_0="error" | field_1=~"7.*"',
        ),
    ],
)
def test_a_filter_is_logql(wanted: LogFilter, expected: str) -> None:
    assert logql(wanted) == expected


def test_lines_come_in_order_whatever_their_stream() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return streams(
            ({"s": "a"}, [["3000000000", "third"], ["1500000000", "first"]]), ({"s": "b"}, [["2000000000", "second"]])
        )

    loki = client(answer)

    assert isinstance(loki, AnswersLogs)
    assert loki.query_lines('{s=~".+"}', 1.0, 3.0) == [
        LogLine(1.5, "first", {"s": "a"}),
        LogLine(2.0, "second", {"s": "b"}),
        LogLine(3.0, "third", {"s": "a"}),
    ]
    params = dict(asked[0].url.params)
    assert (params["start"], params["end"], params["direction"]) == ("1000000001", "3000000001", "forward")


def test_lines_that_are_too_many_for_one_answer_come_in_pages_each_once() -> None:
    every = [[str(number * 1000), f"line {number}"] for number in range(1, 2 * LIMIT)]

    def answer(request: httpx.Request) -> httpx.Response:
        start = int(request.url.params["start"])
        return streams(({"s": "a"}, [row for row in every if int(row[0]) >= start][:LIMIT]))

    found = client(answer).query_lines("{}", 0.0, 1.0)

    assert [line.text for line in found] == [text for _, text in every]


def test_a_page_full_of_lines_of_one_moment_is_not_asked_for_for_ever() -> None:
    page = streams(({"s": "a"}, [["1000000000", f"line {number}"] for number in range(LIMIT)]))

    assert len(client(lambda _: page).query_lines("{}", 0.0, 2.0)) == LIMIT


def test_what_loki_refuses_is_told_in_its_own_words() -> None:
    loki = client(lambda _: httpx.Response(400, text="parse error at line 1, col 8: syntax error: unexpected IDENTIFIER"))

    with pytest.raises(LookFailed) as raised:
        loki.query_lines("{a=b}", 1.0, 2.0)

    assert (
        str(raised.value) == "loki answered '{a=b}' with 400: parse error at line 1, col 8: syntax error: unexpected IDENTIFIER"
    )


def test_a_query_that_gives_numbers_is_refused() -> None:
    loki = client(lambda _: httpx.Response(200, json={"data": {"resultType": "matrix", "result": []}}))

    with pytest.raises(LookFailed) as raised:
        loki.query_lines("rate({a='b'}[1m])", 1.0, 2.0)

    assert str(raised.value) == "\"rate({a='b'}[1m])\" gives numbers, not lines; leave the function around it out"


def test_an_answer_that_is_none_of_lokis_cannot_tell() -> None:
    with pytest.raises(LookFailed) as raised:
        client(lambda _: httpx.Response(200, text="<html>")).query_lines("{}", 1.0, 2.0)

    assert str(raised.value) == "loki answered the query with something that is not its JSON"


def test_a_metric_query_gives_series_and_a_query_for_lines_a_one_for_each() -> None:
    matrix = {"resultType": "matrix", "result": [{"metric": {"a": "b"}, "values": [[1.0, "2.5"], [2.0, "0"]]}]}

    assert client(lambda _: httpx.Response(200, json={"data": matrix})).query_logql("rate({}[1m])", 0.0, 2.0, 1.0) == [
        Series({"a": "b"}, ((1.0, 2.5), (2.0, 0.0)))
    ]
    lines = streams(({"s": "a"}, [["1500000000", "x"]]))
    assert client(lambda _: lines).query_logql("{}", 0.0, 2.0, 1.0) == [Series({"s": "a"}, ((1.5, 1.0),))]


def test_labels_have_names_and_values() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(f"{request.url.path}?{request.url.params.get('query', '')}")
        return httpx.Response(200, json={"status": "success", "data": ["a", "b"]})

    loki = client(answer)

    assert loki.stream_labels("job", "{a='b'}", 1.0, 2.0) == loki.stream_labels("", "", 1.0, 2.0) == ["a", "b"]
    assert asked == ["/loki/api/v1/label/job/values?{a='b'}", "/loki/api/v1/labels?"]


def test_a_query_of_a_search_engine_is_refused_with_the_reason() -> None:
    with pytest.raises(LookFailed) as raised:
        client(lambda _: streams()).query_lines('{"match": {"message": "sold"}}', 1.0, 2.0)

    assert str(raised.value) == (
        '\'{"match": {"message": "sold"}}\' is a search engine\'s query; loki is asked in LogQL, like '
        '{service_name="shop"} |= "sold"'
    )


LOGQL = """\
namespace: shop
groups:
  - name: g
    rules:
      - {alert: Boom, expr: 'rate({a="b"} |= "x" [1m]) > 1', for: 5m}
"""


def a_ruler(folder: Path) -> tuple[Loki, Place]:
    (folder / "rules.yml").write_text(LOGQL)
    place = replace(a_place(), home=folder, open=Document.open, fill=lambda text: text.replace("${am}", "127.0.0.1:9093"))
    return Loki(rules=("*.yml",), alertmanager="http://${am}"), place


def test_its_ruler_gets_the_rules_of_the_only_tenant_and_an_alertmanager(tmp_path: Path) -> None:
    loki, place = a_ruler(tmp_path)

    files = loki.launch(place).files

    config: Any = yaml.safe_load(files["loki.yml"])
    assert config["ruler"]["storage"] == {"type": "local", "local": {"directory": "/run/loki/rules"}}
    assert config["ruler"]["alertmanager_url"] == "http://127.0.0.1:9093"
    assert yaml.safe_load(files["rules/fake/0.yml"])["groups"][0]["rules"][0]["alert"] == "Boom"
    (alert,) = loki.facts(place).alerts
    assert (alert.name, alert.hold, alert.where) == ("Boom", "5m", "rules.yml:5")


def test_its_ruler_keeps_to_the_clock(tmp_path: Path) -> None:
    loki, place = a_ruler(tmp_path)

    with pytest.raises(ConfigError) as raised:
        loki.launch(replace(place, speed=Speed(Fraction(60), Source.SCRIPTED)))

    assert str(raised.value) == "loki: rules: Loki's ruler keeps to the clock; play it at speed 1"


def test_rules_that_are_not_there_are_named(tmp_path: Path) -> None:
    _, place = a_ruler(tmp_path)

    with pytest.raises(ConfigError) as raised:
        Loki(rules=("gone.yml",)).facts(place)

    assert str(raised.value) == "loki: rules: there is no file 'gone.yml'"


def test_who_has_rules_tells_of_them_and_of_missed_evaluations() -> None:
    group = 'rule_group="/run/ruler/fake/0.yml;logs",user="fake"'
    metrics = (
        f"loki_prometheus_rule_group_iterations_missed_total{{{group}}} 2\n"
        f"loki_prometheus_rule_group_interval_seconds{{{group}}} 30\n"
    )
    answers = {
        "/prometheus/api/v1/rules": httpx.Response(200, json={"data": {"groups": [{"name": "g", "interval": 1, "rules": []}]}}),
        "/metrics": httpx.Response(200, text=metrics),
    }
    ruled = replace(client(lambda request: answers[request.url.path]), ruled=True)

    assert isinstance(ruled, EvaluatesRules)
    assert (ruled.rules()[0]["name"], ruled.alert_states(0.0, 1.0)) == ("g", ([], []))
    assert ruled.missed() == {f"{{{group}}}": 60.0}


def test_who_has_no_rules_is_not_asked_for_them() -> None:
    plain = client(lambda _: httpx.Response(404))

    assert (plain.rules(), plain.alert_states(0.0, 1.0), plain.missed()) == ([], ([], []), {})
