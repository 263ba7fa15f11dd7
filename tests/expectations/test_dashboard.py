"""Every panel gets its word, and the claim is red where one shows nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.capabilities import Series
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.expectations.dashboard import Dashboard
from pytest_obscheck.protocols import History
from pytest_obscheck.testing import FakeStack, a_journal, a_plan

PROVISIONING = "datasources: [{name: Prometheus, uid: metrics, type: prometheus}, {name: Logs, uid: logs, type: loki}]"
ONE = 1.0


@dataclass
class Prometheus:
    """Answers by expression: a number is the value of one series, text the error; anything else has no series."""

    answers: Mapping[str, float | str]
    asked: list[str] = field(default_factory=list)

    def query(self, expr: str, at: float) -> list[Series]:
        self.asked.append(expr)
        answer = self.answers.get(expr)
        if isinstance(answer, str):
            raise LookFailed(f"prometheus answered the query with 400: {answer}")
        return [] if answer is None else [Series({"__name__": "up", "job": "api"}, ((at, answer),))]

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        return self.query(expr, end)

    def metric_names(self) -> list[str]:
        return ["up", "http_requests_total"]

    def label_names(self, selector: str) -> list[str]:
        return ["job"]


@dataclass
class Loki:
    """Has one stream with one line; remembers which labels it was asked for."""

    asked: list[tuple[str, str]] = field(default_factory=list)

    def query_logql(self, query: str, start: float, end: float, step: float) -> list[Series]:
        if query == "{":
            raise LookFailed("loki answered '{' with 400: parse error")
        return [Series({}, ((end, ONE),))] if "api" in query else []

    def stream_labels(self, label: str, selector: str, start: float, end: float) -> list[str]:
        self.asked.append((label, selector))
        return ["api"]


@dataclass
class Grafana:
    """Has one data source; remembers the queries of each request that it was sent."""

    sent: list[Sequence[Mapping[str, Any]]] = field(default_factory=list)

    def data_sources(self) -> list[Mapping[str, Any]]:
        return [{"uid": "metrics", "name": "Prometheus", "type": "prometheus", "jsonData": {"timeInterval": "30s"}}]

    def run_queries(self, queries: Sequence[Mapping[str, Any]], start: float, end: float) -> list[list[Series] | LookFailed]:
        self.sent.append(queries)
        return [self._answer(query["expr"], end) for query in queries]

    def _answer(self, expr: str, end: float) -> list[Series] | LookFailed:
        if expr == "(":
            return LookFailed("bad_data: parse error")
        return [Series({}, ((end, ONE),))] if "api" in expr else []


@dataclass(frozen=True)
class Shop:
    """A folder of dashboards, and a Prometheus behind them."""

    home: Path
    prometheus: Prometheus
    others: Mapping[str, Any] = field(default_factory=dict)

    def panels(self, *panels: Mapping[str, Any], **more: Any) -> Shop:
        (self.home / "shop.json").write_text(json.dumps({"title": "Shop", "panels": panels, **more}), encoding="utf-8")
        return self

    def findings(self, claim: Dashboard | None = None) -> list[dict[str, str]]:
        claim = claim or Dashboard("shop.json")
        stack = FakeStack({"prometheus": self.prometheus, **self.others}, replace(a_plan(), home=self.home))
        found: list[dict[str, str]] = claim.evidence().look(stack, 1000.0, 1001.0)
        return found

    def words(self, claim: Dashboard | None = None) -> list[str]:
        return [f"{each['word']}: {each['words']}".removesuffix(": ") for each in self.findings(claim)]

    def sight(self, claim: Dashboard | None = None) -> tuple[bool | None, str]:
        claim = claim or Dashboard("shop.json")
        key = str(claim.evidence())
        journal = a_journal(**{key: [(1.0, self.findings(claim))]})
        (sight,) = claim.holds(History(tuple(journal.of("look")), journal))
        return sight.holds, sight.words

    def problems(self, claim: Dashboard) -> list[str]:
        return list(claim.problems(replace(a_plan(), home=self.home)))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Return a shop whose Prometheus knows few series."""
    answers = {
        "up": ONE,
        "count by (job) (last_over_time(up[1h]))": ONE,
        "vector(0)": 0.0,
        "sum(": "1:5: parse error: unclosed left parenthesis",
        "0/0": float("nan"),
    }
    (tmp_path / "sources.yml").write_text(PROVISIONING, encoding="utf-8")
    return Shop(tmp_path, Prometheus(answers))


def panel(*exprs: str, **more: Any) -> dict[str, Any]:
    return {"title": "Orders", "type": "timeseries", "targets": [{"expr": expr} for expr in exprs], **more}


