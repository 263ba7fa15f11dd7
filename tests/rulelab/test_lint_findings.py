"""The rules as first written: each of their mistakes is found; the rules of the example have none."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_obscheck.cli import main
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.rulelab.lint import lint
from pytest_obscheck.rulelab.lintexposition import page
from pytest_obscheck.rulelab.lintrules import Finding

ROOT = Path(__file__).parents[2]
WRONG = ROOT / "tests/rules_as_first_written"
PAGE = """\
# TYPE http_requests_total counter
http_requests_total{endpoint="/checkout",method="POST",status="201"} 7.0
http_request_duration_seconds_bucket{endpoint="/checkout",le="0.5",method="POST"} 7.0
http_request_duration_seconds_bucket{endpoint="/checkout",le="+Inf",method="POST"} 7.0
http_request_duration_seconds_sum{endpoint="/checkout",method="POST"} 0.5
http_request_duration_seconds_count{endpoint="/checkout",method="POST"} 7.0
report_generation_duration_seconds_bucket{le="30.0"} 1.0
report_generation_duration_seconds_bucket{le="+Inf"} 1.0
"""

Programs = Callable[[str], Path]


def placed(findings: list[Finding]) -> list[tuple[str, int, str]]:
    return [(Path(finding.file).name, finding.line, finding.check) for finding in findings]


def no_program(name: str) -> Path:
    raise AssertionError(name)


@pytest.mark.integration
def test_every_mistake_of_the_rules_as_first_written_is_found(obs_program: Programs) -> None:
    findings = lint([WRONG], obs_program, page(PAGE, "page"))

    assert placed(findings) == [
        ("alertmanager.yml", 6, "alertmanager"),  # routes at the top level
        ("alertmanager.yml", 11, "alertmanager"),  # match without route
        ("api.yml", 7, "unknown-series"),  # status_code
        ("api.yml", 19, "never-varies"),  # each series divided by itself
        ("api.yml", 34, "unit-in-words"),  # 0.1 requests per second as a ratio
        ("api.yml", 38, "average-for-percentile"),
        ("infrastructure.yml", 12, "free-as-used"),
        ("sla.yml", 6, "availability-from-up"),  # the recording
        ("sla.yml", 10, "availability-from-up"),  # the alert on it
        ("sla.yml", 11, "hold-outlasts-budget"),  # for: 30d
        ("sla.yml", 20, "never-varies"),  # a quantile of one bucket
        ("sla.yml", 20, "unknown-series"),  # le="30"
        ("sla.yml", 21, "hold-outlasts-budget"),  # for: 24h
        ("sla.yml", 26, "unit-in-words"),  # seconds times 100 as a percentage
    ]


@pytest.mark.integration
def test_the_command_says_what_is_wrong_where_and_what_would_be_right(
    obs_program: Programs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("promtool", "amtool"):
        obs_program(name)
    monkeypatch.chdir(WRONG)

    code = main(["lint", "api.yml", "infrastructure.yml", "alertmanager.yml"])

    said = capsys.readouterr().out
    assert code == 1
    assert said == (
        "alertmanager.yml:6: 'routes' is no key of the top level; it belongs into a route (below 'route:') (alertmanager)\n"
        "alertmanager.yml:11: 'match' is no key of the top level; it belongs into a route (below 'route:') (alertmanager)\n"
        "api.yml:19: alert CriticalErrorRate: 'rate(http_requests_total{status=~\"5..\"}[5m]) / rate(http_requests_total[5m])' "
        "is always 1, whatever is measured; both sides keep all their labels, so each series meets itself; "
        "aggregate both: sum(…) / sum(…) (never-varies)\n"
        "api.yml:34: alert HighErrorRate: description prints '{{ $value | humanizePercentage }}', a ratio as a percentage; "
        "the value is events per second; divide it by the rate of all of them for a share, or say per second (unit-in-words)\n"
        "api.yml:38: alert ResponseTimeSLA: it speaks of 'p95' and computes an average from http_request_duration_seconds_sum, "
        "http_request_duration_seconds_count; take histogram_quantile of http_request_duration_seconds_bucket "
        "(average-for-percentile)\n"
        "infrastructure.yml:12: alert HighDiskUsage: description says 'usage' of a value that grows with "
        "node_filesystem_avail_bytes: it prints what is free; print 1 - it, or say free (free-as-used)\n"
        "6 findings\n"
    )


@pytest.mark.integration
def test_the_rules_of_the_example_have_no_findings(obs_program: Programs) -> None:
    stack = ROOT / "stack"

    assert lint([stack / "production", stack / "prometheus", stack / "alertmanager"], obs_program) == []


@pytest.mark.integration
def test_a_prometheus_configuration_stands_for_its_rule_files(obs_program: Programs, tmp_path: Path) -> None:
    (tmp_path / "prometheus.yml").write_text("rule_files: ['*.rules.yml']\n", encoding="utf-8")
    shutil.copy(WRONG / "api.yml", tmp_path / "one.rules.yml")

    found = lint([tmp_path / "prometheus.yml"], obs_program)

    assert {name for name, _, _ in placed(found)} == {"one.rules.yml"}


@pytest.mark.integration
def test_an_alert_knows_the_recordings_of_other_files(obs_program: Programs, tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(
        rules(("record", "errors", 'rate(http_requests_total{status=~"5.."}[5m])')), encoding="utf-8"
    )
    (tmp_path / "b.yml").write_text(rules(("record", "all", "rate(http_requests_total[5m])")), encoding="utf-8")
    (tmp_path / "c.yml").write_text(rules(("alert", "High", "errors / all > 0.05")), encoding="utf-8")

    assert placed(lint([tmp_path], obs_program)) == [("c.yml", 1, "never-varies")]


def rules(*some: tuple[str, str, str]) -> str:
    return json.dumps({"groups": [{"name": "g", "rules": [{kind: name, "expr": expr} for kind, name, expr in some]}]})


@pytest.mark.integration
@pytest.mark.parametrize(
    ("expr", "wrong"),
    [
        ('rate(a_total{code=~"5.."}[5m]) / rate(a_total[5m])', True),
        ('sum by (code) (rate(a_total{code=~"5.."}[5m])) / sum by (code) (rate(a_total[5m]))', True),
        ("a_bytes - a_bytes", True),
        ("histogram_quantile(0.9, sum by (job) (rate(a_seconds_bucket[5m])))", True),
        ('histogram_quantile(0.9, rate(a_seconds_bucket{le=~"0.5|1"}[5m]))', True),
        ('sum(rate(a_total{code=~"5.."}[5m])) / sum(rate(a_total[5m]))', False),
        ('sum by (job) (rate(a_total{code=~"5.."}[1s])) / sum by (job) (rate(a_total[1s]))', False),
        ('rate(a_total{code="500"}[5m]) / ignoring(code) group_left sum without (code) (rate(a_total[5m]))', False),
        ('count(up{job="a"} == 1) / count(up{job="a"})', False),
        ("a_used / a_size", False),
        ("count by (job) (a) - floor(count by (job) (a) / 2 + 1)", False),
        ("a_total - a_total offset 5m", False),
        ("histogram_quantile(0.99, sum by (le) (rate(a_seconds_bucket[5m])))", False),
        ('sum(rate(a_seconds_bucket{le="0.5"}[5m])) / sum(rate(a_seconds_count[5m]))', False),
        ('1 - a_avail{fstype!~"tmpfs|.*lay",mountpoint="/"} / a_size{fstype!~"tmpfs|.*lay",mountpoint="/"}', False),
        ("a > bool 1", False),
    ],
)
def test_a_value_that_never_varies_is_told_from_one_that_does(
    obs_program: Programs, tmp_path: Path, expr: str, wrong: bool
) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(rules(("alert", "A", f"({expr}) > 0.5")), encoding="utf-8")

    assert [finding.check for finding in lint([file], obs_program)] == ["never-varies"] * wrong


@pytest.mark.integration
@pytest.mark.parametrize(
    ("expr", "text", "wrong"),
    [
        ("a_avail_bytes / a_size_bytes * 100 < 10", "disk usage is {{ $value }}%", True),
        ("a_avail_bytes / a_size_bytes * 100 < 10", "only {{ $value }}% left", False),
        ("100 - a_avail_bytes / a_size_bytes * 100 > 90", "disk usage is {{ $value }}%", False),
        ("100 - a_avail_bytes / a_size_bytes * 100 > 90", "{{ $value }}% free", True),
        ("(a_size_bytes - a_free_bytes) / a_size_bytes > 0.9", "{{ $value | humanizePercentage }} free", True),
        ("a_avail_bytes / a_size_bytes * 100 < 10", "the disk is full. VALUE = {{ $value }}", False),
        ("node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes * 100 < 10", "memory used: {{ $value }}%", True),
    ],
)
def test_what_is_free_is_not_printed_as_used(obs_program: Programs, tmp_path: Path, expr: str, text: str, wrong: bool) -> None:
    file = tmp_path / "rules.yml"
    rule = {"alert": "A", "expr": expr, "annotations": {"description": text}}
    file.write_text(json.dumps({"groups": [{"name": "g", "rules": [rule]}]}), encoding="utf-8")

    assert [finding.check for finding in lint([file], obs_program)] == ["free-as-used"] * wrong


@pytest.mark.integration
@pytest.mark.parametrize(
    ("expr", "wrong"),
    [
        ("avg_over_time(up[1h]) < 0.999", True),
        ('sum(up{job="a"}) / count(up{job="a"}) < 0.9', True),
        ('up{job="a"} == 0', False),
        ("avg_over_time(probe_success[1h]) < 0.999", False),
        ('sum(rate(a_total{status!~"5.."}[1h])) / sum(rate(a_total[1h])) < 0.999', False),
    ],
)
def test_availability_is_more_than_being_scraped(obs_program: Programs, tmp_path: Path, expr: str, wrong: bool) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(rules(("alert", "AvailabilitySLA", expr)), encoding="utf-8")

    assert [finding.check for finding in lint([file], obs_program)] == ["availability-from-up"] * wrong


def test_an_expression_that_does_not_parse_is_a_finding(tmp_path: Path) -> None:
    file = tmp_path / "rules.yml"
    file.write_text("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up ==\n", encoding="utf-8")

    (finding,) = lint([file], no_program)

    assert (finding.line, finding.check) == (5, "syntax")


def test_a_folder_without_rules_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        lint([tmp_path], no_program)

    assert str(caught.value) == f"{tmp_path}: there is no rule file in it; rule files end with .yml or .yaml"


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        lint([tmp_path / "none.yml"], no_program)

    assert str(caught.value) == f"{tmp_path}/none.yml: there is no such file"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "services: {}\n",
            "neither rules nor routes; it has services; rule files have 'groups', an alertmanager.yml has 'route'",
        ),
        (
            "rule_files: ['rules/*.yml']\n",
            "no file is there that its rule_files name: rules/*.yml; name the rule files themselves, or their folder",
        ),
    ],
)
def test_a_file_that_holds_nothing_to_lint_is_a_mistake(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "some.yml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        lint([file], no_program)

    assert str(caught.value) == f"{file}: {said}"


def test_rule_files_are_found_where_production_calls_their_folder_otherwise(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/a.yml").write_text("groups: [{name: g, rules: [{alert: A}]}]\n", encoding="utf-8")
    (tmp_path / "prometheus.yml").write_text("rule_files: [/etc/none/rules/*.yml]\n", encoding="utf-8")

    assert [finding.file for finding in lint([tmp_path / "prometheus.yml"], no_program)] == [f"{tmp_path}/rules/a.yml"]


def test_findings_can_be_read_by_programs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rules.yml").write_text(rules(("record", "job:errors:ratio", "sum(rate(errors_total[5m]))")), encoding="utf-8")

    code = main(["lint", "rules.yml", "--format", "ndjson"])

    assert code == 1
    assert json.loads(capsys.readouterr().out) == {
        "file": "rules.yml",
        "line": 1,
        "check": "unit-in-words",
        "what": "record job:errors:ratio: it is called a ratio and is events per second",
        "right": "divide it by the rate of all of them for a share, or say per second",
    }


@pytest.mark.integration
def test_what_the_lint_finds_loads_without_complaint(obs_program: Programs) -> None:
    files = [WRONG / name for name in ("api.yml", "infrastructure.yml", "sla.yml")]

    run = subprocess.run(
        [obs_program("promtool"), "check", "rules", *files], capture_output=True, text=True, check=False, timeout=60
    )

    assert run.returncode == 0, run.stdout + run.stderr
