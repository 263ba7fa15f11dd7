"""What a claim rests on: the rule groups that evaluate for it, and the targets whose samples they read.

What the monitoring missed elsewhere cannot bear on it. Everything is read from the journal; where that does not tell, any group
and any target may matter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_obscheck.abilities import AboutAlert, AboutSeries, CountsSamples
from pytest_obscheck.journal import Journal, alert_exprs
from pytest_obscheck.matching import label_matches
from pytest_obscheck.protocols import Expectation
from pytest_obscheck.speed.origins import selects
from pytest_obscheck.speed.trees import Kind, Tree, constant, parsed

SOURCES = "sources"
"""The key of the look at who brings which metric."""

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Rule:
    """One rule as who evaluates it tells it: its name, its expression, and its group (``file;name``)."""

    name: str
    expr: str
    group: str
    interval: float = 0.0


@dataclass(frozen=True)
class Grounds:
    """What a claim rests on. ``selectors``: what is read of targets, ``None`` where it may be anything.

    ``mine``: the rules that are evaluated for it, and ``known``: all that there are. ``targets``: the labels of every target.
    ``brought``: the instances of the series of each metric that was there. ``counts``: whether the claim reckons with missing
    samples itself.
    """

    selectors: Sequence[Tree] | None = None
    mine: Sequence[Rule] = ()
    known: Sequence[Rule] = ()
    targets: Sequence[Labels] = ()
    brought: Mapping[str, Collection[str]] = field(default_factory=dict)
    counts: bool = False

    @property
    def nothing(self) -> bool:
        """Whether the claim rests on no series at all."""
        return self.selectors is not None and not self.selectors and not self.mine

    def evaluated(self, told: str) -> bool:
        """Whether a missed evaluation bears on the claim; ``told`` names the group, which may be one that nobody knows."""
        named = next((rule.group for rule in self.known if f'"{rule.group}"' in told), None)
        if self.selectors is None or named is None:
            return not self.nothing
        return any(rule.group == named for rule in self.mine)

    def scraped(self, instance: str) -> bool:
        """Whether a lost scrape of an instance bears on the claim: it may have brought something that the claim reads."""
        return self.selectors is None or any(self._reads(each, instance) for each in self.selectors)

    def calm(self) -> Grounds:
        """Return what could have hidden that an alert fires: a lost scrape can only make one fire that watches for them."""
        return replace(self, selectors=()) if self.mine and all(_watches_scrapes(rule.expr) for rule in self.mine) else self

    def evaluates(self) -> float:
        """Return the longest wall seconds between two evaluations of one of its rules."""
        return max((rule.interval for rule in self.mine), default=0.0)

    def _reads(self, selector: Tree, instance: str) -> bool:
        if of_scrapes(selector.name):
            mine = [labels for labels in self.targets if labels.get("instance") == instance]
            return not mine or any(selects(selector.matchers, labels) for labels in mine)
        return not self.counts and self._from(selector.name, instance)

    def _from(self, metric: str, instance: str) -> bool:
        """Whether samples of a metric may come from an instance; of one that nobody brought, the first may come from any.

        A series whose instance is no target's comes from who speaks for others: then that label tells nothing.
        """
        found, targets = self.brought.get(metric, ()), {labels.get("instance") for labels in self.targets}
        return not found or instance in found or not targets.issuperset(found)


ANYTHING = Grounds()
"""What a claim rests on that does not say."""


def of_scrapes(metric: str) -> bool:
    """Whether Prometheus itself writes a metric of each scrape, lost or not, under the labels of the target."""
    return metric == "up" or metric.startswith("scrape_")


def _watches_scrapes(expr: str) -> bool:
    """Whether an expression is ``up == 0``: a scrape that is lost makes it true, whatever it was, for as long as it is lost."""
    tree = parsed(expr)
    down = tree.kind is Kind.BINARY and tree.name == "==" and constant(tree.inside[1]) == 0
    return down and tree.inside[0].kind is Kind.SELECTOR and tree.inside[0].name == "up"


def grounds(expectation: Expectation, journal: Journal) -> Grounds:
    """Return what a claim with that expectation rests on; anything, where it does not say or cannot be read."""
    plan, event, targets = (journal.last(kind) for kind in ("plan", "rules", "targets"))
    if plan is None or not isinstance(expectation, AboutSeries):
        return ANYTHING
    exprs = alert_exprs(journal)
    read, about = expectation.exprs(exprs), _about(expectation, exprs)
    if not read and not about:
        return Grounds(selectors=())
    if event is None or targets is None:
        return ANYTHING
    known = [rule for group in event.data["groups"] for rule in _rules(group)]
    mine = [rule for rule in known if rule.name in about]
    try:
        selectors, behind = _read([*read, *(rule.expr for rule in mine)], known)
    except ValueError:
        return ANYTHING
    return Grounds(
        selectors,
        (*mine, *behind),
        known,
        [target["labels"] for target in targets.data["targets"]],
        _brought(journal),
        isinstance(expectation, CountsSamples) and expectation.counts_samples(),
    )


def read_of(expectation: Expectation, journal: Journal) -> set[str]:
    """Return the metrics of targets that a claim with that expectation reads; none where it may read anything."""
    return {selector.name for selector in grounds(expectation, journal).selectors or () if not of_scrapes(selector.name)}


def _rules(group: Mapping[str, Any]) -> Sequence[Rule]:
    name, interval = f"{group.get('file', '')};{group['name']}", float(group.get("interval") or 0.0)
    return [Rule(rule["name"], rule.get("query", ""), name, interval) for rule in group["rules"]]


def _about(expectation: Expectation, known: Iterable[str]) -> Collection[str]:
    """Return the alerts that an expectation is about."""
    if not isinstance(expectation, AboutAlert):
        return ()
    wanted = expectation.alertname()
    return [name for name in known if not wanted or label_matches(name, wanted)]


def _read(exprs: Iterable[str], known: Sequence[Rule]) -> tuple[Sequence[Tree], Sequence[Rule]]:
    """Return what expressions read of targets, through recording rules at any depth, and these.

    ``ValueError`` where one is not PromQL, or may read anything.
    """
    todo, done = list(exprs), set[str]()
    found, behind = list[Tree](), list[Rule]()
    while todo:
        expr = todo.pop()
        for selector in _selectors(expr) if expr not in done else ():
            rules = [rule for rule in known if rule.name == selector.name]
            todo += [rule.expr for rule in rules]
            behind += rules
            found += [] if rules else [selector]
        done.add(expr)
    return found, behind


def _selectors(expr: str) -> Sequence[Tree]:
    found = [node for node in parsed(expr).walk() if node.kind is Kind.SELECTOR]
    anything = next((node for node in found if not node.name or node.name.startswith("ALERTS")), None)
    if anything is not None:
        raise ValueError(f"{anything.name or 'a selector without a name'} may be of any rule or target")
    return found


def _brought(journal: Journal) -> Mapping[str, Collection[str]]:
    event = journal.last("autopsy", key=SOURCES)
    found: Mapping[str, Collection[str]] = event.data.get("data", {}) if event else {}
    return found
