from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_obscheck.derive import Document, diff
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.speed import (
    Source,
    Span,
    Speed,
    alertmanager_fixed,
    alertmanager_flag_spans,
    alertmanager_flags,
    alertmanager_spans,
    evaluation_interval,
    known_flags,
    misfits,
    prometheus_flag_spans,
    prometheus_flags,
    prometheus_spans,
    rules_of,
    scrape_interval,
    spans_of,
    speed_alertmanager,
    speed_prometheus,
    speed_rules,
    speed_scrapes,
)

SPEED = Speed(Fraction(60))
RULES = """\
groups:
- name: g
  interval: 1m
  query_offset: 30s
  limit: 10
  rules:
  - alert: A   # a comment
    expr: |
      rate(x[5m])
        > 300
    for: 5m
    keep_firing_for: 1h
    annotations: {a: '{{ query "x offset 1m" }}', b: for 5m}
  - record: r
    expr: >-
      up
  - alert: B
    expr: y == 0
    for: 0m
"""


def opened(folder: Path, text: str) -> Document:
    (folder / "file.yml").write_text(text)
    return Document.open(folder / "file.yml", "file.yml")


def changed(before: str, document: Document) -> list[str]:
    return [line for line in diff(before, document.text(), "file").splitlines()[2:] if line[0] in "+-"]


def test_a_rule_file_changes_in_spans_only(tmp_path: Path) -> None:
    document = opened(tmp_path, RULES)

    speed_rules(document, SPEED)

    assert changed(RULES, document) == [
        "-  interval: 1m",
        "-  query_offset: 30s",
        '+  interval: "1s"',
        '+  query_offset: "500ms"',
        "-    expr: |",
        "-      rate(x[5m])",
        "-        > 300",
        "-    for: 5m",
        "-    keep_firing_for: 1h",
        "-    annotations: {a: '{{ query \"x offset 1m\" }}', b: for 5m}",
        '+    expr: "(rate(x[5s]) / 60)\\n  > 300"',
        '+    for: "5s"',
        '+    keep_firing_for: "1m"',
        '+    annotations: {a: "{{ query \\"x offset 1s\\" }}", b: for 5m}',
    ]


def test_a_rule_that_is_left_stays_as_it_is(tmp_path: Path) -> None:
    document = opened(tmp_path, RULES)

    speed_rules(document, SPEED, leave=[rule.spot for rule in rules_of(document)])

    assert changed(RULES, document) == [
        "-  interval: 1m",
        "-  query_offset: 30s",
        '+  interval: "1s"',
        '+  query_offset: "500ms"',
    ]


def test_every_duration_of_a_rule_file_has_its_place(tmp_path: Path) -> None:
    assert [(span.length, span.where, span.what) for span in spans_of(opened(tmp_path, RULES), "r.yml")] == [
        (60_000, "r.yml:3", "interval"),
        (30_000, "r.yml:4", "query_offset"),
        (300_000, "A (r.yml:7)", "for"),
        (3_600_000, "A (r.yml:7)", "keep_firing_for"),
        (300_000, "A (r.yml:7)", "range"),
    ]


def test_a_hold_that_is_no_duration_is_a_problem_of_the_rule(tmp_path: Path) -> None:
    document = opened(tmp_path, "groups: [{rules: [{alert: A, expr: up, for: soon}]}]")

    with pytest.raises(ConfigError) as raised:
        list(spans_of(document, "r.yml"))

    assert str(raised.value) == "A (r.yml:1): for: 'soon' is not a duration; write it like '800ms', '10s' or '1m30s'"


@pytest.mark.parametrize("text", ["", "groups:", "groups: [a, {rules: }]", "groups: [{rules: [{alert: A}, 3]}]", "[1]"])
def test_a_file_without_rules_has_none(tmp_path: Path, text: str) -> None:
    assert list(rules_of(opened(tmp_path, text))) == []


def test_prometheus_gets_its_defaults_written_out_and_keeps_its_timeouts_as_long_as_it_can(tmp_path: Path) -> None:
    text = """\
global: {scrape_interval: 15s}
scrape_configs:
- job_name: a
- {job_name: b, scrape_interval: 30s, scrape_timeout: 20s}
- {job_name: c, scrape_interval: 30s, scrape_timeout: 100ms}
"""
    document = opened(tmp_path, text)

    speed_prometheus(document, SPEED)

    assert changed(text, document) == [
        "-global: {scrape_interval: 15s}",
        '+global: {scrape_interval: "250ms", evaluation_interval: "1s", scrape_timeout: "250ms"}',
        "-- {job_name: b, scrape_interval: 30s, scrape_timeout: 20s}",
        "-- {job_name: c, scrape_interval: 30s, scrape_timeout: 100ms}",
        '+- {job_name: b, scrape_interval: "500ms", scrape_timeout: "500ms"}',
        '+- {job_name: c, scrape_interval: "500ms", scrape_timeout: 100ms}',
    ]
    assert evaluation_interval(document) == 60_000
    assert scrape_interval(document) == 30_000
    assert [(span.what, span.length) for span in prometheus_spans(document)] == [
        ("scrape_interval", 15_000),
        ("evaluation_interval", 60_000),
        ("scrape_interval", 30_000),
        ("scrape_interval", 30_000),
    ]


def test_a_file_of_scrape_configs_has_only_its_own_intervals(tmp_path: Path) -> None:
    text = "scrape_configs:\n- {job_name: b, scrape_interval: 30s}\n"
    document = opened(tmp_path, text)

    speed_scrapes(document, SPEED)

    assert document.text() == 'scrape_configs:\n- {job_name: b, scrape_interval: "500ms"}\n'
    assert [span.length for span in prometheus_spans(document)] == [30_000]


