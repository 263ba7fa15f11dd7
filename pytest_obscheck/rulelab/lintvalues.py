"""Checks that look at values: what an expression yields when its inputs vary, as the real engine computes it.

``never-varies``: a quotient (or another sum of series) that has one and the same value in six random worlds, series coming and
going among them, whatever its inputs do; or a quantile that has no value in any. Each side of an arithmetic operator must rest
on series. It cannot be wrong about what is random in all inputs; false alarms come from expressions that mean to be constant
(``a * 0 + 5``), and from functions that level what goes in (``clamp``), which are left out.

``free-as-used``: the value that an annotation prints grows with a metric of what is free, and the nearest word to it says used
(or the other way round). False alarms: a sentence that has both words, where the nearer one belongs to something else.

``availability-from-up``: a rule speaks of availability, uptime or an SLA and computes a fraction of ``up``, which stays at its
best in an outage in which every request fails and every scrape succeeds. A false alarm is a thing that serves only Prometheus.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import promql_parser

from pytest_obscheck.rulelab.lintengine import Question, flat
from pytest_obscheck.rulelab.lintrules import Finding, Rule, RuleSet
from pytest_obscheck.rulelab.linttrees import ARITHMETIC, bare, below, calls, compared, leaves, selectors, walk
from pytest_obscheck.rulelab.lintworlds import world

ENOUGH = 4
"""How many values must be there before a constant is one."""
_LEVELLING = (
    "clamp",
    "clamp_max",
    "clamp_min",
    "sgn",
    "absent",
    "absent_over_time",
    "count_values",
    "group",
    "vector",
    "scalar",
)
FREE = re.compile(r"free|avail(able)?|remain(s|ing)?|left|idle", re.IGNORECASE)
USED = re.compile(r"used|usage|in use|full|utili[sz]ation|consumed|occupied|busy", re.IGNORECASE)
_IN_NAMES = {FREE: re.compile(r"(^|_)(free|avail|available|remaining)(_|$)|Mem(Free|Available)", re.IGNORECASE)}
_PROMISES = re.compile(r"availab|uptime|\b(sla|slo)\b|SLA|SLO", re.IGNORECASE)
_VALUE = re.compile(r"\{\{[^}]*\$value[^}]*\}\}|\{\{\s*\.Value[^}]*\}\}")

Answers = Mapping[str, list[list[float]]]


@dataclass(frozen=True)
class Doubt:
    """What the engine is asked about a rule, and what its answer would mean."""

    rule: Rule
    questions: tuple[Question, ...]
    check: str
    field: str = "expr"
    node: Any = None
    words: tuple[str, str] = ("", "")

    def finding(self, answers: Answers) -> Finding | None:
        """Return the finding that the answers amount to, or nothing."""
        got = [answers[question.key] for question in self.questions]
        if self.check == "free-as-used":
            return _against_words(self, *got)
        if self.check == "availability-from-up":
            return _deaf(self, flat(got[0]))
        return _still(self, flat(got[0]))


def doubts(rules: RuleSet) -> Iterator[Doubt]:
    """Yield everything that the engine is to be asked about the rules."""
    recordings = rules.recordings()
    for number, rule in enumerate(rules.rules):
        yield from _of_levels(rule, recordings, f"{number}")
        yield from _of_words(rule, recordings, f"{number}w")
        yield from _of_outage(rule, recordings, f"{number}o")


def _question(key: str, node: Any, recordings: Mapping[str, Rule], expr: str = "", **how: Any) -> Question | None:
    made = world(node, recordings, seed=7, **how)
    if made is None or not made.series:
        return None
    # Those that others need come first, as Prometheus evaluates the rules of a group.
    named = [found.name for tree in below(node, recordings) for found in selectors(tree) if found.name in recordings]
    ordered = list(dict.fromkeys(reversed(named)))
    behind = tuple((name, recordings[name].expr) for name in ordered)
    return Question(key, expr or node.prettify(), made.series, made.step, made.at, behind)


def _of_levels(rule: Rule, recordings: Mapping[str, Rule], key: str) -> Iterator[Doubt]:
    for number, node in enumerate(_telling(rule.tree, recordings)):
        question = _question(f"{key}.{number}", node, recordings)
        if question is not None:
            yield Doubt(rule, (question,), "never-varies", node=node)


def _telling(tree: Any, recordings: Mapping[str, Rule]) -> Iterator[Any]:
    """Yield the nodes below one whose value should follow its inputs: arithmetic on two series, and quantiles."""
    for node in walk(tree):
        if isinstance(node, promql_parser.BinaryExpr) and str(node.op) in ARITHMETIC:
            sides = (node.lhs, node.rhs)
            if all(leaves(side, recordings) and not _levelled(side) for side in sides):
                yield node
        elif isinstance(node, promql_parser.Call) and node.func.name == "histogram_quantile" and _classic(node, recordings):
            yield node


def _classic(node: Any, recordings: Mapping[str, Rule]) -> bool:
    """Whether a quantile is taken of classic buckets: native histograms have none of these series."""
    found = leaves(node, recordings)
    return bool(found) and all(selector.name.endswith("_bucket") for selector in found)


def _levelled(node: Any) -> bool:
    if calls(node, *_LEVELLING):
        return True
    found = [each for each in walk(node) if isinstance(each, promql_parser.BinaryExpr)]
    return any(str(each.op) in ("==", "!=") or (each.modifier and each.modifier.return_bool) for each in found)


def _still(doubt: Doubt, values: list[float]) -> Finding | None:
    text, quantile = " ".join(doubt.node.prettify().split()), isinstance(bare(doubt.node), promql_parser.Call)
    real = [value for value in values if not math.isnan(value)]
    if quantile and not real:
        return doubt.rule.finding(
            "never-varies", doubt.field, f"{text!r} never has a value, whatever is measured", _of_quantile(doubt)
        )
    if len(real) < ENOUGH or max(real) - min(real) > 1e-9 * max(1.0, abs(max(real))):
        return None
    what = f"{text!r} is always {real[0]:g}, whatever is measured"
    return doubt.rule.finding("never-varies", doubt.field, what, _of_quotient(doubt.node))


def _of_quotient(node: Any) -> str:
    if isinstance(node, promql_parser.BinaryExpr) and not any(
        isinstance(each, promql_parser.AggregateExpr) for each in walk(node)
    ):
        return f"both sides keep all their labels, so each series meets itself; aggregate both: sum(…) {node.op} sum(…)"
    if isinstance(node, promql_parser.BinaryExpr):
        return "both sides are grouped so finely that each group meets itself"
    return ""


def _of_quantile(doubt: Doubt) -> str:
    filtered = [
        str(each)
        for found in selectors(doubt.node)
        for each in found.matchers
        if each.label == "le" and each.sign in ("=", "=~")
    ]
    if filtered:
        share = "for the share of observations within it divide the bucket's rate by that of _count"
        return f"{filtered[0]} leaves no other bucket to interpolate between; {share}"
    return "keep the label le in what it is taken of"


def _of_words(rule: Rule, recordings: Mapping[str, Rule], key: str) -> Iterator[Doubt]:
    side = compared(rule.tree)
    found = _behind(side, recordings)
    metric = next((name for name in found if _IN_NAMES[FREE].search(name)), "")
    if not metric or rule.kind == "record":
        return
    for field, text in rule.annotations.items():
        word = _nearest(text)
        if word:
            low = _question(f"{key}.{field}.low", side, recordings, f"sum({side.prettify()})", steady=True)
            high = _question(f"{key}.{field}.high", side, recordings, f"sum({side.prettify()})", steady=True, scaled=metric)
            if low and high:
                yield Doubt(rule, (low, high), "free-as-used", field, side, (metric, word))


def _behind(node: Any, recordings: Mapping[str, Rule]) -> list[str]:
    return [selector.name for selector in leaves(node, recordings)]


def _nearest(text: str) -> str:
    """Return the word for free or used that stands nearest to where a text prints the value, in the same sentence."""
    for value in _VALUE.finditer(text):
        sentence = _sentence(text, value.start(), value.end())
        words = [
            (min(abs(found.start() - value.end()), abs(value.start() - found.end())), found[0])
            for found in _said(sentence, text)
        ]
        if words:
            return min(words)[1]
    return ""


def _said(span: tuple[int, int], text: str) -> Iterator[re.Match[str]]:
    blank = re.sub(r"\{\{.*?\}\}", lambda found: " " * len(found[0]), text, flags=re.DOTALL)
    for pattern in (FREE, USED):
        yield from (
            found
            for found in re.finditer(rf"\b({pattern.pattern})\b", blank, re.IGNORECASE)
            if span[0] <= found.start() < span[1]
        )


def _sentence(text: str, start: int, end: int) -> tuple[int, int]:
    ends = [found.end() for found in re.finditer(r"[.;!?]\s|\n|\\n", text)]
    return max((each for each in ends if each <= start), default=0), min(
        (each for each in ends if each >= end), default=len(text)
    )


def _against_words(doubt: Doubt, low: Iterable[list[float]], high: Iterable[list[float]]) -> Finding | None:
    signs = {math.copysign(1, b[0] - a[0]) for a, b in zip(low, high, strict=True) if a and b and a[0] != b[0]}
    if len(signs) != 1:
        return None
    metric, word = doubt.words
    grows = signs == {1.0}
    if grows is bool(FREE.fullmatch(word)):
        return None
    meant = ("what is free", "print 1 - it") if grows else ("what is used", "print 1 - it")
    what = f"{doubt.field} says {word!r} of a value that {'grows' if grows else 'shrinks'} with {metric}: it prints {meant[0]}"
    return doubt.rule.finding(doubt.check, doubt.field, what, f"{meant[1]}, or say {'free' if grows else 'used'}")


def _of_outage(rule: Rule, recordings: Mapping[str, Rule], key: str) -> Iterator[Doubt]:
    found = leaves(rule.tree, recordings)
    if {selector.name for selector in found} != {"up"} or not _PROMISES.search(rule.words()):
        return
    if any(_is_fraction(tree) for tree in below(rule.tree, recordings)):
        side = compared(rule.tree)
        asked = _question(key, side, recordings)
        if asked:
            length = asked.at[-1] // asked.step
            series = dict.fromkeys(asked.series, f"1+0x{length}")
            series |= {'http_requests_total{status="500"}': f"0+100x{length}"}
            yield Doubt(rule, (replace(asked, series=series),), "availability-from-up", node=side)


def _is_fraction(tree: Any) -> bool:
    """Whether a tree averages, over time or over instances."""
    operators = {str(getattr(node, "op", "")) for node in walk(tree)}
    return bool(calls(tree, "avg_over_time") or operators & {"avg", "/"})


def _deaf(doubt: Doubt, values: list[float]) -> Finding | None:
    if not values or {round(value, 9) for value in values} - {1.0, 100.0}:
        return None
    text = " ".join(doubt.node.prettify().split())
    what = f"it speaks of availability, and {text!r} stays {values[0]:g} while every request fails"
    return doubt.rule.finding(
        doubt.check, doubt.field, what, "up says that scrapes succeed: divide the rate of good requests by that of all"
    )
