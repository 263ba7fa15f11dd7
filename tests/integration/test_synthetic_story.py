"""A target that cannot run here plays its part in real stories: in story time, with production's labels, page included."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

FILES = {
    "pytest.ini": "[pytest]\nfilterwarnings = error\n",
    "stack/stack.yaml": """\
components:
  prometheus: {config: prometheus.yml}
  alertmanager: {config: alertmanager.yml, hosts: [am.prod.example:9093]}
  kube-state-metrics:
    type: synthetic
    interval: 2s
    speed: 10
    hosts: [kube-state-metrics.prod.example:8080]
    series:
      - {series: 'kube_pod_status_ready{pod="a"}', values: '1x10 0x10 1x100', type: gauge}
      - {series: 'restarts_total{pod="a"}', values: '0+2x1000', type: counter}
      - {series: 'took_seconds_bucket{le="1"}', values: '0+1x1000', type: histogram}
      - {series: 'took_seconds_bucket{le="3"}', values: '0+2x1000', type: histogram}
      - {series: 'took_seconds_bucket{le="+Inf"}', values: '0+2x1000', type: histogram}
      - {series: 'took_seconds_count', values: '0+2x1000', type: histogram}
      - {series: 'took_seconds_sum', values: '0+2x1000', type: histogram}
      - {series: 'evicted{pod="b"}', values: '_x10 7x9 stale', type: gauge}
""",
    "stack/prometheus.yml": """\
global: {scrape_interval: 200ms, evaluation_interval: 200ms}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: [am.prod.example:9093]}]}]}
scrape_configs:
  - job_name: kube-state-metrics
    metrics_path: /anything
    static_configs: [{targets: [kube-state-metrics.prod.example:8080], labels: {team: platform}}]
""",
    "stack/rules.yml": """\
groups:
  - name: kubernetes
    rules:
      - alert: PodNotReady
        expr: kube_pod_status_ready{job="kube-state-metrics"} == 0
        for: 500ms
""",
    "stack/alertmanager.yml": """\
route: {receiver: hook, group_wait: 0s, group_interval: 100ms}
receivers: [{name: hook, webhook_configs: [{url: 'http://hooks.prod.example/x'}]}]
""",
    "not-ready.obs.yaml": """\
name: a pod that is not ready pages
expect:
  - alert: {name: PodNotReady}
    never: 0s .. 2s
  - alert: {name: PodNotReady, labels: {instance: "kube-state-metrics.prod.example:8080", team: platform, pod: a}}
    eventually: 2s .. 8s
  - notification: {sink: webhook, labels: {alertname: PodNotReady}}
    once: 2s .. 8s
  - resolved: {name: PodNotReady}
    eventually: 4s .. 10s
  - metric: {expr: 'rate(restarts_total[1s])', is: ">= 8"}
    eventually: 2s .. 4s
  - metric: {expr: 'round(histogram_quantile(0.75, rate(took_seconds_bucket[1s])))', is: "== 2"}
    eventually: 2s .. 4s
  - metric: {expr: 'evicted == 7', is: "== 7"}
    eventually: 2s .. 4s
  - metric: {expr: 'absent(evicted)', is: "== 1"}
    eventually: 4s .. 9s
""",
    # The clock begins anew with each story, and goes on through the death of the process.
    "on-and-on.obs.yaml": """\
name: time goes on while the target is dead
faults:
  - kill: {component: kube-state-metrics}
    from: 500ms
    until: 1s
expect:
  # Where the first story left off it was at 60 and more.
  - metric: {expr: restarts_total, is: "< 12"}
    eventually: 0s .. 1s
  - alert: {name: PodNotReady}
    never: 0s .. 2s
  - alert: {name: PodNotReady}
    eventually: 2s .. 8s
""",
}


def test_synthetic_series_play_in_story_time(obs_program: Callable[[str], Path], tmp_path: Path) -> None:
    for program in ("prometheus", "promtool", "alertmanager", "amtool"):
        obs_program(program)
    for name, text in FILES.items():
        (tmp_path / "shop" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "shop" / name).write_text(text, encoding="utf-8")
    (tmp_path / "temp").mkdir()
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", "--obs-stack=stack/stack.yaml", "."]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "temp"), "COLUMNS": "200"}

    run = subprocess.run(argv, check=False, capture_output=True, text=True, cwd=tmp_path / "shop", env=environment, timeout=120)

    assert run.returncode == 0, run.stdout
    assert "2 passed" in run.stdout