@pytest.mark.parametrize(
    ("asks", "expected"),
    [
        (panel("up"), "data"),
        (panel("vector(0)"), "zero"),
        (panel("up", "vector(0)"), "data"),
        (panel('up{job="none"}', "up"), "data"),
        (panel('up{job="none"}'), "no data: nothing comes back for 'up{job=\"none\"}'"),
        (panel("0/0"), "no data: every value is NaN, of '0/0'"),
        (
            panel("up", "http_request_total"),
            "no data: no series is called 'http_request_total'; did you mean 'http_requests_total'?",
        ),
        (panel("ALERTS", "up"), "data"),
        (panel("up", "sum("), "error: 1:5: parse error: unclosed left parenthesis in 'sum('"),
        (panel("up{job='$jbo'}", "up"), "error: there is no variable $jbo; did you mean 'job'?"),
        (panel(type="text"), "not judged: a panel of type 'text' that asks for nothing"),
        (panel("up", transformations=[{"id": "organize"}]), "data"),
        (
            panel("up", transformations=[{"id": "filterByValue"}]),
            "not judged: its queries give data; the transformation 'filterByValue' is Grafana's own",
        ),
        (
            panel("x", datasource={"type": "jaeger", "uid": "j"}),
            "not judged: no member of the stack answers queries of type 'jaeger'",
        ),
        (panel("up", timeFrom="1h", timeShift="1d"), "data"),
        (panel("up", interval="soon"), "error: 'soon' is not an interval; write it like '15s' or '1m'"),
    ],
)  # fmt: skip
def test_a_panel_gets_its_word(shop: Shop, asks: Mapping[str, Any], expected: str) -> None:
    job = {"name": "job", "type": "custom", "query": "api"}

    assert shop.panels(asks, templating={"list": [job]}).words() == [expected]


def test_an_expression_is_grafanas_but_what_it_rests_on_is_not(shop: Shop) -> None:
    math = {"refId": "B", "datasource": {"type": "__expr__", "uid": "__expr__"}, "expression": "$A * 2"}
    sound = {"title": "A", "targets": [{"refId": "A", "expr": "up", "hide": True}, math]}
    broken = {"title": "B", "targets": [{"refId": "A", "expr": "gone", "hide": True}, math]}

    assert shop.panels(sound, broken).words() == ["data", "no data: no series is called 'gone'"]


def test_a_panel_that_shows_anothers_result_has_its_word(shop: Shop) -> None:
    shared = {"title": "B", "targets": [{"datasource": {"uid": "-- Dashboard --"}, "panelId": 7}]}

    assert shop.panels(shared, panel("vector(0)", id=7)).words() == ["zero", "zero"]


def test_a_query_is_sent_with_its_variables_and_intervals(shop: Shop) -> None:
    job = {"name": "job", "type": "query", "query": "label_values(up, job)", "includeAll": True, "current": {"value": "$__all"}}
    expr = 'sum(rate(up{job=~"$job"}[$__rate_interval])) + ${__range_s} + $__interval_ms'

    shop.panels(panel(expr), templating={"list": [job]}, time={"from": "now-1h", "to": "now"}).words()

    assert shop.prometheus.asked == [
        "count by (job) (last_over_time(up[1h]))",
        'sum(rate(up{job=~"api"}[1m])) + 3600 + 15000',
    ]


def test_a_variable_that_cannot_be_resolved_turns_the_panels_red_that_need_it(shop: Shop) -> None:
    job = {"name": "job", "type": "query", "query": "query_result(sum()"}

    assert shop.panels(panel('up{job="$job"}'), panel("up"), templating={"list": [job]}).words() == [
        "error: $job cannot be resolved: 1:5: parse error: unclosed left parenthesis",
        "data",
    ]


def test_a_variable_without_a_value_is_named_where_nothing_comes_back(shop: Shop) -> None:
    pod = {"name": "pod", "type": "query", "query": "label_values(up, pod)", "datasource": {"uid": "$ds"}}
    ds = {"name": "ds", "type": "datasource", "query": "prometheus", "current": {"value": "somewhere"}}

    assert shop.panels(panel('up{pod="$pod"}', datasource="$ds"), templating={"list": [pod, ds]}).words() == [
        "no data: nothing comes back for 'up{pod=\"\"}', for $pod has no value"
    ]


def test_a_data_source_that_is_not_provisioned_is_an_error(shop: Shop) -> None:
    sources = Dashboard("shop.json", datasources="sources.yml")
    asks = [
        panel("up", datasource=each)
        for each in ({"uid": "metrics", "type": "prometheus"}, "Prometheus", None, "metric", "Logs")
    ]

    assert shop.panels(*asks).words(sources) == [
        "data",
        "data",
        "data",
        "error: no data source is called 'metric'; did you mean 'metrics'?",
        "not judged: no member of the stack answers queries of type 'loki'",
    ]
    right = "name the files that provision Grafana's data sources with 'datasources:'"
    assert shop.panels(asks[3]).words() == [f"error: nobody says of what type the data source 'metric' is; {right}"]


