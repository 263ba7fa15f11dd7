"""Alerts that wait for more than all."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck.rulelab.lintrules import RuleSet, read
from pytest_obscheck.rulelab.lintshares import check

BAD, ALL = 'sum by (job) (rate(r_total{status=~"5[0-9]{2}"}[5m]))', "sum by (job) (rate(r_total[5m]))"


@pytest.mark.parametrize(
    ("expr", "sign"),
    [
        (f"{BAD} / {ALL} > 1.5", "> 1.5"),
        (f"{BAD} / {ALL} > 1", "> 1"),
        (f"100 * {BAD} / {ALL} > 150", ""),
        (f"100 * ({BAD} / {ALL}) > 150", "> 1.5"),
        (f"({BAD} / {ALL} > 5) and {ALL} > 1", "> 5"),
        (f"1 - {BAD} / {ALL} < 0", "> 1"),
        ("errors:ratio > 5", "> 5"),
        (f"{BAD} / {ALL} >= 1", ""),
        (f"{BAD} / {ALL} > 0.05", ""),
        (f"100 * ({BAD} / {ALL}) > 5", ""),
        (f"{ALL} / {BAD} > 5", ""),
        (f"{BAD} / sum(rate(r_total[5m])) > 5", ""),
        (f"{BAD} / sum by (job) (rate(r_total[1h])) > 5", ""),
        (f"{BAD} / sum by (job) (rate(other_total[5m])) > 5", ""),
        (f"{BAD} > 5", ""),
    ],
)
def test_a_share_is_never_more_than_all(expr: str, sign: str, tmp_path: Path) -> None:
    file = tmp_path / "r.yml"
    recorded = f"{{record: 'errors:ratio', expr: {BAD + ' / ' + ALL!r}}}"
    alert = expr.replace("'", "''")
    file.write_text(f"groups:\n- name: g\n  rules:\n  - {recorded}\n  - alert: A\n    expr: '{alert}'\n", encoding="utf-8")
    rules, wrong = read(file, "r.yml")

    what = f"alert A: it compares a share, which is never below 0 or above 1, with {sign}, and never fires"
    said = [f"r.yml:6: {what}; write 5% as 0.05, or multiply the share by 100 (never-met)"]
    assert wrong == []
    assert [str(each) for each in check(RuleSet(tuple(rules)))] == (said if sign else [])
