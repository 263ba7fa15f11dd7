"""OpenSLO and Sloth specs: what is read from them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.objective import Events, Objective, Ratio, Threshold
from pytest_obscheck.slo import Outage, compare, must_fire, read_spec

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


ALERTED = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: availability}
spec:
  service: checkout
  indicator: {metadata: {name: good}, spec: {ratioMetric: {rawType: failure, raw: {metricSource: {spec: {query: r}}}}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.999}]
  alertPolicies:
    - fast
    - alertPolicyRef: silent
    - kind: AlertPolicy
      metadata: {name: slow}
      spec:
        alertWhenBreaching: true
        conditions:
          - kind: AlertCondition
            metadata: {name: slowly}
            spec: {severity: ticket, condition: {kind: burnrate, op: gte, threshold: 1, lookbackWindow: 3d, alertAfter: 1h}}
---
apiVersion: openslo/v1
kind: AlertPolicy
metadata: {name: fast}
spec: {alertWhenBreaching: true, alertWhenResolved: false, conditions: [{conditionRef: quickly}]}
---
apiVersion: openslo/v1
kind: AlertPolicy
metadata: {name: silent}
spec: {alertWhenBreaching: false, alertWhenNoData: true, conditions: [{conditionRef: quickly}]}
---
apiVersion: openslo/v1
kind: AlertCondition
metadata: {name: quickly}
spec:
  severity: page
  condition: {kind: burnrate, threshold: 14.4, lookbackWindow: 1h, alertAfter: 5m}
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


def test_openslo_names_the_windows_of_its_alerts(tmp_path: Path) -> None:
    (found,) = read_spec(write(tmp_path, ALERTED))

    assert [str(pair) for pair in found.pairs] == ["page 1h", "ticket 3d"]
    assert [pair.factor(found.period) for pair in found.pairs] == pytest.approx([14.4, 1.0])
    assert [pair.hold for pair in found.pairs] == [300.0, 3600.0]


def test_an_alert_of_openslo_must_fire_when_its_window_has_burnt_for_long_enough(tmp_path: Path) -> None:
    (slo,) = read_spec(write(tmp_path, ALERTED))

    # 10 % of errors burn 100 times as fast as allowed: an hour's window is over 14.4 after 14.4 % of it, 518.4 s.
    must = must_fire(slo, [Outage(0.0, 7200.0, 0.1)])

    assert [str(each) for each in must] == [
        "page 1h (burn rate 14.4) at 13m38s, seen 13m38s .. 13m38s",
        "ticket 3d (burn rate 1) at 103m12s, seen 103m12s .. 103m12s",
    ]
    late = compare(must[:1], {"page 1h": [must[0].at + 300]})
    assert [each.words for each in late] == [f"{must[0]}: fired at 18m38s, 5m00s too late"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("- fast\n", "- fats\n", ":11: no AlertPolicy called 'fats'; did you mean 'fast'?"),
        ("Ref: quickly", "Ref: quick", ":25: no AlertCondition called 'quick'; did you mean 'quickly'?"),
        (
            "kind: burnrate, threshold",
            "kind: budget, threshold",
            ":37: a condition of kind 'budget' is not read; write kind: burnrate",
        ),
        ("op: gte", "op: lt", ":20: op 'lt' would alert while little burns; write op: gt"),
        ("threshold: 14.4, ", "", ":37: the spec.spec.condition: threshold is None, which is not a number"),
        (
            "alertAfter: 5m",
            "alertAfter: soon",
            ":37: the spec.spec.condition: alertAfter is 'soon', which is not a duration; write it like '30d' or '4w'",
        ),
    ],
)
def test_mistakes_in_the_alerts_of_openslo_are_told_with_their_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    path = write(tmp_path, ALERTED.replace(old, new, 1))

    with pytest.raises(ConfigError) as raised:
        read_spec(path)

    assert str(raised.value) == f"{path}{message}"


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
