"""Production's rules, holds and waits on real programs, in seconds: pages come inside their theoretical bands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

FILES = {
    "stack/stack.yaml": """\
components:
  prometheus: {config: prometheus.yml}
  alertmanager: {config: alertmanager.yml, hosts: [am.prod.example:9093]}
  kube-state-metrics:
    type: synthetic
    hosts: [kube-state-metrics.prod.example:8080]
    series:
      - {series: 'ready{pod="a"}', values: '1 0x9 1x100', type: gauge}
      - {series: 'restarts_total{pod="a"}', values: '0 0+60x100', type: counter}
""",
    "stack/prometheus.yml": """\
global: {scrape_interval: 15s, evaluation_interval: 15s}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: [am.prod.example:9093]}]}]}
scrape_configs:
  - job_name: kube-state-metrics
    static_configs: [{targets: [kube-state-metrics.prod.example:8080]}]
""",
    "stack/rules.yml": """\
groups:
  - name: pods
    rules:
      - {alert: PodNotReady, expr: ready == 0, for: 5m}
      - {alert: PodRestarts, expr: 'rate(restarts_total[5m]) > 0.5', for: 10m}
""",
    "stack/alertmanager.yml": """\
route: {receiver: hook, group_by: [alertname], group_wait: 30s, group_interval: 1m}
receivers: [{name: hook, webhook_configs: [{url: 'http://hooks.prod.example/x'}]}]
""",
    # The pod is not ready from 1m on; a scrape and an evaluation later it is known, a hold later it fires.
    "not-ready.obs.yaml": """\
name: a pod that is not ready pages
expect:
  - alert: {name: PodNotReady}
    never: 0s .. 6m
  - alert: {name: PodNotReady}
    eventually: 6m .. 6m30s
  - notification: {sink: webhook, labels: {alertname: PodNotReady}}
    eventually: 6m30s .. 7m15s
  # The third step of the counter, at 4m, is the one that makes 0.6 a second of story time.
  - alert: {name: PodRestarts, state: pending}
    eventually: 4m .. 4m30s
  - metric: {expr: 'rate(restarts_total[5m])', is: '> 1.3'}
    never: 0s .. 7m
""",
}
UNDIVIDED = """\
import pytest_obscheck.components.alertmanager as component

component.speed_alertmanager = lambda document, speed: None
"""
REAL = """\
name: real services fail at their real rate
load:
  - locust: {file: loads/checkout.py, users: 10}
    from: 0s
    until: 14s
faults:
  - down: {to: payments}
    from: 4s
    until: 9s
expect:
  - alert: {name: HighErrorRate}
    never: 0s .. 4s
  - alert: {name: HighErrorRate}
    within: 5s
    after: down
  - resolved: {name: HighErrorRate}
    within: 5s
    after: cure of down
"""


@pytest.fixture
def pods(bare_project: Any, obs_program: Callable[[str], Path]) -> Any:
    """Return a project whose one target is scripted."""
    for program in ("prometheus", "promtool", "alertmanager", "amtool"):
        obs_program(program)
    for name, text in FILES.items():
        bare_project.write(name, text)
    return bare_project


def test_beside_a_real_target_scripted_series_keep_their_rates_and_one_rule_cannot_read_both(pods: Any) -> None:
    pods.edit("stack/stack.yaml", "{config: prometheus.yml}", "{config: prometheus.yml, hosts: [prom.prod.example:9090]}")
    job = "  - {job_name: prometheus, static_configs: [{targets: [prom.prod.example:9090]}]}\n"
    pods.write("stack/prometheus.yml", FILES["stack/prometheus.yml"] + job)
    both = "rate(restarts_total[5m]) / rate(prometheus_http_requests_total[5m]) > 1"
    pods.write("stack/rules.yml", f"{FILES['stack/rules.yml']}      - {{alert: Both, expr: '{both}'}}\n")
    pods.write("both.obs.yaml", "expect:\n  - alert: {name: Both}\n    never: 0s .. 1m\n")

    run = pods.pytest("--obs-stack", "--obs-speed=60", "not-ready.obs.yaml", "both.obs.yaml", "-rA")

    assert "! played at speed 60 (real samples, and scripted ones of kube-state-metrics)" in run, run.out
    assert "1 failed, 1 passed" in run, run.out
    assert (
        "both.obs.yaml:2: alert Both cannot go at speed 60: it reads scripted series (restarts_total) and real "
        "ones (prometheus_http_requests_total) in one rule, and no text suits both (rules.yml:6); let a recording rule of its "
        "own read the one, or run it at speed 1, by `speed: 1` in the story"
    ) in run


NOISY = {
    "stack/stack.yaml": """\
components:
  prometheus: {config: prometheus.yml}
services:
  shop: {command: [python, shop.py, "${port.http}"], hosts: [shop.prod.example:80], ready: /metrics}
""",
    # Two of five requests fail.
    "stack/shop.py": """\
import itertools, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COUNT, DONE = itertools.count(), {200: 0, 500: 0}

class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        status, text = 200, "".join(f'requests_total{{status="{each}"}} {DONE[each]}\\n' for each in DONE)
        if self.path != "/metrics":
            status = 500 if next(COUNT) % 5 < 2 else 200
            DONE[status] += 1
        self.send_response(status)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
""",
    "stack/prometheus.yml": """\
