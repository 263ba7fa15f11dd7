"""A real Grafana: it is provisioned with the team's own files, shows what a viewer sees, and alerts by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Grafana is not among the usual programs.
pytestmark = [pytest.mark.integration, pytest.mark.long]

ROOT = Path(__file__).parents[2]
STACK = """components:
  prometheus: {config: prometheus.yml, hosts: [prometheus.shop.example:9090]}
  grafana: {}
services:
  shop: {command: [python, -u, shop.py, "${port.http}"]}
"""
SCRAPES = """global: {scrape_interval: 1s}
scrape_configs: [{job_name: prometheus, static_configs: [{targets: ["prometheus.shop.example:9090"]}]}]
"""
SOURCES = """apiVersion: 1
datasources:
  - {name: Prometheus, uid: metrics, type: prometheus, url: "http://prometheus.shop.example:9090", isDefault: true}
"""
RULE = """
      - uid: {name}
        title: {name}
        condition: B
        for: 10s
        noDataState: NoData
        execErrState: Error
        data:
          - refId: A
            relativeTimeRange: {{from: 60, to: 0}}
            datasourceUid: metrics
            model: {{refId: A, expr: '{expr}', instant: true}}
          - refId: B
            datasourceUid: __expr__
            model: {{refId: B, type: threshold, expression: A, conditions: [{{evaluator: {{type: gt, params: [0]}}}}]}}
"""
GROUP = "groups:\n  - name: shop\n    folder: Shop\n    interval: 10s\n    rules:"
RULES = GROUP + RULE.format(name="Up", expr="up") + RULE.format(name="Gone", expr="nobody_has_this")
POINTS = """contactPoints:
  - name: page
    receivers:
      - {uid: hook, type: webhook, settings: {url: "http://hooks.shop.example/page"}}
      - {uid: chat, type: slack, settings: {url: "https://hooks.slack.com/services/T0/B0/x"}}
      - {uid: pager, type: pagerduty, settings: {integrationKey: key}}
      - {uid: discord, type: discord, settings: {url: "https://discord.com/api/webhooks/1/x"}}
      - {uid: teams, type: teams, settings: {url: "https://shop.webhook.office.com/webhookb2/x"}}
      - {uid: genie, type: opsgenie, settings: {apiKey: key}}
      - {uid: mail, type: email, settings: {addresses: a@shop.example}}
policies:
  - {receiver: page, group_by: [alertname], group_wait: 1s, group_interval: 5s}
"""
SINKS = ("webhook", "slack", "pagerduty", "discord", "msteams", "opsgenie", "email")
CLAIM = """
  - notification: {{sink: {sink}, labels: {{alertname: Up}}}}
    eventually: 0s .. 35s"""
STORY = f"""name: Grafana alerts by itself
expect:
  - alert: {{name: Up, state: pending}}
    eventually: 0s .. 30s
  - alert: {{name: Up}}
    eventually: 0s .. 35s{"".join(CLAIM.format(sink=sink) for sink in SINKS)}
  - alert: {{name: Gone}}
    never: 0s .. 15s
"""


@pytest.fixture
def shop(bare_project: Any, talking_shop: str, obs_program: Callable[[str], Path]) -> Any:
    """Return a project whose Grafana has a data source, two rules, and a contact point with a way out of each kind."""
    for name in ("prometheus", "grafana"):
        obs_program(name)
    files = {
        "stack.yaml": STACK,
        "shop.py": talking_shop,
        "prometheus.yml": SCRAPES,
        "grafana/provisioning/datasources/shop.yml": SOURCES,
        "grafana/provisioning/alerting/rules.yml": RULES,
        "grafana/provisioning/alerting/points.yml": POINTS,
    }
    for name, text in files.items():
        bare_project.write(f"stack/{name}", text)
    bare_project.write("scenarios/story.obs.yaml", STORY)
    return bare_project


def test_its_own_alerts_fire_reach_every_kind_of_sink_and_are_unknown_without_data(shop: Any) -> None:
    said = shop.pytest("--obs-stack", "-q")

    marks = [line.strip()[0] for line in said.out.splitlines() if line.startswith("  ") and line.strip()[0] in "✓✗?"]
    assert (said.code, marks) == (1, [*"✓✓", *("✓" for _ in SINKS), "?"]), said.out
    assert "the rule 'Gone' is not healthy: its query gives no data" in said
    assert shop.left() == ([], [])


def test_a_provisioning_that_it_refuses_is_told_in_its_own_words_and_nothing_is_left(shop: Any) -> None:
    shop.edit("stack/grafana/provisioning/alerting/rules.yml", "interval: 10s", "interval: 7s")

    said = shop.pytest("--obs-stack", "-q")

    words = "invalid alert rule: interval (7s) should be non-zero and divided exactly by scheduler interval: 10"
    assert (said.code, words in said) == (1, True), said.out
    assert shop.left() == ([], [])


def test_its_rules_are_refused_at_a_speed(shop: Any) -> None:
    said = shop.pytest("--obs-stack", "-q", "--obs-speed=50")

    assert (said.code, "grafana: alerting: Grafana's rules keep to the clock; play it at speed 1" in said) == (1, True), (
        said.out
    )
    assert shop.left() == ([], [])


def boards() -> list[Path]:
    folder = os.environ.get("OBSCHECK_CORPUS")
    own = sorted((ROOT / "stack/grafana/dashboards").glob("*.json"))
    return own + (sorted(Path(folder, "dashboards").rglob("*.json")) if folder else [])


def test_every_panel_gets_the_word_that_it_gets_without_grafana(obs_program: Callable[[str], Path]) -> None:
    for name in ("prometheus", "grafana"):
        obs_program(name)
    script = ROOT / "tests/performance/through_grafana.py"

    said = subprocess.run([sys.executable, script, *boards()], check=False, capture_output=True, text=True)

    assert said.returncode == 0, said.stdout + said.stderr
