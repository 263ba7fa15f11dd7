"""A team that has nothing but a chart: monitors, rules and routes as resources of prometheus-operator."""

from __future__ import annotations

from typing import Any

import pytest

CHART = """\
apiVersion: v1
kind: Service
metadata: {name: checkout, namespace: shop}
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: checkout, namespace: shop}
spec:
  selector: {matchLabels: {app: checkout}}
  endpoints: [{port: http, interval: 200ms}]
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: checkout, namespace: shop}
spec:
  groups:
    - name: checkout
      rules:
        - alert: QueueFull
          expr: queue_depth{job="checkout", namespace="shop", pod="checkout-1"} > 100
---
apiVersion: monitoring.coreos.com/v1alpha1
kind: AlertmanagerConfig
metadata: {name: team, namespace: shop}
spec:
  route: {receiver: chat, groupBy: [alertname], groupWait: 100ms, groupInterval: 200ms}
  receivers: [{name: chat, slackConfigs: [{channel: "#shop", apiURL: {name: slack, key: url}}]}]
"""
STACK = """
render: {chart.yaml: cat chart.txt}
components:
  prometheus:
    config: prometheus.yml
    rules: [chart.yaml]
    scrapes: [chart.yaml]
    targets:
        serviceMonitor/shop/checkout/0:
          - targets: [10.0.0.1:8080]
            labels:
              __meta_kubernetes_namespace: shop
              __meta_kubernetes_service_name: checkout
              __meta_kubernetes_service_label_app: checkout
              __meta_kubernetes_service_labelpresent_app: "true"
              __meta_kubernetes_endpoint_port_name: http
              __meta_kubernetes_pod_name: checkout-1
  alertmanager: {config: alertmanager.yml, hosts: ["am.example:9093"], routes: [chart.yaml]}
  checkout:
    type: synthetic
    interval: 1s
    hosts: ["10.0.0.1:8080"]
    series: [{series: queue_depth, values: 1x100}]
"""
STORY = """
faults:
  - script: {component: checkout, interval: 1s, series: {queue_depth: 200x100}}
    from: 500ms
    until: 2s
expect:
  - alert: {name: QueueFull}
    within: 1s
    after: script
  - notification: {sink: slack, labels: {alertname: QueueFull}}
    within: 1s
    after: script
"""


def written(project: Any) -> None:
    project.write("stack/chart.txt", CHART)
    project.write("stack/stack.yaml", STACK)
    project.write(
        "stack/prometheus.yml",
        "global: {scrape_interval: 200ms, evaluation_interval: 200ms}\n"
        "alerting: {alertmanagers: [{static_configs: [{targets: ['am.example:9093']}]}]}\n",
    )
    project.write("stack/alertmanager.yml", "route: {receiver: none}\nreceivers: [{name: none}]\n")
    project.write("queue.obs.yaml", STORY)


@pytest.mark.integration
def test_a_chart_alone_is_scraped_judged_and_routed(bare_project: Any) -> None:
    written(bare_project)

    said = bare_project.pytest("--obs-stack", "queue.obs.yaml")

    assert said.code == 0, said.out
