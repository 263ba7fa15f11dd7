"""Checks that compare what a rule says with what it computes.

``unit-in-words``: an annotation prints the value in a unit that it does not have: requests a second as a percentage, seconds as
a percentage, a ratio as seconds; or it calls events per second a ratio, or their threshold a percentage (``0.1`` → "10%").
The units come from names and functions (`lintunits`); where they do not tell, nothing is said. False alarms: metrics named
against the conventions (``load_ratio`` that is a percentage).

``average-for-percentile``: a rule speaks of a percentile (p95, 99th) and computes from sums and counts, or averages
durations: no distribution is left in them. A false alarm is a sentence that mentions a percentile which another rule watches.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pytest_obscheck.rulelab.lintrules import Finding, Rule, RuleSet
from pytest_obscheck.rulelab.linttrees import below, calls, compared, comparisons, leaves, selectors, walk
from pytest_obscheck.rulelab.lintunits import Unit, unit

_VALUE = re.compile(r"\{\{([^}]*(?:\$value|\.Value)[^}]*)\}\}([^{]{0,24})")
_AFTER = (
    (r"\s?(%|per ?cent\b)", "percent"),
    (r"\s?(s|sec|secs|seconds)\b(?!/)", "seconds"),
    (r"\s?([a-z]+ ?(/s|/sec)|[a-z]+ (per|a) second)\b", "per second"),
)
_RIGHT = {
    "count per second": "divide it by the rate of all of them for a share, or say per second",
    "seconds": "print it with humanizeDuration",
    "bytes": "print it with humanize1024",
    "count": "print it as a number",
}
_SHARE = re.compile(r"\b(ratio|percentage|proportion|fraction)\b", re.IGNORECASE)
_TIMES = re.compile(r"duration|latency|response_time", re.IGNORECASE)
_PERCENTILE = re.compile(r"\bp(?:50|75|9\d|99\d)\b|\b\d\d(?:\.\d+)?th\b|percentile|quantile", re.IGNORECASE)


def check(rules: RuleSet) -> Iterator[Finding]:
    """Yield what the rules say of their values and is not so."""
    recordings = rules.recordings()
    for rule in rules.rules:
        yield from _units(rule, recordings)
        yield from _averages(rule, recordings)


def _units(rule: Rule, recordings: Mapping[str, Rule]) -> Iterator[Finding]:
    has = unit(compared(rule.tree), recordings)
    if has.kind == "ratio" and has.scale == 1 and any(abs(each.bound) > 1 for each in comparisons(rule.tree)):
        return  # What may be above 1 is no share, whatever it is called.
    if rule.kind == "record":
        if re.search(r"(^|[:_])ratio", rule.name) and has.kind.endswith("per second"):
            yield rule.finding("unit-in-words", "record", f"it is called a ratio and is {has}", _RIGHT["count per second"])
        return
    for field, text in rule.annotations.items():
        wrong = next((words for words in _printed(text, has)), "") or _called(rule, text, has)
        if wrong:
            yield rule.finding(
                "unit-in-words", field, f"{field} {wrong}; the value is {has}", _RIGHT.get(has.kind, _percent(has))
            )


def _percent(has: Unit) -> str:
    return "it is a percentage already" if has.scale == 100 else "print it with humanizePercentage"


def _printed(text: str, has: Unit) -> Iterator[str]:
    """Yield in which wrong units a text prints the value."""
    for found in _VALUE.finditer(text):
        shown = _shown(found[1], found[2])
        if shown and has.kind not in ("", "number") and not _fits(shown, has, found[1]):
            yield f"prints {_quoted(found)!r}, {_NOUNS[shown]}"


_NOUNS = {
    "share": "a ratio as a percentage",
    "percent": "a percentage",
    "duration": "a duration",
    "seconds": "seconds",
    "per second": "a rate",
}
_KINDS = {
    "duration": ("seconds",),
    "seconds": ("seconds", "timestamp"),
    "per second": ("count per second", "bytes per second", "count"),
}


def _quoted(found: re.Match[str]) -> str:
    after = next((unit[0] for pattern, _ in _AFTER if (unit := re.match(pattern, found[2], re.IGNORECASE))), "")
    return f"{{{{{found[1]}}}}}{after}"


def _shown(inside: str, after: str) -> str:
    if "humanizePercentage" in inside:
        return "share"
    if "humanizeDuration" in inside:
        return "duration"
    if "printf" in inside and "%%" in inside:
        return "percent"
    return next((kind for pattern, kind in _AFTER if re.match(pattern, after, re.IGNORECASE)), "")


def _fits(shown: str, has: Unit, inside: str) -> bool:
    if shown == "share":
        return has.kind == "ratio" and has.scale == 1
    if shown == "percent":
        reckons = re.search(r"\bmul\b|\*|humanize", inside) is not None
        return has.kind == "ratio" and (has.scale == 100 or reckons)
    return has.kind in _KINDS[shown] and (has.scale == 1 or shown == "per second")


def _called(rule: Rule, text: str, has: Unit) -> str:
    """Return how a text calls a threshold of events per second a percentage; ``""`` where it does not."""
    if has.kind != "count per second":
        return ""
    figures = {f"{each.bound * 100:g}" for each in comparisons(rule.tree)} | {
        f"{each.bound:g}" for each in comparisons(rule.tree)
    }
    said = next((found for found in re.finditer(r"([0-9.]+) ?(?:%|percent)", text) if found[1] in figures), None)
    if said:
        return f"calls the threshold {said[0]!r}"
    word = _SHARE.search(text) if _VALUE.search(text) else None
    return f"speaks of a {word[0]!r}" if word else ""


def _averages(rule: Rule, recordings: Mapping[str, Rule]) -> Iterator[Finding]:
    said = _PERCENTILE.search(rule.words())
    found = leaves(rule.tree, recordings)
    if not said or not found or any(_keeps(selector.name) for selector in found):
        return
    trees = list(below(rule.tree, recordings))
    if any(calls(tree, "histogram_quantile", "quantile_over_time") or _quantiles(tree) for tree in trees):
        return
    names = [selector.name for selector in found]
    if _mean(names) or (any(_averaged(tree) for tree in trees) and all(_TIMES.search(name) for name in names)):
        what = f"it speaks of {said[0]!r} and computes an average from {', '.join(names)}"
        yield rule.finding("average-for-percentile", "expr", what, f"take histogram_quantile of {_bucket(names[0])}")


def _mean(names: list[str]) -> bool:
    return all(re.search(r"_(sum|count)$", name) for name in names) and any(name.endswith("_sum") for name in names)


def _averaged(tree: object) -> bool:
    return bool(calls(tree, "avg_over_time")) or any(str(getattr(node, "op", "")) == "avg" for node in walk(tree))


def _bucket(name: str) -> str:
    return re.sub(r"(_sum|_count)?$", "_bucket", name, count=1)


def _keeps(name: str) -> bool:
    return name.endswith("_bucket") or _PERCENTILE.search(name.replace("_", " ")) is not None


def _quantiles(tree: object) -> bool:
    aggregated = any(str(getattr(node, "op", "")) == "quantile" for node in walk(tree))
    return aggregated or any(matcher.label == "quantile" for found in selectors(tree) for matcher in found.matchers)