def test_alertmanager_gets_every_wait_divided_and_the_defaults_of_its_root_written_out(tmp_path: Path) -> None:
    text = """\
route:
  receiver: a
  group_wait: 0s
  routes:
  - {receiver: b, repeat_interval: 1h, routes: [{receiver: c, group_interval: 2m}]}
receivers: [{name: a}, {name: b}, {name: c}]
"""
    document = opened(tmp_path, text)

    speed_alertmanager(document, SPEED)

    assert changed(text, document) == [
        "-  - {receiver: b, repeat_interval: 1h, routes: [{receiver: c, group_interval: 2m}]}",
        '+  - {receiver: b, repeat_interval: "1m", routes: [{receiver: c, group_interval: "2s"}]}',
        '+  group_interval: "5s"',
        '+  repeat_interval: "4m"',
        '+global: {"resolve_timeout": "5s"}',
    ]
    assert sorted({span.length for span in alertmanager_spans(document)}) == [120_000, 300_000, 3_600_000, 14_400_000]


def test_time_intervals_hang_on_the_wall_clock(tmp_path: Path) -> None:
    document = opened(tmp_path, "route:\n  receiver: a\n  routes:\n  - receiver: b\n    mute_time_intervals: [nights]\n")

    ((receiver, problem),) = alertmanager_fixed(document, "am.yml")

    assert receiver == "b"
    assert str(problem) == (
        "am.yml:5: mute_time_intervals hangs on the wall clock, which Alertmanager reads itself; "
        "run it at speed 1; what is muted at an instant of your choice, `obscheck intervals FILE --at INSTANT` says"
    )


def test_flags_of_time_are_divided_given_or_not() -> None:
    args = ("--web.enable-lifecycle", "--query.lookback-delta", "10m", "--rules.alert.resend-delay=0s")

    assert prometheus_flags(args, SPEED) == (
        "--web.enable-lifecycle",
        "--query.lookback-delta=10s",
        "--rules.alert.resend-delay=0s",
        "--rules.alert.for-outage-tolerance=1m",
        "--rules.alert.for-grace-period=10s",
    )
    assert [span.length for span in prometheus_flag_spans(args)] == [600_000, 3_600_000, 600_000]


def test_the_maintenance_of_alertmanager_is_not_forgotten_and_an_older_one_does_not_get_it() -> None:
    assert "--dispatch.maintenance-interval=500ms" in alertmanager_flags((), SPEED)
    assert alertmanager_flags((), SPEED, known=("data.retention",)) == ("--data.retention=2h",)


def test_a_cluster_waits_for_its_peers_in_story_time() -> None:
    args = ("--cluster.listen-address=127.0.0.1:9094", "--cluster.peer-timeout=30s")

    assert "--cluster.peer-timeout=500ms" in alertmanager_flags(args, SPEED)
    assert "cluster.peer-timeout" not in str(alertmanager_flags(("--cluster.listen-address=",), SPEED))
    assert 30_000 in {span.length for span in alertmanager_flag_spans(args)}


def test_an_annotation_decides_how_a_rule_is_read(tmp_path: Path) -> None:
    text = "groups: [{rules: [{alert: A, expr: 'lag_seconds > 60', annotations: {obscheck_speed: story}}]}]"
    document = opened(tmp_path, text)

    speed_rules(document, Speed(Fraction(60), Source.REAL))

    assert 'expr: "(lag_seconds * 60) > 60"' in document.text()


def told(spans: Iterable[Span]) -> str:
    with pytest.raises(ConfigError) as raised:
        list(spans)
    return str(raised.value)


def test_a_duration_that_is_none_is_told_with_its_place(tmp_path: Path) -> None:
    right = "is not a duration; write it like '800ms', '10s' or '1m30s'"
    prometheus = opened(tmp_path, "global:\n  scrape_interval: often\n")
    assert told(prometheus_spans(prometheus, "p.yml")) == f"p.yml:2: scrape_interval: 'often' {right}"

    alertmanager = opened(tmp_path, "route:\n  group_wait: a bit\n")
    assert told(alertmanager_spans(alertmanager, "a.yml")) == f"a.yml:2: group_wait: 'a bit' {right}"

    flags = prometheus_flag_spans(("--query.lookback-delta=long",))
    assert told(flags) == f"prometheus --query.lookback-delta: query.lookback-delta: 'long' {right}"


def test_a_rule_that_a_speed_would_make_another_is_named_with_its_class(tmp_path: Path) -> None:
    text = "groups: [{rules: [{alert: A, expr: 'hour() > 9'}, {alert: B, expr: up}, {record: c, expr: time()}]}]"
    rules = list(rules_of(opened(tmp_path, text), "r.yml"))

    found = misfits(rules, Speed(Fraction(60), Source.REAL))

    assert [str(problem) for problem in found.values()] == [
        (
            "r.yml:1: alert A cannot go at speed 60: hour() hangs on the wall clock, which cannot go faster "
            "for real processes; run it at speed 1, or offline at an instant of your choice"
        ),
        (
            "r.yml:1: record c needs your decision at speed 60: time() is compared with what real processes did "
            "at real times; give it the annotation `obscheck_speed: physical` (as it is) or `obscheck_speed: story` (times N); "
            "or run it at speed 1"
        ),
    ]
    assert list(found) == [("groups", 0, "rules", 0), ("groups", 0, "rules", 2)]
    assert misfits(rules, SPEED) == {}


def test_an_alertmanager_older_than_the_flag_of_maintenance_is_not_given_it() -> None:
    assert "dispatch.maintenance-interval" not in known_flags("0.28.1")
    assert "dispatch.maintenance-interval" in known_flags("0.29.0")
    assert "data.maintenance-interval" in known_flags("v0.25.0")
