"""The seven dashboards: they load as Grafana provisions them, and every panel asks for series that exist."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

STACK = Path(__file__).parents[2] / "stack"
DASHBOARDS = sorted((STACK / "grafana/dashboards").glob("*.json"))
NODE = {
    "node_cpu_seconds_total", "node_memory_MemAvailable_bytes", "node_memory_MemTotal_bytes", "node_filesystem_avail_bytes",
    "node_filesystem_size_bytes", "node_load1", "node_load5", "node_load15",
}  # fmt: skip
"""What node_exporter exposes with the collectors that the stack gives it."""
PROMETHEUS = {"up", "ALERTS", "scrape_duration_seconds"}


def _dashboards() -> list[Any]:
    return [json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS]


def _queries(dashboard: Any) -> Iterator[tuple[str, str]]:
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            expr = target["expr"].replace("[$__rate_interval]", "[1m]").replace("$job", ".*")
            yield f"{dashboard['title']}: {panel['title']}", expr


def _names(expr: str) -> set[str]:
    names: set[str] = set()

    def visit(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            names.add(node.name)
        if isinstance(node, promql_parser.MatrixSelector):
            names.add(node.vector_selector.name)

    promql_parser.walk(promql_parser.parse(expr), visit)
    return names


def _recorded() -> set[str]:
    files = (STACK / "production/rules").glob("*.yml")
    groups = [group for file in files for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
    return {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}


def _exposed(page: str) -> set[str]:
    """Return the names of a page's samples, and of those that its families will have after their first event."""
    names = set(re.findall(r"(?m)^([a-zA-Z_:]\w*)[{ ]", page))
    families = set(re.findall(r"(?m)^# TYPE (\S+) histogram", page))
    counters = set(re.findall(r"(?m)^# TYPE (\S+) (?:counter|gauge)", page))
    return names | counters | {f"{family}_{part}" for family in families for part in ("bucket", "sum", "count")}


def test_there_are_seven_dashboards() -> None:
    assert [dashboard["title"] for dashboard in _dashboards()] == [
        "API performance",
        "Business KPIs",
        "Error rates",
        "Infrastructure",
        "Resource utilization",
        "SLA compliance",
        "System health",
    ]


def test_every_dashboard_can_be_linked_to_and_every_panel_told_apart() -> None:
    dashboards = _dashboards()

    assert [dashboard["uid"] for dashboard in dashboards] == [path.stem for path in DASHBOARDS]
    for dashboard in dashboards:
        ids = [panel["id"] for panel in dashboard["panels"]]
        titles = [panel["title"] for panel in dashboard["panels"]]
        assert len(set(ids)) == len(ids)
        assert len(set(titles)) == len(titles)


def test_every_panel_asks_the_provisioned_data_source() -> None:
    provisioned = yaml.safe_load((STACK / "grafana/provisioning/datasources/prometheus.yml").read_text(encoding="utf-8"))
    known = {source["uid"] for source in provisioned["datasources"]}

    panels = [panel for dashboard in _dashboards() for panel in dashboard["panels"]]
    assert {target["datasource"]["uid"] for panel in panels for target in panel["targets"]} == known
    assert all(panel["fieldConfig"]["defaults"].get("unit") or panel["type"] == "heatmap" for panel in panels)


def test_no_panel_lies_on_another() -> None:
    for dashboard in _dashboards():
        taken = [
            (panel["gridPos"]["x"] + right, panel["gridPos"]["y"] + down)
            for panel in dashboard["panels"]
            for right in range(panel["gridPos"]["w"])
            for down in range(panel["gridPos"]["h"])
        ]
        assert len(set(taken)) == len(taken)
        assert max(column for column, _ in taken) < 24


def test_every_panel_asks_for_what_is_exposed_or_recorded(shop: Any) -> None:
    known = _exposed(shop.ask("GET", "/metrics").text) | NODE | PROMETHEUS | _recorded()

    unknown = {
        (where, name) for dashboard in _dashboards() for where, expr in _queries(dashboard) for name in _names(expr) - known
    }
    assert unknown == set()


def test_a_panel_that_asks_for_nothing_would_be_noticed(shop: Any) -> None:
    known = _exposed(shop.ask("GET", "/metrics").text)

    assert _names('sum(rate(http_request_total{status="500"}[1m]))') - known == {"http_request_total"}


@pytest.mark.parametrize("name", ["datasources/prometheus.yml", "dashboards/shop.yml"])
def test_the_provisioning_has_the_version_that_grafana_reads(name: str) -> None:
    assert yaml.safe_load((STACK / "grafana/provisioning" / name).read_text(encoding="utf-8"))["apiVersion"] == 1
