"""Configurations of many kinds, derived and started, against a Prometheus that reads them as production does.

``OBSCHECK_CORPUS`` names a folder whose prometheus/*.yml are tried, too.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from pytest_obscheck.capabilities import EvaluatesRules
from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.derive import check_prometheus
from pytest_obscheck.session import Session
from pytest_obscheck.stack import read

pytestmark = pytest.mark.integration

CONFIG = """\
global:
  keep_dropped_targets: 100
  external_labels: {cluster: shop-eu, replica: 0755}
scrape_configs:
  - job_name: apiservers
    kubernetes_sd_configs: [{role: endpoints}]
    scheme: https
    tls_config: {ca_file: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt}
    authorization: {credentials_file: /var/run/secrets/kubernetes.io/serviceaccount/token}
    relabel_configs:
      - source_labels: [__meta_kubernetes_namespace, __meta_kubernetes_service_name, __meta_kubernetes_endpoint_port_name]
        action: keep
        regex: default;kubernetes;https
  - job_name: probes
    metrics_path: /probe
    params: {module: [http_2xx]}
    kubernetes_sd_configs: [{role: ingress}]
    relabel_configs:
      - source_labels: [__meta_kubernetes_ingress_scheme, __address__, __meta_kubernetes_ingress_path]
        regex: (.+);(.+);(.+)
        replacement: ${1}://${2}${3}
        target_label: __param_target
      - target_label: __address__
        replacement: blackbox.example:9115
      - source_labels: [__param_target]
        target_label: instance
      - action: labelmap
        regex: __meta_kubernetes_ingress_label_(.+)
  - job_name: pods
    oauth2: {client_id: "1", client_secret: "2", token_url: "https://login.example/token"}
    kubernetes_sd_configs: [{role: pod, api_server: "https://k8s.example", bearer_token_file: /run/token}]
    relabel_configs:
      - source_labels: [__meta_kubernetes_pod_annotation_scheme]
        target_label: __scheme__
      - source_labels: [__address__, __meta_kubernetes_pod_annotation_port]
        regex: ([^:]+)(?::\\d+)?;(\\d+)
        replacement: $1:$2
        target_label: __address__
      - action: labelmap
        regex: __meta_kubernetes_pod_label_(.+)
  - job_name: machines
    hetzner_sd_configs: [{role: hcloud, authorization: {credentials: abc}}]
    ec2_sd_configs: [{region: eu, access_key: a, secret_key: s}]
    file_sd_configs: [{files: [/etc/prometheus/generated/*.json]}]
    static_configs: [{targets: ["localhost:9090"], labels: {rack: r1}}]
    relabel_configs:
      - source_labels: [__meta_hetzner_public_ipv4]
        regex: (.+)
        target_label: __address__
        replacement: "$1:9100"
"""


def meta_labels(job: Mapping[str, Any]) -> dict[str, str]:
    """Return discovered labels with which no rule of a job drops a target."""
    found: dict[str, str] = {}
    for rule in job.get("relabel_configs") or ():
        sources, regex = rule.get("source_labels") or [], str(rule.get("regex", "(.*)"))
        literal = regex.split(";") if re.fullmatch(r"[\w;]+", regex) and rule.get("action") == "keep" else []
        values = literal if len(literal) == len(sources) else ["8443" if name.endswith("port") else "x" for name in sources]
        found |= {name: value for name, value in zip(sources, values, strict=True) if name.startswith("__meta")}
        if rule.get("action") == "labelmap" and regex.endswith("(.+)"):
            found[regex.replace("(.+)", "team")] = "shop"
    if "__meta_kubernetes_pod_annotation_scheme" in found:
        found["__meta_kubernetes_pod_annotation_scheme"] = "https"
    return found


def groups(job: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return two target groups for a job: one whose labels let it pass, one without any."""
    return [
        {"targets": ["10.0.0.1:8080", "10.0.0.2:8080"], "labels": meta_labels(job)},
        {"targets": ["10.0.0.3:8080"], "labels": {"__meta_other": "y"}},
    ]


def discovers(client: Mapping[str, Any]) -> bool:
    return any(key.endswith("_sd_configs") and key != "file_sd_configs" for key in client)


def reference(config: Mapping[str, Any], targets: Mapping[str, Any]) -> dict[str, Any]:
    """Return the original with its discovery replaced by the same targets, made in another way: parsed and dumped."""
    scrapes = []
    for job in config.get("scrape_configs") or ():
        kept = {key: value for key, value in job.items() if not key.endswith("_sd_configs")}
        for name in ("tls_config", "authorization", "basic_auth", "oauth2", "http_headers", "scrape_failure_log_file"):
            kept.pop(name, None)
        static = [*(job.get("static_configs") or ()), *targets.get(job["job_name"], ())]
        scrapes.append({**kept, "static_configs": static, "proxy_url": "http://127.0.0.1:1"})
    settings = {key: value for key, value in config.get("global", {}).items() if not key.endswith("_file")}
    return {"global": settings, "scrape_configs": scrapes}


def shown_targets(url: str) -> list[tuple[Any, ...]]:
    """Return every target's labels after relabelling and the URL that is scraped, and how many were dropped per job."""
    data = httpx.get(f"{url}/api/v1/targets").json()["data"]
    active = [(t["scrapePool"], json.dumps(t["labels"], sort_keys=True), t["scrapeUrl"]) for t in data["activeTargets"]]
    return [*sorted(active), *sorted((data.get("droppedTargetCounts") or {}).items())]


@contextmanager
def as_production_reads_it(folder: Path, config: Mapping[str, Any], program: Path) -> Iterator[str]:
    """Run a Prometheus on a configuration; give its URL."""
    folder.mkdir()
    (folder / "p.yml").write_text(yaml.safe_dump(config))
    flags = ("--web.listen-address=127.0.0.1:0", "--scrape.discovery-reload-interval=100ms")
    log = folder / "log"
    with log.open("wb") as out:
        argv = [program, f"--config.file={folder}/p.yml", f"--storage.tsdb.path={folder}/data", *flags]
        process = subprocess.Popen([str(word) for word in argv], stdout=out, stderr=out)
        try:
            assert until(SystemClock(), lambda: b"Server is ready" in log.read_bytes(), 20.0), log.read_text()
            found = re.search(rb"Listening on.*address=(\S+)", log.read_bytes())
            assert found
            yield f"http://{found[1].decode()}"
        finally:
            process.kill()
            process.wait()


def stack_file(folder: Path, config: Path, targets: Mapping[str, Any], *args: str) -> Path:
    """Write a stack of a Prometheus alone."""
    (folder / "targets.yaml").write_text(yaml.safe_dump(dict(targets)) if targets else "{}\n")
    (folder / "resource.yaml").write_text(RESOURCE)
    rules = [] if args else ["resource.yaml"]
    component = {"config": str(config), "targets": "targets.yaml", "args": list(args), "rules": rules}
    (folder / "stack.yaml").write_text(yaml.safe_dump({"components": {"prometheus": component}}))
    return folder / "stack.yaml"


def copied(config: Path, folder: Path) -> Path:
    """Copy a configuration, with an empty file for each that it names plainly."""
    copy = folder / "prometheus.yml"
    copy.write_bytes(config.read_bytes())
    for name in re.findall(r"(?:first\.rules|single/file\.yml)", config.read_text()):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("groups: []\n" if name.endswith("rules") else "[]\n")
    return copy


def corpus() -> list[Path]:
    folder = os.environ.get("OBSCHECK_CORPUS")
    return sorted(Path(folder, "prometheus").glob("*.y*ml")) if folder else []


@pytest.mark.parametrize("config", [None, *corpus()], ids=lambda path: path.stem if path else "own")
def test_labels_after_relabelling_are_those_of_production(
    config: Path | None, tmp_path: Path, obs_program: Callable[[str], Path]
) -> None:
    program = obs_program("prometheus")
    flags = ("--agent",) if config and "agent" in config.stem else ()
    if config is None:
        (config := tmp_path / "own.yml").write_text(CONFIG)
    config = copied(config, tmp_path)
    assert check_prometheus(obs_program("promtool"), config) == []
    raw = yaml.safe_load(config.read_text())
    targets = {job["job_name"]: groups(job) for job in raw.get("scrape_configs") or () if discovers(job)}
    session = Session(read(stack_file(tmp_path, config, targets, *flags)))
    try:
        ours = f"http://{session.stack().seats['prometheus'].place.addresses['http']}"
        with as_production_reads_it(tmp_path / "reference", reference(raw, targets), program) as theirs:
            expected = shown_targets(theirs)
            until(SystemClock(), lambda: shown_targets(ours) == shown_targets(theirs), 10.0)
            expected = shown_targets(theirs)

            assert shown_targets(ours) == expected
            assert bool(raw.get("scrape_configs")) == any(len(row) == 3 for row in expected)
    finally:
        session.close()


RULES = """\
groups:
  - name: g
    rules:
      - {record: "job:up:sum", expr: sum by (job) (up)}
      - {alert: Down, expr: up == 0, for: 5m, labels: {version: 1.10}, annotations: {summary: "{{ $labels.job }} is down"}}
"""


RESOURCE = """\
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
spec:
  groups:
    - name: of-a-resource
      rules: [{alert: Lost, expr: absent(heartbeat), for: 1h}]
"""


def rule_files(folder: Path) -> list[str]:
    """Return the globs of the rule files to try: those of the corpus where there is one."""
    (folder / "rules.yml").write_text(RULES)
    rules = Path(os.environ.get("OBSCHECK_CORPUS", folder), "rules")
    plain = [str(path) for path in rules.glob("*/*.yaml") if path.name != "tests.yaml"]
    return [str(folder / "rules.yml"), *plain, *(f"{each}/*.yml" for each in rules.glob("awesome/*"))]


def test_every_rule_is_loaded_those_of_resources_too_windows_line_ends_or_not(
    tmp_path: Path, obs_program: Callable[[str], Path]
) -> None:
    obs_program("prometheus")
    text = yaml.safe_dump({"rule_files": rule_files(tmp_path)}).replace("\n", "\r\n")
    (tmp_path / "p.yml").write_bytes(f"\ufeff{text}".encode())
    session = Session(read(stack_file(tmp_path, tmp_path / "p.yml", {})))
    try:
        stack = session.stack()
        loaded = [rule for group in stack.that(EvaluatesRules).rules() for rule in group["rules"]]

        alerts = [rule["name"] for rule in loaded if rule["type"] == "alerting"]
        assert sorted(alerts) == sorted(rule.name for rule in session.plan.facts.alerts)
        assert {rule["name"] for rule in loaded} - set(alerts) == set(session.plan.facts.recordings)
        assert {"Down", "Lost"} <= set(alerts)
    finally:
        session.close()
