"""What rules that were not evaluated for a while can hide of an alert: what takes longer cannot come and go meanwhile."""

from __future__ import annotations

from itertools import pairwise

from pytest_obscheck.expectations._timeline import moments
from pytest_obscheck.journal import Journal
from pytest_obscheck.protocols import History
from pytest_obscheck.when import Window, seconds


def hold_of(journal: Journal, name: str) -> float:
    """Return the story seconds for which an alert is pending before it fires; 0 where that is not known."""
    plan = journal.last("plan")
    rule = plan.data["alerts"].get(name, {}) if plan else {}
    return seconds(rule.get("for", "0s"))


def outlasted(history: History, name: str, span: Window) -> float:
    """Return how long a hole in a span must be to hide a firing, in story seconds.

    Where the alert was not pending before the hole, it must become so and hold within it. Where it was, and was not after it,
    it may have fired meanwhile however short the hole is.
    """
    known = [moment for moment in moments(history, name, {}) if not moment.blind]
    # Samples around a hole are an interval further apart than it is long: the last one may lie before the span.
    ends = (after for before, after in pairwise(known) if "pending" in before.states() and not after.active)
    if any(history.story(moment.at) in span for moment in ends):
        return 0.0
    return hold_of(history.journal, name)
