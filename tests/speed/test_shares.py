"""Which rules compare a share of events with a threshold, and what they count."""

from __future__ import annotations

import pytest

from pytest_obscheck.speed import Share, shares
from pytest_obscheck.speed.shares import Counts

BAD, ALL = Counts('sum (x{status=~"5.."})', 300.0), Counts("sum (x{})", 300.0)
RECORDED = {
    "errors:ratio5m": 'sum(rate(x{status=~"5.."}[5m])) / sum(rate(x[5m]))',
    "bad": 'sum(rate(x{status=~"5.."}[5m]))',
    "loop": "loop",
}
MORE = Share(BAD, ALL, ">", 0.05)


@pytest.mark.parametrize(
    ("expr", "found"),
    [
        ('sum(rate(x{status=~"5.."}[5m])) / sum(rate(x[5m])) > 0.05', (MORE,)),
        ("errors:ratio5m > 0.05", (MORE,)),
        ("(bad or vector(0)) / clamp_min(sum(increase(x[5m])), 1) > 0.05", (MORE,)),
        ("100 * errors:ratio5m > 5", (MORE,)),
        ("errors:ratio5m * 100 > 5 and up", (MORE,)),
        ("1 - errors:ratio5m < 0.75", (Share(BAD, ALL, ">", 0.25),)),
        ("bad / sum(rate(x[10m])) >= 0.05", (Share(BAD, Counts("sum (x{})", 600.0), ">=", 0.05),)),
        ("sum by (job) (rate(a[5m])) / sum without (pod) (rate(b[5m])) > 1", (
            Share(Counts("sum by (job) (a{})", 300.0), Counts("sum without (pod) (b{})", 300.0), ">", 1.0),
        )),
        ("rate(x[5m]) > 3", ()),
        ("errors:ratio5m > other", ()),
        ("avg(a) / avg(b) > 0.5", ()),
        ("loop > 1", ()),
        ("up ==", ()),
    ],
)  # fmt: skip
def test_a_rule_that_compares_shares_is_told_by_its_form(expr: str, found: tuple[Share, ...]) -> None:
    assert shares(expr, RECORDED) == found


def test_the_shorter_range_counts() -> None:
    (found,) = shares("bad / sum(rate(x[10m])) > 0.05", RECORDED)

    assert found.span == 300.0
