"""A check of ``for``: nobody may have to wait until the objective is lost.

``hold-outlasts-budget``. A hold delays every notice, that of a total failure too. A total failure spends the error budget of an
objective T over a period P in (1 - T) · P (Google's SRE workbook, chapter 5). An alert that comes after more than half of it
leaves less time to mend than it took to notice. T is what the rule itself says: its bound for a share of what is good, the
rest for a share of what is bad, the quantile for a quantile, or a percentage in its words that is its bound; 99.9 % for
``up == 0``, and 95 % where a rule speaks of an SLA and says nothing else: less is no agreement. P is 30 days. And no hold may
be longer than Prometheus keeps samples by default (15 days): nobody could look up then what it waited for. False alarms: a
bound far below the objective on a slow trend that is no failure of users.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import promql_parser

from pytest_obscheck.rulelab.lintrules import Finding, Rule, RuleSet
from pytest_obscheck.rulelab.linttrees import Comparison, bare, below, calls, comparisons, leaves, number
from pytest_obscheck.rulelab.lintunits import unit

DAY = 86_400.0
PERIOD = 30 * DAY
RETENTION = 15 * DAY
USUAL = 0.999
"""The objective of what is simply up."""
WEAKEST = 0.95
_AGREED = re.compile(r"SLA|SLO|\b(sla|slo)\b|agreement|objective")


def check(rules: RuleSet) -> Iterator[Finding]:
    """Yield the holds that are too long for what they guard."""
    recordings = rules.recordings()
    for rule in rules.rules:
        wrong = _too_long(rule, recordings) if rule.hold else None
        if wrong:
            yield rule.finding("hold-outlasts-budget", "for", *wrong)


def _too_long(rule: Rule, recordings: Mapping[str, Rule]) -> tuple[str, str] | None:
    said = f"for: {spoken(rule.hold)}"
    objective = min((found for each in comparisons(rule.tree) if (found := _objective(rule, each, recordings))), default=None)
    if objective is None and _AGREED.search(rule.words()):
        objective = WEAKEST
    if objective is not None:
        budget = (1 - objective) * PERIOD
        if rule.hold > budget / 2:
            share = rule.hold / budget
            spent = f"{share:.0%}" if share < 1.5 else f"{share:,.0f} times all"
            spent += f" of the budget of {objective:.6g} over 30d ({spoken(budget)})"
            what = f"{said} waits in an outage until {spent} is spent"
            return what, "hold for minutes, and put the period into the range of the expression"
    if rule.hold > RETENTION:
        what = f"{said} needs that long without one good evaluation, and samples are kept for 15d"
        return what, "put the period into the range of the expression"
    return None


def _objective(rule: Rule, each: Comparison, recordings: Mapping[str, Rule]) -> float | None:
    quantile = _quantile(each, recordings)
    if quantile:
        return quantile
    if each.bound == 0 and each.sign == "==" and _only_up(each, recordings):
        return USUAL
    has = unit(each.side, recordings)
    upper = each.bound / has.scale if has.kind == "ratio" else _claimed(rule, each)
    if upper is None and (_percentage(each.side) or _only_up(each, recordings)):
        upper = each.bound if each.bound < 1 else each.bound / 100
    if upper is None:
        return None
    if each.sign.startswith("<"):
        return upper if 0.5 <= upper < 1 else None
    return 1 - upper if each.sign.startswith(">") and 0 < upper <= 0.5 else None


def _claimed(rule: Rule, each: Comparison) -> float | None:
    """Return the bound as a share where the rule's words call it a percentage."""
    words = "\n".join(rule.annotations.values())
    for share in (each.bound, each.bound / 100):
        if any(f"{share * 100:g}{sign}" in words for sign in ("%", " %", " percent")):
            return share if 0 < share < 1 else None
    return None


def _quantile(each: Comparison, recordings: Mapping[str, Rule]) -> float | None:
    for tree in below(each.side, recordings):
        for call in calls(tree, "histogram_quantile"):
            found = number(bare(call.args[0]))
            if found is not None and 0.5 <= found < 1 and each.sign.startswith(">"):
                return found
    return None


def _only_up(each: Comparison, recordings: Mapping[str, Rule]) -> bool:
    return {selector.name for selector in leaves(each.side, recordings)} == {"up"}


def _percentage(node: Any) -> bool:
    """Whether something is multiplied by 100 at the end: its author means per cent, whatever it is."""
    node = bare(node)
    factors = (number(node.lhs), number(node.rhs)) if isinstance(node, promql_parser.BinaryExpr) and str(node.op) == "*" else ()
    return 100.0 in factors


def spoken(span: float) -> str:
    """Return a duration in its largest sensible unit."""
    for size, name in ((DAY, "d"), (3600, "h"), (60, "m")):
        if span >= 2 * size or span == size:
            return f"{span / size:.3g}{name}"
    return f"{span:g}s"
