"""Which rules are Loki's, and that nothing takes them for Prometheus's."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck.rulelab.lint import lint_command
from pytest_obscheck.rulelab.speeding import Asked, speed_command
from pytest_obscheck.speed.logql import is_logql

RULES = """\
groups:
  - name: g
    interval: 1m
    rules:
      - {alert: A, expr: 'rate({a="b"} |= "x" [5m]) > 1', for: 5m}
      - {alert: B, expr: 'rate({a="b"}[5m]) > 1'}
"""


@pytest.mark.parametrize(
    ("expr", "told"),
    [
        ('sum(rate({app="x"} |= "boom" [1m])) > 1', True),
        ('rate({a="b"} != "x" [1m])', True),
        ('rate({a="b"} | json | level="error" [5m])', True),
        ('bytes_rate({a="b"}[1m])', True),
        ('x{a=~"b|c"} > 1', False),
        ("x{a=~'b|c'} > 1 # {a | b", False),
        ('{a="b"} != 5', False),
    ],
)
def test_what_only_loki_reads_is_told_from_promql(expr: str, told: bool) -> None:
    assert is_logql(expr) is told


def test_rules_of_lokis_are_left_as_they_are_at_a_speed(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(RULES)
    said = list[str]()

    speed_command(Asked([tmp_path / "r.yml"], "7"), False, tmp_path / "out", "text", said.append)

    assert said[1] == "            this is LogQL, which Loki's ruler evaluates and no Prometheus reads; run it at speed 1\n"
    assert (tmp_path / "out/r.yml").read_text() == RULES


def test_the_lint_says_what_it_passes_over(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_text(RULES)
    said = list[str]()

    assert lint_command([tmp_path], "", "text", said.append) == 0

    note = "passed over: its rules are LogQL, which only Loki's ruler evaluates"
    assert said == [f"note: {tmp_path}/r.yml: {note}\n", "no findings\n"]
