"""The example's rules and routes: correct for the tools that ship with Prometheus, and proved to fire."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_obscheck import toolchain

STACK = Path(__file__).parents[2] / "stack"
RULE_TESTS = Path(__file__).parent / "rules.promtool.yml"


def _read(name: str) -> Any:
    return yaml.safe_load((STACK / name).read_text(encoding="utf-8"))


def _run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([toolchain.find(program).path, *arguments], capture_output=True, text=True, check=False, timeout=60)


def _said(run: subprocess.CompletedProcess[str]) -> str:
    return run.stdout + run.stderr


def test_every_name_that_prometheus_asks_for_leads_into_the_stack() -> None:
    stack, prometheus = _read("stack.yaml"), _read("prometheus/prometheus.yml")
    entries = [*prometheus["scrape_configs"], *prometheus["alerting"]["alertmanagers"]]
    asked = {target for entry in entries for static in entry["static_configs"] for target in static["targets"]}

    members = [*stack["components"].values(), *stack["services"].values()]
    led = {host for member in members for host in member.get("hosts", [])}
    assert led == asked


def test_every_alert_says_how_bad_it_is_and_where_to_read_on() -> None:
    files = sorted((STACK / "prometheus/rules").glob("*.yml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
    alerts = [rule for group in groups for rule in group["rules"] if "alert" in rule]

    assert [alert["alert"] for alert in alerts] == [
        "CheckoutBudgetBurn", "CheckoutSlow", "HighErrorRate", "ServiceDown", "HighDiskUsage",
    ]  # fmt: skip
    for alert in alerts:
        assert alert["labels"]["severity"] in {"critical", "warning"}
        assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}


@pytest.mark.integration
def test_promtool_accepts_the_configuration_and_its_rules() -> None:
    run = _run("promtool", "check", "config", str(STACK / "prometheus/prometheus.yml"))

    assert run.returncode == 0, _said(run)


@pytest.mark.integration
def test_amtool_accepts_the_routes() -> None:
    run = _run("amtool", "check-config", str(STACK / "alertmanager/alertmanager.yml"))

    assert run.returncode == 0, _said(run)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("severity", "receivers"),
    [("critical", "audit,on-call,slack-critical"), ("warning", "audit,shop-team"), ("info", "audit")],
)
def test_each_severity_reaches_its_receivers(severity: str, receivers: str) -> None:
    config = str(STACK / "alertmanager/alertmanager.yml")

    run = _run("amtool", "config", "routes", "test", f"--config.file={config}", f"severity={severity}")

    assert run.stdout.strip() == receivers


@pytest.mark.integration
def test_the_rules_fire_when_they_should_and_only_then() -> None:
    run = _run("promtool", "test", "rules", str(RULE_TESTS))

    assert run.returncode == 0, _said(run)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("checkout.yml", "rate1s > 0.5", "rate1s > 2"),
        ("checkout.yml", "ratio_rate1s > 0.05", "ratio_rate1s > 0.5"),
        (
            "checkout.yml",
            'sum by (job) (rate(http_requests_total{endpoint!~"/health/.*|/monitoring/.*|/metrics",status',
            "(rate(http_requests_total{status",
        ),
        ("checkout.yml", 'up{job="checkout"} == 0', 'up{job="checkout"} == 1'),
        ("infrastructure.yml", "ratio > 0.9", "ratio > 0.99"),
        ("infrastructure.yml", "for: 400ms", "for: 4s"),
    ],
)
def test_the_rule_tests_notice_a_rule_that_is_wrong(tmp_path: Path, file: str, right: str, wrong: str) -> None:
    rules = tmp_path / "stack/prometheus/rules"
    shutil.copytree(STACK / "prometheus/rules", rules)
    tests = tmp_path / "tests/stack" / RULE_TESTS.name
    tests.parent.mkdir(parents=True)
    shutil.copy(RULE_TESTS, tests)
    text = (rules / file).read_text(encoding="utf-8")
    assert right in text
    (rules / file).write_text(text.replace(right, wrong), encoding="utf-8")

    run = _run("promtool", "test", "rules", str(tests))

    assert run.returncode == 1
    assert "FAILED" in _said(run)