@pytest.mark.parametrize(
    ("query", "asked"),
    [
        ("label_values(job)", ("job", "")),
        ('label_values({env="x"}, job)', ("job", '{env="x"}')),
        ("label_names()", ("", "")),
        ({"label": "job", "stream": '{env="x"}', "type": 1}, ("job", '{env="x"}')),
    ],
)
def test_panels_about_logs_are_asked_of_a_store_of_logs(shop: Shop, query: Any, asked: tuple[str, str]) -> None:
    loki = Loki()
    shop = replace(shop, others={"loki": loki})
    logs = {"uid": "logs", "type": "loki"}
    job = {"name": "job", "type": "query", "query": query, "datasource": logs}
    asks = [panel(expr, datasource=logs) for expr in ('{job="$job"}', 'rate({job="web"}[1m])', "{")]

    assert shop.panels(*asks, templating={"list": [job]}).words() == [
        "data",
        "no data: nothing comes back for 'rate({job=\"web\"}[1m])'",
        "error: loki answered '{' with 400: parse error",
    ]
    assert loki.asked == [asked]


def test_where_a_grafana_runs_it_is_sent_what_a_browser_would_send(shop: Shop) -> None:
    grafana = Grafana()
    shop = replace(shop, others={"grafana": grafana})
    job = {"name": "job", "type": "query", "query": "label_values(up, job)"}
    asks = [panel(expr, datasource="Prometheus") for expr in ('rate(up{job="$job"}[$__rate_interval])', "gone", "(")]

    hour = {"from": "now-1h", "to": "now"}

    assert shop.panels(*asks, panel("x", datasource="Logs"), templating={"list": [job]}, time=hour).words() == [
        "data",
        "no data: no series is called 'gone'",
        "error: bad_data: parse error in '('",
        "error: no data source is called 'Logs'; known are: Prometheus, metrics",
    ]
    assert grafana.sent[0][0] == {
        "expr": 'rate(up{job="api"}[2m])',
        "intervalMs": 30000,
        "maxDataPoints": 1000,
        "range": True,
        "instant": True,
        "datasource": {"uid": "metrics", "type": "prometheus"},
    }


def test_a_grafana_is_sent_a_few_queries_at_a_time_and_what_panels_share_once(shop: Shop) -> None:
    grafana = Grafana()
    shop = replace(shop, others={"grafana": grafana})
    asks = [panel(f"api{number}", "api0", datasource="Prometheus") for number in range(12)]
    own = panel("api0", datasource="Prometheus", timeFrom="5m")

    assert shop.panels(*asks, own).words() == ["data"] * 13
    assert [[query["expr"] for query in queries] for queries in grafana.sent] == [
        [f"api{number}" for number in range(10)],
        ["api10", "api11"],
        ["api0"],
    ]


def test_a_claim_holds_where_every_panel_shows_data_or_zeros(shop: Shop) -> None:
    shop.panels(panel("up"), panel("vector(0)"), panel(type="text"))

    assert shop.sight() == (True, "3 panels at 1.0s: 1 data, 1 zero, 1 not judged")


def test_a_claim_names_every_panel_that_shows_nothing(shop: Shop) -> None:
    shop.panels(panel("up"), panel("gone", title="Lost"), panel("sum(", title="Broken"))
    error = "Shop / Broken: error: 1:5: parse error: unclosed left parenthesis in 'sum('"

    assert shop.sight() == (False, f"Shop / Lost: no data: no series is called 'gone'\n{error}")
    assert shop.sight(Dashboard("shop.json", empty=("Lost",))) == (False, error)
    assert shop.sight(Dashboard("shop.json", panels=("Shop / Orders",))) == (True, "1 panels at 1.0s: 1 data")


def test_where_nothing_can_be_judged_nothing_is_proved(shop: Shop) -> None:
    shop.panels(panel(type="text"))

    assert shop.sight() == (None, "no panel could be judged: a panel of type 'text' that asks for nothing")


def test_a_look_that_failed_cannot_tell() -> None:
    claim = Dashboard("shop.json")
    journal = a_journal(**{"dashboard shop.json": [(1.0, "prometheus refuses connections")]})

    (sight,) = claim.holds(History(tuple(journal.of("look")), journal))

    assert (sight.holds, sight.words) == (None, "prometheus refuses connections")


def test_mistakes_are_found_before_anything_starts(shop: Shop) -> None:
    shop.panels(panel("up"), templating={"list": [{"name": "job", "type": "custom", "query": "a"}]})
    claim = Dashboard("shop.json", empty=("Order",), panels=("Shop / Order",), variables={"jobs": "a"}, datasources="none.yml")

    assert shop.problems(claim) == [
        "dashboard: none.yml: cannot be read: No such file or directory",
        "dashboard: no panel is called 'Shop / Order'; did you mean 'Shop / Orders'?",
        "dashboard: no panel is called 'Order'; did you mean 'Orders'?",
        "dashboard: no dashboard has a variable 'jobs'; did you mean 'job'?",
    ]
    assert shop.problems(Dashboard("gone.json")) == ["dashboard: gone.json: cannot be read: No such file or directory"]


def test_it_says_what_it_wants() -> None:
    assert str(Dashboard("grafana/dashboards")) == "every panel of dashboards shows data"
    assert str(Dashboard("grafana/shop.json", panels=("A", "B"))) == "A, B of shop.json show data"
