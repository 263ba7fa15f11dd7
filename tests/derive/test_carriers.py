from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck.components.prometheus import Prometheus
from pytest_obscheck.derive import Document
from pytest_obscheck.derive.carriers import carried, templated
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
    lines = carried(RESOURCE).split("\n")

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
    assert carried(listed).split() == ["groups:", "-", "name:", "g", "rules:", "[]"]
    mimir = "namespace: shop\ngroups:\n  - name: g\n    rules: []\n"
    assert carried(mimir).split() == [
        "groups:",
        "-",
        "name:",
        "g",
        "rules:",
        "[]",
    ]


@pytest.mark.parametrize(
    "text", ["groups: []\n", "kind: Service\n", "kind: PrometheusRule\nspec: {groups: []}\n", "namespace: [\n"]
)
def test_what_carries_no_rules_stays(text: str) -> None:
    assert carried(text) == text


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

    assert str(caught.value) == "r.yaml:2: this is a Helm template, not YAML yet; name what `helm template` makes of it"


def test_rules_that_the_stack_file_names_are_loaded_beside_those_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("rule_files: [own.yml]\n")
    (tmp_path / "own.yml").write_text("groups: []\n")
    (tmp_path / "k8s.yaml").write_text(RESOURCE)
    prometheus = Prometheus("p.yml", rules=("k8s.yaml",))

    (alert,) = prometheus.facts(place(tmp_path)).alerts
    launch = prometheus.launch(place(tmp_path))

    assert (alert.name, alert.labels, alert.where) == ("A", {"v": "1.10"}, "k8s.yaml:9")
    assert launch.files["prometheus.yml"] == f'rule_files: ["{tmp_path}/own.yml", "/run/p/rules.0.yml"]\n'
    assert launch.files["rules.0.yml"] == carried(RESOURCE)
    with pytest.raises(ConfigError, match=r"^prometheus: rules: there is no file 'none/\*'$"):
        Prometheus("p.yml", rules=("none/*",)).facts(place(tmp_path))
