from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pytest_obscheck.components._files import CARRIERS
from pytest_obscheck.components.prometheus import Prometheus
from pytest_obscheck.derive import Document
from pytest_obscheck.derive.carriers import carried_rules, carried_scrapes, templated
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.protocols import Network, Place

RESOURCE = """\
# helm template shop
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: shop}
spec:
  groups:
  - name: g # one
    rules:
    - alert: A
      expr: |
        up
          == 0
      labels: {v: 1.10}
---
kind: Service
metadata: {}
---
kind: PrometheusRule
spec:
    groups:
      - name: h
        rules: [{record: r, expr: "1"}]
"""


def place(home: Path) -> Place:
    network = Network(proxy="http://127.0.0.1:20000", ca_file=Path("/run/ca.pem"))
    return Place("prometheus", Path("/run/p"), home, {"http": "127.0.0.1:1"}, network, lambda text: text, Document.open)


def test_rules_of_resources_are_read_each_on_its_line() -> None:
    lines = carried_rules(RESOURCE).split("\n")

    assert len(lines) == len(RESOURCE.split("\n"))
    assert (
        "\n".join(line for line in lines if line)
        == """\
groups:
- name: g # one
  rules:
  - alert: A
    expr: |
      up
        == 0
    labels: {v: 1.10}
- name: h
  rules: [{record: r, expr: "1"}]"""
    )
    assert lines[8] == "  - alert: A"


def test_a_list_of_resources_and_a_namespace_of_mimir_carry_rules() -> None:
    listed = "kind: List\nitems:\n  - kind: PrometheusRule\n    spec:\n      groups:\n        - name: g\n          rules: []\n"
    assert carried_rules(listed).split() == ["groups:", "-", "name:", "g", "rules:", "[]"]
    mimir = "namespace: shop\ngroups:\n  - name: g\n    rules: []\n"
    assert carried_rules(mimir).split() == [
        "groups:",
        "-",
        "name:",
        "g",
        "rules:",
        "[]",
    ]


def test_namespaces_as_the_api_of_a_ruler_tells_them_carry_rules() -> None:
    told = """\
shop:
    - name: g
      rules:
        - alert: A
          expr: up == 0
team:
    - name: h
      interval: 1m
      rules: [{record: r, expr: "1"}]
"""

    carried = carried_rules(told)

    assert yaml.safe_load(carried) == {"groups": [*yaml.safe_load(told)["shop"], *yaml.safe_load(told)["team"]]}
    assert [line.strip() for line in carried.splitlines()][1:5] == [line.strip() for line in told.splitlines()][1:5]
    assert carried.splitlines()[6].strip() == "- name: h"


@pytest.mark.parametrize(
    "text", ["shop: []\n", "shop:\n  - name: g\n", "shop:\n  rules: []\n", '{"groups":\n [{"name": "g",\n  rules: []}]}\n']
)
def test_a_map_of_anything_else_stays(text: str) -> None:
    assert carried_rules(text) == text


@pytest.mark.parametrize(
    "text", ["groups: []\n", "kind: Service\n", "kind: PrometheusRule\nspec: {groups: []}\n", "namespace: [\n"]
)
def test_what_carries_no_rules_stays(text: str) -> None:
    assert carried_rules(text) == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("groups:\n  - name: {{ .Values.name }}\n", 2),
        ("a: 1\n{{- if .x }}\n", 2),
        ('a: {{ include "x" . }}\n', 1),
        ('a: "{{ $labels.job }} {{ .CommonLabels.Values }} {{ template \\"x\\" . }}"\n', 0),
    ],
)
def test_a_helm_template_is_told_from_a_template_of_prometheus(text: str, line: int) -> None:
    assert templated(text) == line


def test_a_helm_template_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("groups:\n  - name: {{ .Values.name }}\n")

    with pytest.raises(ConfigError) as caught:
        Document.open(tmp_path / "r.yaml", "r.yaml")

    right = "say in stack.yaml `render: {chart.yaml: helm template NAME CHART}`, and name chart.yaml instead"
    assert str(caught.value) == f"r.yaml:2: this is a Helm template, not YAML yet; {right}"


def test_rules_that_the_stack_file_names_are_loaded_beside_those_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("rule_files: [own.yml]\n")
    (tmp_path / "own.yml").write_text("groups: []\n")
    (tmp_path / "k8s.yaml").write_text(RESOURCE)
    prometheus = Prometheus("p.yml", rules=("k8s.yaml",))

    (alert,) = prometheus.facts(place(tmp_path)).alerts
    launch = prometheus.launch(place(tmp_path))

    assert (alert.name, alert.labels, alert.where) == ("A", {"v": "1.10"}, "k8s.yaml:9")
    assert launch.files["prometheus.yml"] == f'rule_files: ["{tmp_path}/own.yml", "/run/p/rules.0.yml"]\n'
    assert launch.files["rules.0.yml"] == carried_rules(RESOURCE)
    with pytest.raises(ConfigError, match=r"^prometheus: rules: there is no file 'none/\*'$"):
        Prometheus("p.yml", rules=("none/*",)).facts(place(tmp_path))


