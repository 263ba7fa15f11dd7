"""OpenSLO and Sloth specs: what is read from them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.objective import Events, Objective, Ratio, Threshold
from pytest_obscheck.slo import read_spec

SLOTH = """\
version: "prometheus/v1"
service: checkout
slos:
  - name: requests-availability
    objective: 99.9
    sli:
      events:
        error_query: sum(rate(http_requests_total{status=~"5.."}[{{.window}}]))
        total_query: sum(rate(http_requests_total[{{.window}}]))
    alerting: {name: CheckoutAvailability}
  - name: raw
    objective: 99
    sli: {raw: {error_ratio_query: "job:errors:ratio{window='{{ .window }}'}"}}
"""
OPENSLO = """\
apiVersion: openslo/v1
kind: SLI
metadata: {name: good-orders}
spec:
  ratioMetric:
    counter: true
    good: {metricSource: {type: Prometheus, spec: {query: 'http_requests_total{status!~"5.."}'}}}
    total: {metricSource: {type: Prometheus, spec: {query: http_requests_total}}}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: availability}
spec:
  service: checkout
  indicatorRef: good-orders
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.999}]
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: latency}
spec:
  service: checkout
  indicator:
    metadata: {name: p95}
    spec:
      thresholdMetric: {metricSource: {type: Prometheus, spec: {query: "job:latency:p95"}}}
  timeWindow: [{duration: 4w, isRolling: true}]
  budgetingMethod: Timeslices
  objectives: [{op: lte, value: 0.5, targetPercent: 99}]
---
apiVersion: openslo/v1
kind: Service
metadata: {name: checkout}
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "slo.yml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_sloth_spec_holds_objectives_over_thirty_days(tmp_path: Path) -> None:
    errors, total = 'sum(rate(http_requests_total{status=~"5.."}[{{.window}}]))', "sum(rate(http_requests_total[{{.window}}]))"

    found = read_spec(write(tmp_path, SLOTH))

    assert found == [
        Objective("requests-availability", "checkout", 0.999, 2_592_000.0, Events(total, bad=errors)),
        Objective("raw", "checkout", 0.99, 2_592_000.0, Ratio("job:errors:ratio{window='{{.window}}'}")),
    ]
    assert found[0].indicator.error_ratio("5m") == (
        '(sum(rate(http_requests_total{status=~"5.."}[5m]))) / (sum(rate(http_requests_total[5m])))'
    )
    assert str(found[0]) == "checkout requests-availability: 99.9% over 720h00m"


def test_openslo_has_indicators_inline_and_by_reference(tmp_path: Path) -> None:
    good, total = 'sum(rate(http_requests_total{status!~"5.."}[{{.window}}]))', "sum(rate(http_requests_total[{{.window}}]))"

    found = read_spec(write(tmp_path, OPENSLO))

    assert found == [
        Objective("availability", "checkout", 0.999, 2_592_000.0, Events(total, good=good)),
        Objective("latency", "checkout", 0.99, 2_419_200.0, Threshold("job:latency:p95", "<=", 0.5)),
    ]
    assert found[1].indicator.error_ratio("1h") == "1 - avg_over_time(((job:latency:p95) <= bool 0.5)[1h:1m])"
    assert found[0].where.endswith("slo.yml:18")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "objective: 99.9",
            "objective: 0",
            ":5: requests-availability: objective 0 is not between 0 and 100; write it in percent, like 99.9",
        ),
        ("objective: 99.9", "objective: high", ":5: the spec.slos: objective is 'high', which is not a number"),
        (
            "[{{.window}}]))\n    alerting",
            "[5m]))\n    alerting",
            ":9: total_query has no {{.window}}: it would be the same over every window; write [{{.window}}] for its range",
        ),
        ("service: checkout\n", "", ":1: the spec has no 'service'"),
        ("prometheus/v1", "prometheus/v7", ":1: version 'prometheus/v7' is not read; write version: prometheus/v1"),
    ],
)
def test_mistakes_in_a_sloth_spec_are_told_with_their_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path, SLOTH.replace(old, new, 1))

    with pytest.raises(ConfigError) as raised:
        read_spec(path)

    assert str(raised.value) == f"{path}{message}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Ref: good-orders", "Ref: good-order", ":15: no SLI called 'good-order'; did you mean 'good-orders'?"),
        (
            "{duration: 30d,",
            "{duration: 1M,",
            ":16: the spec.spec.timeWindow: duration is '1M', which is not a duration; write it like '30d' or '4w'",
        ),
        (
            "{duration: 30d, isRolling: true}",
            "{duration: 30d}",
            ":16: a calendar window has no fixed length; write isRolling: true and a duration such as 30d",
        ),
        ("target: 0.999", "target: 99.9", ":18: a target of 99.9 leaves no budget, or nothing else; write target: 0.999"),
        ("op: lte", "op: le", ":31: op 'le' is none; did you mean 'lte'?"),
    ],
)
def test_mistakes_in_an_openslo_spec_are_told_with_their_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path, OPENSLO.replace(old, new, 1))

    with pytest.raises(ConfigError) as raised:
        read_spec(path)

    assert str(raised.value) == f"{path}{message}"


def test_a_file_that_is_no_yaml_or_not_there_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "a: [1\n")

    with pytest.raises(ConfigError) as broken:
        read_spec(path)
    with pytest.raises(ConfigError) as missing:
        read_spec(tmp_path / "none.yml")

    assert str(broken.value).startswith(f"{path}:2: not YAML: ")
    assert str(missing.value) == f"{tmp_path / 'none.yml'}: cannot be read: No such file or directory"
