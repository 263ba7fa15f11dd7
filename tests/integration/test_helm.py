"""A team that has nothing but a Helm chart: rendered by the real helm, then scraped, judged and routed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Helm is the team's own tool, and no release of it can be fetched everywhere.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.long,
    pytest.mark.skipif(
        shutil.which("helm") is None, reason="helm is not on PATH; `go install helm.sh/helm/v3/cmd/helm@v3.22.0`"
    ),
]

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    "values.yaml": "limit: 100\nteam: checkout\n",
    "templates/_names.tpl": '{{- define "shop.labels" -}}\napp: {{ .Release.Name }}\n{{- end }}\n',
    "templates/rules.yaml": """\
{{- if .Values.limit }}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: {{ .Release.Name }}
  labels: {{- include "shop.labels" . | nindent 4 }}
spec:
  groups:
    - name: {{ .Values.team }}
      rules:
        - alert: QueueFull
          expr: queue_depth{job="{{ .Release.Name }}"} > {{ .Values.limit }}
          annotations: {summary: '{{ "{{" }} $labels.job {{ "}}" }} is full'}
{{- end }}
""",
    "templates/monitors.yaml": """\
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}
  labels: {{- include "shop.labels" . | nindent 4 }}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  endpoints: [{port: http, interval: 200ms}]
""",
    "templates/routes.yaml": """\
apiVersion: monitoring.coreos.com/v1alpha1
kind: AlertmanagerConfig
metadata: {name: {{ .Values.team }}, namespace: {{ .Release.Namespace }}}
spec:
  route: {receiver: chat, groupBy: [alertname], groupWait: 100ms, groupInterval: 200ms}
  receivers: [{name: chat, slackConfigs: [{channel: "#shop", apiURL: {name: slack, key: url}}]}]
""",
    "files/prometheus.yml": """\
global: {scrape_interval: 200ms, evaluation_interval: 200ms}
rule_files: [/etc/prometheus/recorded.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ['am.example:9093']}]}]}
""",
    "templates/config.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: prometheus}
data:
  prometheus.yml: {{ .Files.Get "files/prometheus.yml" | quote }}
  recorded.yml: |
    groups: [{name: recorded, rules: [{record: queue_depth:max, expr: max(queue_depth)}]}]
---
apiVersion: v1
kind: Secret
metadata: {name: alertmanager}
data:
  alertmanager.yaml: {{ "route: {receiver: none}\\nreceivers: [{name: none}]\\n" | b64enc }}
""",
}
STACK = """\
render: {chart.yaml: helm template shop ../chart --namespace shop}
mounts: {/etc/prometheus: chart.yaml/prometheus}
components:
  prometheus:
    config: chart.yaml/prometheus/prometheus.yml
    rules: [chart.yaml]
    scrapes: [chart.yaml]
    targets:
      serviceMonitor/shop/shop/0:
        - targets: [10.0.0.1:8080]
          labels:
            __meta_kubernetes_namespace: shop
            __meta_kubernetes_service_name: shop
            __meta_kubernetes_service_label_app: shop
            __meta_kubernetes_service_labelpresent_app: "true"
            __meta_kubernetes_endpoint_port_name: http
            __meta_kubernetes_pod_name: shop-1
  alertmanager:
    config: chart.yaml/alertmanager/alertmanager.yaml
    hosts: ["am.example:9093"]
    routes: [chart.yaml]
  shop:
    type: synthetic
    interval: 1s
    hosts: ["10.0.0.1:8080"]
    series: [{series: queue_depth, values: 1x100}]
"""
STORY = """\
faults:
  - script: {component: shop, interval: 1s, series: {queue_depth: 200x100}}
    from: 500ms
    until: 3s
expect:
  - alert: {name: QueueFull, annotations: {summary: shop is full}}
    within: 2s
    after: script
  - metric: {expr: 'queue_depth:max', is: '== 200'}
    within: 2s
    after: script
  - notification: {sink: slack, labels: {alertname: QueueFull}}
    within: 2s
    after: script
"""
RULES = "from shop/templates/rules.yaml"


@pytest.fixture
def chart(bare_project: Any, obs_program: Callable[[str], Path]) -> Any:
    """Return a project with a chart, a stack that renders it, and a story."""
    for program in ("prometheus", "promtool", "alertmanager", "amtool"):
        obs_program(program)
    for name, text in CHART.items():
        bare_project.write(f"chart/{name}", text)
    bare_project.write("stack/stack.yaml", STACK)
    bare_project.write("queue.obs.yaml", STORY)
    return bare_project


def test_a_chart_is_rendered_scraped_judged_and_routed(chart: Any) -> None:
    said = chart.pytest("--obs-stack", "queue.obs.yaml")

    assert (said.code, said.out.count("✓")) == (0, 4), said.out


def test_a_mistake_in_a_template_is_told_with_its_template(chart: Any) -> None:
    chart.edit("chart/templates/rules.yaml", "> {{ .Values.limit }}", ">> {{ .Values.limit }}")

    said = chart.pytest("--obs-stack", "queue.obs.yaml")

    assert said.code == 4, said.out
    assert f'{RULES}: group "checkout", rule 1, "QueueFull": could not parse expression' in said, said.out


def test_a_value_that_makes_an_alert_impossible_is_told_with_its_template(chart: Any) -> None:
    chart.edit("chart/values.yaml", "limit: 100", "limit: 1000")

    said = chart.pytest("--obs-stack", "queue.obs.yaml")

    assert said.code == 1, said.out
    assert "never went above 200; the rule wants > 1000 (../stack/.obscheck" not in said
    assert 'queue_depth{job="shop"} never went above 200; the rule wants > 1000 (.obscheck/rendered/chart.yaml:' in said, (
        said.out
    )
    assert f" {RULES})" in said, said.out


def test_what_helm_refuses_is_told_in_its_words(chart: Any) -> None:
    chart.edit("chart/templates/rules.yaml", "{{- end }}", "")

    said = chart.pytest("--obs-stack", "queue.obs.yaml")

    assert said.code == 4, said.out
    assert (
        "ERROR: stack/stack.yaml:1: render: chart.yaml: 'helm template shop ../chart --namespace shop' failed with 1: " in said
    )
    assert "Error: parse error at (shop/templates/rules.yaml:" in said, said.out
