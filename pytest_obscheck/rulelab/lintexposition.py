"""A check against what is really exposed: series, labels and buckets that a rule asks for and that nothing has.

``unknown-series``. What is exposed is known whole from a Prometheus, and for one target from its ``/metrics`` page or a
saved copy of it. A page knows nothing of other targets, nor of labels that the scrape adds: rules about metrics that are
nothing like those of the page are left alone, and a label is only reported where it is not one that scrapes usually add.
Values of labels are judged for ``le`` and ``quantile`` alone, whose values are fixed by the instrumentation. False alarms:
series that only exist after their first event.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from pytest_obscheck.errors import ConfigError, Problem, did_you_mean
from pytest_obscheck.journal import Journal, parse
from pytest_obscheck.rulelab.lintrules import Finding, Rule, RuleSet, meant
from pytest_obscheck.rulelab.linttrees import Matcher, Selector, selectors

SECONDS = 10.0
_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?\s+\S+")
_PAIR = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ADDED = frozenset(
    {"job", "instance", "cluster", "namespace", "pod", "container", "service", "team", "env", "environment", "region"}
)
_MADE = frozenset({"up", "ALERTS", "ALERTS_FOR_STATE", "scrape_duration_seconds", "scrape_samples_scraped"})


@dataclass(frozen=True)
class Exposition:
    """Metric → label → its values. ``whole``: there is nothing else, and all labels are there."""

    metrics: Mapping[str, Mapping[str, frozenset[str]]]
    whole: bool


def known(source: str) -> Exposition | Journal:
    """Return what is exposed at an URL (a Prometheus, or a ``/metrics`` page) or in a file (a page, or a journal)."""
    if re.match(r"https?://", source):
        return _asked(source)
    try:
        text = Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(source, f"cannot be read ({error})")]) from None
    if text.startswith("{"):
        try:
            return parse(text)
        except ValueError as error:
            raise ConfigError([Problem(source, str(error))]) from None
    return page(text, source)


def page(text: str, source: str) -> Exposition:
    """Return what an exposition in Prometheus's text format holds; ``ConfigError`` where it holds no sample."""
    rows = [found for line in text.splitlines() if not line.startswith("#") and (found := _LINE.match(line))]
    if not rows:
        raise ConfigError([Problem(source, "there is no sample", "give a Prometheus, a /metrics page, or a run's journal")])
    return Exposition(_gathered((row[1], dict(_PAIR.findall(row[2] or ""))) for row in rows), whole=False)


def _gathered(series: Iterable[tuple[str, Mapping[str, str]]]) -> dict[str, dict[str, frozenset[str]]]:
    found: dict[str, dict[str, set[str]]] = {}
    for name, labels in series:
        known_labels = found.setdefault(name, {})
        for label, value in labels.items():
            known_labels.setdefault(label, set()).add(value)
    return {name: {label: frozenset(values) for label, values in labels.items()} for name, labels in found.items()}


def _asked(url: str) -> Exposition:
    try:
        with httpx.Client(timeout=SECONDS, trust_env=False) as client:
            answer = client.get(f"{url.rstrip('/')}/api/v1/series", params={"match[]": '{__name__=~".+"}'})
            if answer.status_code == 200 and (rows := _rows(answer)) is not None:
                return Exposition(_gathered((row.get("__name__", ""), _unnamed(row)) for row in rows), whole=True)
            answer = client.get(url)
            answer.raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ConfigError([Problem(url, f"cannot be read ({error or type(error).__name__})")]) from None
    return page(answer.text, url)


def _rows(answer: httpx.Response) -> list[dict[str, str]] | None:
    try:
        rows = answer.json()["data"]
    except (ValueError, LookupError, TypeError):
        return None
    return rows if isinstance(rows, list) else None


def _unnamed(row: Mapping[str, str]) -> dict[str, str]:
    return {label: value for label, value in row.items() if label != "__name__"}


def check(rules: RuleSet, against: Exposition | Journal) -> Iterator[Finding]:
    """Yield what the rules ask for and is not exposed, or was not in a saved run."""
    if isinstance(against, Journal):
        yield from _seen(rules, against)
        return
    recorded = set(rules.recordings())
    for rule in rules.rules:
        if "absent" not in rule.expr:
            said = [_lacking(selector, against) for selector in selectors(rule.tree) if selector.name not in recorded | _MADE]
            for what, right in dict.fromkeys(each for each in said if each):
                yield rule.finding("unknown-series", "expr", what, right)


def _lacking(selector: Selector, against: Exposition) -> tuple[str, str] | None:
    if selector.name not in against.metrics:
        near = meant(selector.name, against.metrics if against.whole else _alike(selector.name, against.metrics))
        return (f"no series is called {selector.name!r}", near) if against.whole or near else None
    labels = against.metrics[selector.name]
    return next(
        (said for matcher in selector.matchers if (said := _unmatched(selector.name, matcher, labels, against.whole))), None
    )


def _alike(name: str, known_names: Iterable[str]) -> list[str]:
    """Return names of the same family that are so near that they must be meant: a page knows nothing of other targets."""
    family = name.partition("_")[0]
    return [each for each in difflib.get_close_matches(name, known_names, cutoff=0.85) if each.partition("_")[0] == family]


def _unmatched(name: str, matcher: Matcher, labels: Mapping[str, frozenset[str]], whole: bool) -> tuple[str, str] | None:
    if matcher.sign.startswith("!") or matcher.matches(""):
        return None
    if matcher.label not in labels:
        if not whole and matcher.label in _ADDED:
            return None
        return f"no series of {name} has a label {matcher.label!r}", did_you_mean(matcher.label, labels)
    if matcher.label in ("le", "quantile") and not any(matcher.matches(value) for value in labels[matcher.label]):
        return f"no series of {name} has {matcher}", _nearest(matcher.value, labels[matcher.label])
    return None


def _nearest(value: str, values: Iterable[str]) -> str:
    equal = next((each for each in values if _number(each) == _number(value)), "")
    return f"it is written {equal!r}" if equal else did_you_mean(value, values)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _seen(rules: RuleSet, journal: Journal) -> Iterator[Finding]:
    """Yield what a run found missing: its looks at what keeps alerts from firing, and its autopsies of quiet ones."""
    by_name: dict[str, Rule] = {rule.name: rule for rule in rules.rules if rule.kind == "alert"}
    missing: dict[str, Any] = {}
    for event in journal.of("look", key="unfireable")[-1:]:
        missing |= (event.data.get("data") or {}).get("missing") or {}
    for event in journal.of("autopsy"):
        name = str(event.data.get("key", "")).removeprefix("behind ").partition("{")[0]
        words = "; ".join((event.data.get("data") or {}).get("missing") or ())
        if words:
            missing.setdefault(name, words)
    for name in sorted(missing.keys() & by_name.keys()):
        yield by_name[name].finding("unknown-series", "expr", re.sub(r" \([^()]*:\d+\)$", "", str(missing[name])))
