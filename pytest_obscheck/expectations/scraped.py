"""A target is scraped, or is down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.expectations._samples import Samples, changes
from pytest_obscheck.matching import braces
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Look
from pytest_obscheck.when import Sight, Window


@dataclass(frozen=True)
class Scraped:
    """A target's scrapes succeed (``up: true``) or fail (``up: false``). ``target`` is its ``instance`` label, or its job."""

    target: str
    up: bool = True

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield that no scrape configuration has this target; jobs, and what relabelling makes, are not known yet."""
        if ":" in self.target and plan.facts.scraped and self.target not in plan.facts.scraped:
            yield f"no scrape configuration has a target {self.target!r}; {did_you_mean(self.target, plan.facts.scraped)}"

    def exprs(self, alerts: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Return the series that it rests on."""
        return ("up",)

    def history(self, alerts: Mapping[str, Sequence[str]]) -> float:
        """Return that it looks back on nothing."""
        return 0.0

    def evidence(self) -> Look:
        """Return the look at ``up``."""
        return Samples("up", "up")

    def holds(self, history: History) -> Sequence[Sight]:
        """Return a sight for every scrape, and one for the end of every look. Of several instances every one must be so."""
        sights = [Sight(history.story(e.wall), None, e.data["error"]) for e in history.looks if "error" in e.data]
        values: dict[str, float] = {}
        found = sorted(changes(history, self._instance), key=lambda change: change[0])
        for at, group in groupby(found, key=lambda change: change[0]):
            known = {**values, **{instance: value for _, instance, value in group if instance is not None}}
            values = {instance: value for instance, value in known.items() if value is not None}
            sights.append(self._sight(history, history.story(at), values))
        return sorted(sights, key=lambda sight: sight.at)

    def _instance(self, labels: Mapping[str, str]) -> str | None:
        return f"{labels.get('job', '')}/{labels.get('instance', '')}" if self._mine(labels) else None

    def _mine(self, labels: Mapping[str, str]) -> bool:
        return self.target in (labels.get("instance"), labels.get("job"))

    def _sight(self, history: History, at: float, values: Mapping[str, float]) -> Sight:
        if not values:
            # What is not a target at all is not scraped; but it is not known to be down, either.
            return Sight(at, False if self.up else None, "it has no `up` series")
        each = [(value == 1) == self.up for value in values.values()]
        down = sorted(instance for instance, value in values.items() if value != 1)
        which = f"{', '.join(down)} " if len(values) > 1 and down else ""
        return Sight(at, all(each), f"{which}{'down' if down else 'up'} at {history.spoken(at)}", partly=any(each))

    def tell(self, history: History, window: Window) -> str:
        """Return what Prometheus said of the target last."""
        event = history.journal.last("targets")
        found = [t for t in event.data["targets"] if self._mine(t["labels"])] if event else []
        if not found:
            return ""
        said = found[0].get("lastError") or "no error"
        return f"Prometheus says of {braces(dict(found[0]['labels']))}: {said}" if self.up else ""

    def __str__(self) -> str:
        """Return the expectation in words."""
        return f"target {self.target} is {'up' if self.up else 'down'}"