global: {scrape_interval: 15s, evaluation_interval: 15s}
rule_files: [rules.yml]
scrape_configs:
  - {job_name: shop, static_configs: [{targets: [shop.prod.example:80]}]}
""",
    "stack/rules.yml": """\
groups:
  - name: shop
    rules:
      - {alert: Errors, expr: 'sum(rate(requests_total{status="500"}[1m])) / sum(rate(requests_total[1m])) > 0.05'}
""",
    "buy.py": """\
from locust import HttpUser, constant_throughput, task

class Customer(HttpUser):
    wait_time = constant_throughput(10)

    @task
    def buy(self):
        self.client.get("/")
""",
    "errors.obs.yaml": """\
load:
  - locust: {file: buy.py, users: 2}
    from: 0s
    until: 3m
expect:
  - alert: {name: Errors}
    always: 0s .. 1m
""",
}


def test_auto_goes_as_slow_as_noise_needs_it_and_says_so(bare_project: Any, obs_program: Callable[[str], Path]) -> None:
    for program in ("prometheus", "promtool"):
        obs_program(program)
    for name, text in NOISY.items():
        bare_project.write(name, text)

    run = bare_project.pytest("--obs-stack", "--obs-speed=auto", "errors.obs.yaml", "-rA")

    assert "obscheck: at speed 75 noise would decide it: Errors (rules.yml:4): " in run, run.out
    # How slow is slow enough hangs on what was measured.
    played = re.search(r"! played at speed (\d+) \(real samples; auto: \1, for at \d+ noise would decide a claim\)", run.out)
    assert played, run.out
    assert f"1 story is played again, at speed {played[1]}" in run
    assert int(played[1]) < 75
    assert run.code == 0, run.out


NIGHT = """\
      - {alert: DeadAtNight, expr: 'ready == 0 and on() hour() < 4', for: 2m}
      - {alert: MondaysOnly, expr: 'max_over_time(ready[2m:30s]) == 1 and on() day_of_week() == 1', for: 1h}
"""
AT_NIGHT = """\
instant: 2026-01-05T03:57:00Z # a Monday
expect:
  # Not ready from 1m on; at four o'clock, which is 3m, the condition ends before its hold does.
  - alert: {name: DeadAtNight, state: pending}
    eventually: 1m .. 2m
  - alert: {name: DeadAtNight}
    never: 0s .. 5m
  - metric: {expr: 'hour()', is: '== 3'}
    eventually: 0s .. 30s
  - metric: {expr: 'minute()', is: '== 59'}
    eventually: 2m .. 3m
  - metric: {expr: 'hour()', is: '== 4'}
    always: 3m30s .. 5m
"""


def test_calendar_rules_are_played_at_an_instant_of_the_users_choice(pods: Any) -> None:
    pods.write("stack/rules.yml", FILES["stack/rules.yml"] + NIGHT)
    pods.write("at-night.obs.yaml", AT_NIGHT)
    later = AT_NIGHT.replace("03:57", "03:50").split("  - metric")[0].replace("never: 0s .. 5m", "eventually: 3m .. 4m")
    pods.write("earlier.obs.yaml", later)

    run = pods.pytest("--obs-stack", "--obs-speed=60", "at-night.obs.yaml", "earlier.obs.yaml", "-rA")

    assert "2 passed" in run, run.out
    assert "! played at speed 60 (scripted samples; its clock begins at 2026-01-05T03:57:00Z)" in run


@pytest.mark.parametrize("speed", ["60", "300"])
def test_a_production_rule_fires_inside_its_band(pods: Any, speed: str) -> None:
    run = pods.pytest("--obs-stack", f"--obs-speed={speed}", "not-ready.obs.yaml", "-rA")

    assert run.code == 0, run.out
    assert " of wall time)" in run
    assert f"! played at speed {speed} (scripted samples)" in run
    assert pods.left() == ([], [])


def test_auto_takes_the_fastest_speed_and_says_what_limits_it(pods: Any) -> None:
    run = pods.obscheck("render", "--speed=auto")

    assert "speed 300 (scripted samples; auto: 300, limited by the scrape_interval 15s of prometheus.yml:1)" in run
    assert '+      - {alert: PodRestarts, expr: "(rate(restarts_total[1s]) / 300) > 0.5", for: "2s"}' in run


def test_a_wait_that_is_not_divided_makes_the_page_late(pods: Any) -> None:
    pods.write("conftest.py", UNDIVIDED)

    run = pods.pytest("--obs-stack", "--obs-speed=300", "not-ready.obs.yaml")

    assert run.code == 1
    assert "✗ webhook is notified of PodNotReady eventually in 6m30s .. 7m15s" in run
    assert "✓ alert PodNotReady fires eventually in 6m00s .. 6m30s" in run


def test_a_speed_that_does_not_divide_is_refused_before_anything_starts(pods: Any) -> None:
    run = pods.pytest("--obs-stack", "--obs-speed=7", "not-ready.obs.yaml")

    assert run.code == pytest.ExitCode.USAGE_ERROR, run.out
    assert "prometheus.yml:1: 15s divided by 7 is not a whole number of milliseconds; the nearest speed that divides" in run


def test_real_services_play_a_story_at_a_speed_of_their_own(project: Any) -> None:
    project.write("scenarios/real.obs.yaml", REAL)

    run = project.pytest("--obs-stack", "--obs-speed=2", "scenarios/real.obs.yaml", "-rA")

    assert run.code == 0, run.out
    assert "! played at speed 2 (real samples)" in run
