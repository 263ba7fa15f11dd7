"""A check of thresholds of shares: what is a part of something is never more than all of it.

``never-met``: an alert compares the rate of some series of a counter with that of all of them (the same metric, grouping and
range, with fewer matchers), and fires above 1 or below 0. Such a number is meant as a percentage, mostly. It cannot be wrong
but by what extrapolation adds to a series that has just appeared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import promql_parser

from pytest_obscheck.rulelab.lintrules import Finding, RuleSet
from pytest_obscheck.rulelab.linttrees import selectors
from pytest_obscheck.speed.shares import Counts, Share, shares


def check(rules: RuleSet) -> Iterator[Finding]:
    """Yield the alerts that wait for a share that cannot be."""
    recordings = {name: rule.expr for name, rule in rules.recordings().items()}
    for rule in rules.rules:
        for each in shares(rule.expr, recordings) if rule.kind == "alert" else ():
            if _never(each.sign, each.threshold) and _part(each):
                bound = f"{each.threshold:.6g}"
                what = f"it compares a share, which is never below 0 or above 1, with {each.sign} {bound}, and never fires"
                yield rule.finding("never-met", "expr", what, "write 5% as 0.05, or multiply the share by 100")


def _never(sign: str, bound: float) -> bool:
    return {">": bound >= 1, ">=": bound > 1, "<": bound <= 0, "<=": bound < 0}[sign]


def _part(share: Share) -> bool:
    """Whether some of the events are a part of all of them, as far as names and matchers tell."""
    some, every = (selectors(promql_parser.parse(counts.text)) for counts in (share.some, share.all))
    if len(some) != 1 or len(every) != 1 or some[0].name != every[0].name or share.some.span != share.all.span:
        return False
    return set(every[0].matchers) <= set(some[0].matchers) and _added_up(share.some) == _added_up(share.all)


def _added_up(counts: Counts) -> str:
    return re.sub(r"\{.*\}", "", counts.text)
