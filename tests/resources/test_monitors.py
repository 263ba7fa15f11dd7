from __future__ import annotations

from typing import Any

import pytest
import yaml

from pytest_obscheck.resources import jobs

CHECKOUT = """\
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: checkout, namespace: shop}
spec:
  jobLabel: app.kubernetes.io/name
  targetLabels: [team]
  podTargetLabels: [version]
  sampleLimit: 5000
  selector:
    matchLabels: {app: checkout}
    matchExpressions:
      - {key: tier, operator: In, values: [web, api]}
      - {key: track, operator: NotIn, values: [canary]}
      - {key: team, operator: Exists}
      - {key: legacy, operator: DoesNotExist}
  endpoints:
    - port: http
      interval: 15s
      scheme: HTTPS
      basicAuth: {username: {name: login, key: user}, password: {name: login, key: password}}
      relabelings:
        - {sourceLabels: [__meta_kubernetes_pod_node_name], targetLabel: node, action: Replace}
      metricRelabelings:
        - {sourceLabels: [__name__], regex: go_.*, action: drop}
    - targetPort: 9102
      filterRunning: false
"""


def made(text: str) -> list[dict[str, Any]]:
    return [job for _, job in jobs(yaml.safe_load(text))]


def relabelled(job: dict[str, Any]) -> list[str]:
    """Return the rules in one line each: sources ~ regex → target = replacement."""
    told = []
    for rule in job["relabel_configs"]:
        sources = ",".join(each.removeprefix("__meta_kubernetes_") for each in rule.get("source_labels", ()))
        regex = f" ~ {rule['regex']}" if "regex" in rule else ""
        value = f" = {rule['replacement']}" if "replacement" in rule else ""
        target = f" → {rule['target_label']}" if "target_label" in rule else ""
        told.append(f"{rule.get('action', '')} {sources}{regex}{target}{value}".strip())
    return told


def test_a_service_monitor_becomes_a_job_for_each_endpoint_as_the_operator_makes_it() -> None:
    first, second = made(CHECKOUT)

    assert {key: value for key, value in first.items() if key != "relabel_configs"} == {
        "job_name": "serviceMonitor/shop/checkout/0",
        "honor_labels": False,
        "scrape_interval": "15s",
        "scheme": "https",
        "basic_auth": {"username": "<secret>", "password_file": "/etc/obscheck/secrets/shop/login/password"},
        "kubernetes_sd_configs": [{"role": "endpoints", "namespaces": {"names": ["shop"]}}],
        "sample_limit": 5000,
        "metric_relabel_configs": [{"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"}],
    }
    assert relabelled(first) == [
        "job → __tmp_prometheus_job_name",
        "keep service_label_app,service_labelpresent_app ~ (checkout);true",
        "keep service_label_tier,service_labelpresent_tier ~ (web|api);true",
        "drop service_label_track,service_labelpresent_track ~ (canary);true",
        "keep service_labelpresent_team ~ true",
        "drop service_labelpresent_legacy ~ true",
        "keep endpoint_port_name ~ http",
        "endpoint_address_target_kind,endpoint_address_target_name ~ Node;(.*) → node = ${1}",
        "endpoint_address_target_kind,endpoint_address_target_name ~ Pod;(.*) → pod = ${1}",
        "namespace → namespace",
        "service_name → service",
        "pod_name → pod",
        "pod_container_name → container",
        "drop pod_phase ~ (Failed|Succeeded)",
        "service_label_team ~ (.+) → team = ${1}",
        "pod_label_version ~ (.+) → version = ${1}",
        "service_name → job = ${1}",
        "service_label_app_kubernetes_io_name ~ (.+) → job = ${1}",
        "→ endpoint = http",
        "replace pod_node_name → node",
    ]
    assert second["job_name"] == "serviceMonitor/shop/checkout/1"
    assert "keep pod_container_port_number ~ 9102" in relabelled(second)
    assert "drop pod_phase ~ (Failed|Succeeded)" not in relabelled(second)
    assert relabelled(second)[-1] == "→ endpoint = 9102"


@pytest.mark.parametrize(
    ("selector", "namespaces"),
    [
        ("{any: true}", None),
        ("{matchNames: [a, b]}", {"names": ["a", "b"]}),
        ("{}", {"names": ["default"]}),
    ],
)
def test_a_pod_monitor_looks_into_the_namespaces_that_it_selects(selector: str, namespaces: Any) -> None:
    (job,) = made(
        f"kind: PodMonitor\nmetadata: {{name: db}}\nspec: {{namespaceSelector: {selector}, podMetricsEndpoints: [{{port: m}}]}}"
    )

    assert job["kubernetes_sd_configs"] == [{"role": "pod", **({"namespaces": namespaces} if namespaces else {})}]
    assert relabelled(job) == [
        "job → __tmp_prometheus_job_name",
        "drop pod_phase ~ (Failed|Succeeded)",
        "keep pod_container_port_name ~ m",
        "namespace → namespace",
        "pod_container_name → container",
        "pod_name → pod",
        "→ job = default/db",
        "→ endpoint = m",
    ]


PROBE = """\
kind: Probe
metadata: {name: front, namespace: web}
spec:
  jobName: blackbox
  module: http_2xx
  prober: {url: "blackbox:9115"}
  targets: {staticConfig: {static: [https://shop.example], labels: {tier: web}}}
"""


def test_a_probe_asks_its_prober_about_each_target() -> None:
    (job,) = made(PROBE)

    assert job["static_configs"] == [{"targets": ["https://shop.example"], "labels": {"namespace": "web", "tier": "web"}}]
    assert (job["job_name"], job["metrics_path"], job["params"]) == ("probe/web/front", "/probe", {"module": ["http_2xx"]})
    assert relabelled(job) == [
        "job → __tmp_prometheus_job_name",
        "→ job = blackbox",
        "__address__ → __param_target",
        "__param_target → instance",
        "→ __address__ = blackbox:9115",
    ]


def test_a_probe_of_ingresses_makes_its_urls_of_them() -> None:
    (job,) = made(
        PROBE.replace("staticConfig: {static: [https://shop.example], labels: {tier: web}}", "ingress: {selector: {}}")
    )

    assert job["kubernetes_sd_configs"] == [{"role": "ingress", "namespaces": {"names": ["web"]}}]
    assert "ingress_scheme,__address__,ingress_path ~ (.+);(.+);(.+) → __param_target = ${1}://${2}${3}" in [
        each.removeprefix("replace ") for each in relabelled(job)
    ]


def test_a_scrape_config_keeps_its_discoveries_under_the_names_of_prometheus() -> None:
    (job,) = made(
        "kind: ScrapeConfig\nmetadata: {name: vm, namespace: ops}\n"
        "spec: {jobName: vm, metricsPath: /m, staticConfigs: [{targets: ['a:1'], labels: {b: c}}],"
        " dockerSwarmSDConfigs: [{host: 'http://x', role: Tasks, refreshInterval: 30s}], scrapeClassicHistograms: true}"
    )

    assert job == {
        "job_name": "scrapeConfig/ops/vm",
        "metrics_path": "/m",
        "always_scrape_classic_histograms": True,
        "static_configs": [{"targets": ["a:1"], "labels": {"b": "c"}}],
        "dockerswarm_sd_configs": [{"host": "http://x", "role": "Tasks", "refresh_interval": "30s"}],
        "relabel_configs": [
            {"source_labels": ["job"], "target_label": "__tmp_prometheus_job_name"},
            {"target_label": "job", "action": "replace", "replacement": "vm"},
        ],
    }
