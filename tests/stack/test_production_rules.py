"""Production's rules: each alert fires just above its threshold after its hold, and stays quiet just below."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from pytest_obscheck.matching import expanded

PRODUCTION = Path(__file__).parents[2] / "stack/production"
RULES = sorted((PRODUCTION / "rules").glob("*.yml"))


def _cases() -> ModuleType:
    spec = importlib.util.spec_from_file_location("production_cases", Path(__file__).parent / "production_cases.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


CASES: tuple[Any, ...] = _cases().CASES


def _groups() -> list[Any]:
    return [group for path in RULES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]


def _alerts() -> list[Any]:
    return [rule for group in _groups() for rule in group["rules"] if "alert" in rule]


def _block(name: str, series: Any, expected: Iterable[Any]) -> dict[str, Any]:
    inputs = [{"series": key, "values": values} for key, values in series.items()]
    return {"name": name, "interval": "1m", "input_series": inputs, "alert_rule_test": list(expected)}


def _blocks(case: Any, annotations: Any) -> Iterator[dict[str, Any]]:
    area = annotations[case.alert]["labels"]["area"]
    labels = {"severity": case.severity, "area": area, **case.labels}
    told = {**annotations[case.alert]["annotations"], "summary": case.summary}
    told["description"] = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda found: labels[found[1]], told["description"])
    first = case.since + case.hold
    alert = {"exp_labels": labels, "exp_annotations": told}
    before = [{"eval_time": f"{first - 1}m", "alertname": case.alert, "exp_alerts": []}] if first else []
    then = {"eval_time": f"{first}m", "alertname": case.alert, "exp_alerts": [alert]}
    yield _block(f"{case.alert} fires", case.fires, [*before, then])
    for number, series in enumerate(case.quiet):
        look = {"eval_time": f"{case.look or first + 5}m", "alertname": case.alert, "exp_alerts": []}
        yield _block(f"{case.alert} stays quiet ({number})", series, [look])


def _written(folder: Path, spoil: Callable[[str], str] = lambda text: text) -> list[Path]:
    """Write the rules, as ``spoil`` leaves them, and a test file for each alert.

    Promtool evaluates every rule that a file names in each of its tests: a file holds one alert and the recordings.
    """
    groups = yaml.safe_load(spoil(json.dumps(_groups())))
    recordings = [{**group, "rules": recorded} for group in groups if (recorded := _of("record", group))]
    rules = {rule["alert"]: rule for group in groups for rule in _of("alert", group)}
    told = {rule["alert"]: rule for rule in _alerts()}
    return [_about(case, folder, recordings, rules[case.alert], told) for case in CASES]


def _of(kind: str, group: Any) -> list[Any]:
    return [rule for rule in group["rules"] if kind in rule]


def _behind(expr: str, recordings: list[Any]) -> list[Any]:
    """Return the groups with the recordings that an expression names, at any depth."""
    exprs = {rule["record"]: rule["expr"] for group in recordings for rule in group["rules"]}
    needed = expanded(expr, exprs)
    kept = [{**group, "rules": [rule for rule in group["rules"] if rule["expr"] in needed]} for group in recordings]
    return [group for group in kept if group["rules"]]


def _about(case: Any, folder: Path, recordings: list[Any], rule: Any, told: Any) -> Path:
    groups = [*_behind(rule["expr"], recordings), {"name": "alert", "rules": [rule]}]
    (folder / f"{case.alert}.rules.yml").write_text(json.dumps({"groups": groups}), encoding="utf-8")
    tests = {
        "rule_files": [f"{case.alert}.rules.yml"],
        "evaluation_interval": "1m",
        "group_eval_order": [group["name"] for group in groups],
        "tests": list(_blocks(case, told)),
    }
    made = folder / f"{case.alert}.tests.yml"
    made.write_text(json.dumps(tests), encoding="utf-8")
    return made


def _tested(promtool: Path, files: list[Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, "test", "rules", *files], capture_output=True, text=True, check=False, timeout=120)


def test_every_alert_has_its_case() -> None:
    assert sorted(case.alert for case in CASES) == sorted(rule["alert"] for rule in _alerts())


def test_every_alert_says_how_bad_it_is_whom_it_concerns_and_where_to_read_on() -> None:
    for rule in _alerts():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["labels"]["area"] in {"api", "business", "infrastructure", "sla"}
        assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
        assert rule["annotations"]["runbook_url"].startswith("https://runbooks.shop.example/")


@pytest.mark.integration
def test_promtool_accepts_the_configuration_and_its_rules(obs_program: Callable[[str], Path]) -> None:
    command = [obs_program("promtool"), "check", "config", PRODUCTION / "prometheus.yml"]

    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.integration
def test_each_alert_fires_after_its_hold_and_a_near_miss_is_quiet(obs_program: Callable[[str], Path], tmp_path: Path) -> None:
    run = _tested(obs_program("promtool"), _written(tmp_path))

    assert run.returncode == 0, run.stdout + run.stderr


def _limits(text: str, more: float, less: float) -> str:
    """Multiply every upper limit of an alert by one factor, and every lower one by the other."""
    text = re.sub(r"( > )([0-9.]+)", lambda found: f"{found[1]}{float(found[2]) * more}", text)
    return re.sub(r"( < )([0-9.]+)", lambda found: f"{found[1]}{float(found[2]) * less}", text)


def _looser(text: str) -> str:
    return _limits(text, 2, 0.5).replace(" == 0", " == 2")


def _stricter(text: str) -> str:
    return _limits(text, 0.5, 2).replace(" == 0", " >= 0")


def _longer(text: str) -> str:
    return re.sub(r'"for": "(\d+)m', lambda found: f'"for": "{int(found[1]) * 3}m', text)


def _shorter(text: str) -> str:
    return re.sub(r'"for": "(\d+)m', lambda found: f'"for": "{int(found[1]) - 1}m', text)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("spoil", "noticed", "besides"),
    [
        (_looser, "{} fires", ""),
        (_stricter, "{} stays quiet", ""),
        (_longer, "{} fires", "ErrorBudgetBurn"),
        (_shorter, "{} fires", "ErrorBudgetBurn"),
    ],
)
def test_each_case_notices_a_rule_that_is_wrong(
    obs_program: Callable[[str], Path], tmp_path: Path, spoil: Callable[[str], str], noticed: str, besides: str
) -> None:
    said = _tested(obs_program("promtool"), _written(tmp_path, spoil))

    wanted = [case.alert for case in CASES if not (besides and case.alert.startswith(besides))]
    assert [alert for alert in wanted if noticed.format(alert) not in said.stdout + said.stderr] == []


@pytest.mark.integration
@pytest.mark.parametrize(
    ("severity", "area", "receivers"),
    [
        ("critical", "api", "audit,api-on-call"),
        ("critical", "business", "audit,business-on-call"),
        ("critical", "infrastructure", "audit,infrastructure-on-call"),
        ("critical", "sla", "audit,sla-on-call"),
        ("warning", "api", "audit,dev-team"),
        ("info", "business", "audit,business-team"),
    ],
)
def test_each_severity_and_area_reaches_its_receivers(
    obs_program: Callable[[str], Path], severity: str, area: str, receivers: str
) -> None:
    config = f"--config.file={PRODUCTION / 'alertmanager.yml'}"
    command = [obs_program("amtool"), "config", "routes", "test", config, f"severity={severity}", f"area={area}"]

    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert run.stdout.strip() == receivers


@pytest.mark.integration
def test_amtool_accepts_the_routes(obs_program: Callable[[str], Path]) -> None:
    command = [obs_program("amtool"), "check-config", PRODUCTION / "alertmanager.yml"]

    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert run.returncode == 0, run.stdout + run.stderr


def test_every_critical_receiver_calls_mails_and_writes_to_the_channel() -> None:
    config = yaml.safe_load((PRODUCTION / "alertmanager.yml").read_text(encoding="utf-8"))
    receivers = {receiver["name"]: receiver for receiver in config["receivers"]}

    for name in ("api-on-call", "business-on-call", "infrastructure-on-call", "sla-on-call"):
        assert {"pagerduty_configs", "email_configs", "slack_configs"} <= set(receivers[name])
    keys = [receivers[name]["pagerduty_configs"][0]["service_key_file"] for name in receivers if name.endswith("on-call")]
    assert len(set(keys)) == len(keys)


def test_every_name_that_production_asks_for_leads_into_the_stack() -> None:
    stack = yaml.safe_load((PRODUCTION.parent / "stack.production.yaml").read_text(encoding="utf-8"))
    prometheus = yaml.safe_load((PRODUCTION / "prometheus.yml").read_text(encoding="utf-8"))
    entries = [*prometheus["scrape_configs"], *prometheus["alerting"]["alertmanagers"]]
    asked = {target for entry in entries for static in entry["static_configs"] for target in static["targets"]}

    members = [*stack["components"].values(), *stack["services"].values()]
    assert {host for member in members for host in member.get("hosts", [])} == asked


def test_info_waits_for_business_hours_and_a_critical_alert_mutes_the_rest_of_its_service() -> None:
    config = yaml.safe_load((PRODUCTION / "alertmanager.yml").read_text(encoding="utf-8"))
    intervals = {interval["name"] for interval in config["time_intervals"]}

    waiting = [route for route in config["route"]["routes"] if route.get("active_time_intervals")]
    assert [(route["matchers"], route["receiver"]) for route in waiting] == [(['severity="info"'], "business-team")]
    assert set(waiting[0]["active_time_intervals"]) == intervals
    assert config["inhibit_rules"] == [
        {"source_matchers": ['severity="critical"'], "target_matchers": ['severity=~"warning|info"'], "equal": ["job"]}
    ]


def test_no_secret_is_in_the_configuration() -> None:
    text = (PRODUCTION / "alertmanager.yml").read_text(encoding="utf-8")

    secret = re.findall(r"(?m)^\s*-? ?(\w*(?:key|password|token|secret|api_url)\w*):", text)
    assert secret
    assert [key for key in secret if not key.endswith("_file")] == []
