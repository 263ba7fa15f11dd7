"""Rules of a kube-prometheus installation run without a cluster, on a saved exposition of kube-state-metrics.

RULES are some of kube-prometheus's own (manifests/kubernetesControlPlane-prometheusRule.yaml at 4d719f1d, Apache-2.0),
annotations left out, and its ServiceMonitor for kube-state-metrics.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

RULES = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  labels: {prometheus: k8s, role: alert-rules}
  name: kubernetes-monitoring-rules
  namespace: monitoring
spec:
  groups:
  - name: kubernetes-apps
    rules:
    - alert: KubePodCrashLooping
      expr: |
        max_over_time(kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff", job="kube-state-metrics"}[5m]) >= 1
      for: 15m
      labels:
        severity: warning
    - alert: KubePodNotReady
      expr: |
        sum by (namespace, pod, job, cluster) (
          max by(namespace, pod, job, cluster) (
            kube_pod_status_phase{job="kube-state-metrics", phase=~"Pending|Unknown"}
            or
            (
              kube_pod_status_phase{job="kube-state-metrics", phase="Running"} == 1
              and on(namespace, pod, cluster)
              kube_pod_status_ready{job="kube-state-metrics", condition="true"} == 0
            )
          ) * on(namespace, pod, cluster) group_left() topk by(namespace, pod, cluster) (
            1, max by(namespace, pod, owner_kind, cluster) (kube_pod_owner{owner_kind!="Job"})
          )
        ) > 0
        unless on(namespace, pod, cluster)
        kube_pod_status_reason{job="kube-state-metrics", reason="SchedulingGated"} == 1
      for: 15m
      labels:
        severity: warning
    - alert: KubeDeploymentReplicasMismatch
      expr: |
        (
          kube_deployment_spec_replicas{job="kube-state-metrics"}
            >
          kube_deployment_status_replicas_available{job="kube-state-metrics"}
        ) and (
          changes(kube_deployment_status_replicas_updated{job="kube-state-metrics"}[10m])
            ==
          0
        )
      for: 15m
      labels:
        severity: warning
    - alert: KubeNodeNotReady
      expr: |
        kube_node_status_condition{job="kube-state-metrics",condition="Ready",status="true"} == 0
        and on (cluster, node)
        kube_node_spec_unschedulable{job="kube-state-metrics"} == 0
      for: 15m
      labels:
        severity: warning
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: kube-state-metrics, namespace: monitoring}
spec:
  endpoints:
  - bearerTokenFile: /var/run/secrets/kubernetes.io/serviceaccount/token
    honorLabels: true
    interval: 30s
    metricRelabelings:
    - action: drop
      regex: kube_(endpoint_(address_not_ready|address_available|ports))
      sourceLabels:
      - __name__
    port: https-main
    relabelings:
    - action: labeldrop
      regex: (pod|service|endpoint|namespace)
    scheme: https
    scrapeTimeout: 30s
    tlsConfig:
      insecureSkipVerify: true
  jobLabel: app.kubernetes.io/name
  selector:
    matchLabels:
      app.kubernetes.io/name: kube-state-metrics
"""
SAVED = """\
# HELP kube_pod_owner Information about the Pod's owner.
# TYPE kube_pod_owner gauge
kube_pod_owner{namespace="shop",pod="cart-1",owner_kind="ReplicaSet",owner_name="cart",owner_is_controller="true"} 1
kube_pod_owner{namespace="shop",pod="nightly-1",owner_kind="Job",owner_name="nightly",owner_is_controller="true"} 1
# TYPE kube_pod_status_phase gauge
kube_pod_status_phase{namespace="shop",pod="cart-1",phase="Pending"} 0
kube_pod_status_phase{namespace="shop",pod="cart-1",phase="Running"} 1
kube_pod_status_phase{namespace="shop",pod="nightly-1",phase="Pending"} 1
# TYPE kube_pod_status_ready gauge
kube_pod_status_ready{namespace="shop",pod="cart-1",condition="true"} 1
# TYPE kube_deployment_spec_replicas gauge
kube_deployment_spec_replicas{namespace="shop",deployment="cart"} 3
kube_deployment_status_replicas_available{namespace="shop",deployment="cart"} 3
kube_deployment_status_replicas_updated{namespace="shop",deployment="cart"} 3
# TYPE kube_node_status_condition gauge
kube_node_status_condition{node="node-1",condition="Ready",status="true"} 1
kube_node_spec_unschedulable{node="node-1"} 0
kube_node_status_condition{node="node-2",condition="Ready",status="true"} 0
kube_node_spec_unschedulable{node="node-2"} 1
# TYPE kube_endpoint_address_available gauge
kube_endpoint_address_available{namespace="shop",endpoint="cart"} 3
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds{handler="metrics"} {{schema:0 sum:6 count:4 buckets:[1 2 1]}}
"""
FILES = {
    "stack/kube.yaml": RULES,
    "stack/kube-state-metrics.prom": SAVED,
    "stack/stack.yaml": """\
components:
  prometheus:
    config: prometheus.yml
    rules: [kube.yaml]
    scrapes: [kube.yaml]
    targets:
      serviceMonitor/monitoring/kube-state-metrics/0:
        - targets: ["10.0.0.2:8443"]
          labels:
            __meta_kubernetes_namespace: monitoring
            __meta_kubernetes_service_name: kube-state-metrics
            __meta_kubernetes_service_label_app_kubernetes_io_name: kube-state-metrics
            __meta_kubernetes_service_labelpresent_app_kubernetes_io_name: "true"
            __meta_kubernetes_endpoint_port_name: https-main
            __meta_kubernetes_pod_name: kube-state-metrics-1
  alertmanager: {config: alertmanager.yml, hosts: ["am.example:9093"]}
  kube-state-metrics:
    type: synthetic
    hosts: ["10.0.0.2:8443"]
    exposition: kube-state-metrics.prom
    series:
      # The pod crashes from minute 2 on; a new series, as a restart makes one.
      - series: kube_pod_container_status_waiting_reason{namespace="shop",pod="cart-1",reason="CrashLoopBackOff"}
        values: _x2 1x100
        type: gauge
""",
    "stack/prometheus.yml": """\
global: {scrape_interval: 30s, evaluation_interval: 30s, scrape_native_histograms: true}
alerting: {alertmanagers: [{static_configs: [{targets: ['am.example:9093']}]}]}
""",
    "stack/alertmanager.yml": """\
route: {receiver: hook, group_by: [alertname], group_wait: 30s, group_interval: 1m}
receivers: [{name: hook, webhook_configs: [{url: 'http://hooks.example/x'}]}]
""",
    "kube.obs.yaml": """\
name: a pod that crashes, a deployment short of replicas and a node that is away page after a quarter of an hour
faults:
  - script:
      component: kube-state-metrics
      series:
        'kube_pod_status_ready{namespace="shop",pod="cart-1",condition="true"}': 0x60
        'kube_deployment_status_replicas_available{namespace="shop",deployment="cart"}': 2x60
        'kube_node_status_condition{node="node-1",condition="Ready",status="true"}': 0x60
    from: 2m
    until: 22m
expect:
  - alert: {name: KubePodCrashLooping, labels: {namespace: shop, pod: cart-1, job: kube-state-metrics}}
    never: 0s .. 17m
  - alert: {name: KubePodCrashLooping, labels: {namespace: shop, pod: cart-1, job: kube-state-metrics}}
    eventually: 17m .. 21m
  - alert: {name: KubePodNotReady, labels: {pod: cart-1}}
    eventually: 17m .. 21m
  # What a job is still waiting for is nobody's concern.
  - alert: {name: KubePodNotReady, labels: {pod: nightly-1}}
    never: 0s .. 24m
  - alert: {name: KubeDeploymentReplicasMismatch, labels: {deployment: cart, severity: warning}}
    eventually: 17m .. 21m
  - alert: {name: KubeNodeNotReady, labels: {node: node-1}}
    eventually: 17m .. 21m
  # Nobody schedules anything there.
  - alert: {name: KubeNodeNotReady, labels: {node: node-2}}
    never: 0s .. 24m
  - resolved: {name: KubeNodeNotReady}
    within: 3m
    after: cure of script
  - notification: {sink: webhook, labels: {alertname: KubeDeploymentReplicasMismatch}}
    eventually: 17m .. 22m
  - metric: {expr: 'absent(kube_endpoint_address_available)', is: "== 1"}
    eventually: 1m .. 20m
  - metric: {expr: 'histogram_quantile(0.75, http_request_duration_seconds)', is: "== 2"}
    eventually: 1m .. 20m
""",
}


def test_rules_of_kube_prometheus_page_without_a_cluster(bare_project: Any, obs_program: Callable[[str], Path]) -> None:
    for program in ("prometheus", "promtool", "alertmanager", "amtool"):
        obs_program(program)
    for name, text in FILES.items():
        bare_project.write(name, text)

    run = bare_project.pytest("--obs-stack", "--obs-speed=300", "kube.obs.yaml")

    assert "1 passed" in run, run.out

    # The same story where Prometheus does not ask for native histograms, and the deployment is not short of anything.
    bare_project.edit("stack/prometheus.yml", ", scrape_native_histograms: true", "")
    bare_project.edit("kube.obs.yaml", ": 2x60", ": 3x60")
    run = bare_project.pytest("--obs-stack", "--obs-speed=300", "kube.obs.yaml")

    assert "1 failed" in run, run.out
    assert "kube-state-metrics: it exposes native histograms, which no Prometheus here asks for;" in run, run.out
    assert run.out.count("  ✗ ") == 3, run.out
    assert "✗ alert KubeDeploymentReplicasMismatch{" in run, run.out
    assert "✗ metric histogram_quantile(0.75, http_request_duration_seconds) is == 2" in run, run.out
