"""Give samples timestamps of another time, as an exporter with a wrong clock or a late queue does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.faults import _scrape, _toxic
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack
from pytest_obscheck.when import Duration, seconds


@dataclass(frozen=True)
class Skew:
    """Shift the timestamps of scraped samples, by writing explicit ones into the scrape in the harness's forward proxy.

    ``target`` is a production ``host:port``, ``by`` how far its samples lie in the past (``-5m``) or ahead (``30s``), of wall
    time; ``series`` a PromQL instant selector (all of the target, unless given). Prometheus drops samples that are older than
    those it has of the same series, or more than ten minutes ahead; where its configuration says ``honor_timestamps: false``
    nothing happens. ``patience`` is how long to wait for a scrape that passes: longer than the scrape interval.
    """

    target: str
    by: str
    series: str = ""
    patience: Duration = "2s"

    def __post_init__(self) -> None:
        """Refuse what is no shift."""
        if not _shift(self.by):
            raise ValueError(f"by: {self.by!r} is no shift; write it like '-5m' for the past, '30s' for what is to come")
        _toxic.span("patience", self.patience, least=0.001)

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why there are no such samples to shift."""
        yield from _scrape.problems(plan, self.target)
        wrong = plan.parse(self.series) if self.series else ""
        if wrong:
            yield f"series {self.series!r} is not PromQL: {wrong}"

    def alters(self) -> tuple[str, ...]:
        """Return the name of the metric whose samples it alters; nothing where it alters every one."""
        found = re.match(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)", self.series)
        return (found[1],) if found else ()

    def inject(self, stack: Stack) -> None:
        """Begin to shift."""
        rule: dict[str, Any] = {"action": "skew", "target": self.target, "value": _shift(self.by) / stack.plan.pace.by}
        _scrape.begin(self, stack, {**rule, "series": self.series} if self.series else rule)

    def confirm(self, stack: Stack) -> Effect:
        """Wait for a scrape whose samples were shifted; says at once when nothing is being shifted."""
        did = _scrape.met(self, stack, seconds(self.patience), "samples")
        if did is None:
            return Effect(False, "timestamps as they are")
        if did.get("samples", 0) > 0:
            return Effect(True, f"{did['samples']} samples shifted")
        return _scrape.untouched(did, self.series, self.patience)

    def heal(self, stack: Stack) -> None:
        """Let timestamps be."""
        _scrape.end(self, stack)

    def __str__(self) -> str:
        """Return it in words."""
        way = "back" if self.by.startswith("-") else "ahead"
        return f"samples of {self.series or self.target} are dated {self.by.removeprefix('-')} {way}"


def _shift(text: str) -> float:
    """Return a signed duration in seconds; 0 for what is none."""
    sign = -1 if text.startswith("-") else 1
    try:
        return sign * seconds(text.removeprefix("-"))
    except ValueError:
        return 0.0