MONITORS = """\
apiVersion: v1
kind: Service
metadata: {name: checkout}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: checkout
  namespace: shop
spec:
  selector: {}
  endpoints:
    - port: http
      path: /m
    - port: admin
"""
GROUPS = (
    {"targets": ("10.0.0.1:80",), "labels": {"__meta_kubernetes_namespace": "shop"}},
    {"targets": ("10.0.0.2:80",), "labels": {"__meta_kubernetes_namespace": "other"}},
)


def test_scrape_configs_of_resources_stand_on_the_lines_of_their_endpoints() -> None:
    lines = carried_scrapes(MONITORS).split("\n")

    assert lines[11] == "scrape_configs:"
    assert lines[12].startswith('- {"job_name": "serviceMonitor/shop/checkout/0", ')
    assert lines[14].startswith('- {"job_name": "serviceMonitor/shop/checkout/1", ')
    assert [line for line in lines[:11] if line] == []
    assert carried_scrapes("kind: Service\n") == "kind: Service\n"


def test_endpoints_on_one_line_come_one_after_the_other() -> None:
    one = '{"kind": "PodMonitor", "metadata": {"name": "a"}, "spec": {"podMetricsEndpoints": [{"port": "x"}, {"port": "y"}]}}'

    lines = carried_scrapes(one).split("\n")

    assert [line[:40] for line in lines] == [
        "scrape_configs:",
        *(f'- {{"job_name": "podMonitor/default/a/{n}", "'[:40] for n in (0, 1)),
    ]


def test_what_resources_scrape_is_loaded_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("global: {scrape_interval: 30s}\n")
    (tmp_path / "k8s.yaml").write_text(MONITORS)
    (tmp_path / "service.yaml").write_text("apiVersion: v1\nkind: Service\n")
    jobs = {f"serviceMonitor/shop/checkout/{number}": groups for number, groups in enumerate((GROUPS, ()))}
    prometheus = Prometheus("p.yml", scrapes=("*.yaml",), targets=jobs)

    assert prometheus.facts(place(tmp_path)).scraped == ("10.0.0.1:80", "10.0.0.2:80")
    files = prometheus.launch(place(tmp_path)).files

    assert files["prometheus.yml"] == ('global: {scrape_interval: 30s}\nscrape_config_files: ["/run/p/scrapes.0.yml"]\n')
    assert '"kubernetes_sd_configs"' not in files["scrapes.0.yml"]
    assert files["scrapes.0.yml"].count('proxy_url: "http://127.0.0.1:20000"') == 2
    assert '"10.0.0.1:80"' in files["scrapes.0.targets.0.json"]
    assert '"10.0.0.2:80"' not in files["scrapes.0.targets.0.json"]


def test_what_is_not_known_of_a_monitor_is_asked_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("")
    (tmp_path / "k8s.yaml").write_text(MONITORS)
    (tmp_path / "none.yaml").write_text("apiVersion: v1\nkind: Service\n")

    with pytest.raises(ConfigError) as caught:
        Prometheus("p.yml", scrapes=("k8s.yaml", "none.yaml")).facts(place(tmp_path))

    like = "[{targets: ['10.0.0.1:8080'], labels: {__meta_kubernetes_namespace: shop}}], or [] for nothing"
    asked = (
        "job 'serviceMonitor/shop/checkout/{0}' finds its targets by kubernetes_sd_configs; say in stack.yaml what it finds, "
    )
    assert str(caught.value).splitlines() == [
        f"prometheus: scrapes: nothing in 'none.yaml' says what is scraped; {CARRIERS['scrapes']}",
        *(
            f"k8s.yaml:{line}: {asked.format(number)}under targets, as serviceMonitor/shop/checkout/{number}: {like}"
            for number, line in enumerate((13, 15))
        ),
    ]


ROUTED = """\
route:
  receiver: none
  routes:
    - matchers: [severity="critical"] # the on-call
      receiver: none
receivers:
  - name: none
"""
TEAM = """\
kind: AlertmanagerConfig
metadata: {name: team, namespace: shop}
spec:
  route: {receiver: chat}
  receivers: [{name: chat, slackConfigs: [{apiURL: {name: slack, key: url}}]}]
"""


def test_routes_of_resources_come_first_and_every_line_stays_told(tmp_path: Path) -> None:
    (tmp_path / "am.yml").write_text(ROUTED)
    (tmp_path / "team.yaml").write_text(TEAM)

    document = Document.open(tmp_path / "am.yml", "am.yml", routes=[tmp_path / "team.yaml"])

    assert [route["receiver"] for route in document.value["route"]["routes"]] == ["shop/team/chat", "none"]
    assert [receiver["name"] for receiver in document.value["receivers"]] == ["none", "shop/team/chat"]
    assert document.line("route", "routes", 1, "receiver") == 5
    assert document.line("route", "routes", 0) == 3
    assert document.line("receivers", 0) == 7


def test_resources_that_are_not_yaml_are_named(tmp_path: Path) -> None:
    (tmp_path / "am.yml").write_text(ROUTED)
    (tmp_path / "team.yaml").write_text("kind: [\n")

    with pytest.raises(ConfigError, match=r"team\.yaml:2: not YAML"):
        Document.open(tmp_path / "am.yml", "am.yml", routes=[tmp_path / "team.yaml"])
