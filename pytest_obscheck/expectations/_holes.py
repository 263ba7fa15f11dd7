"""What rules that were not evaluated for a while can hide of an alert: what takes longer cannot come and go meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from pytest_obscheck.expectations._behind import Behind
from pytest_obscheck.expectations._timeline import Labels, moments
from pytest_obscheck.journal import Journal
from pytest_obscheck.matching import words
from pytest_obscheck.protocols import History
from pytest_obscheck.when import Window, seconds

_Pending = tuple[Labels, float]
"""With which labels an alert was pending, and since when."""


def hold_of(journal: Journal, name: str) -> float:
    """Return the story seconds for which an alert is pending before it fires; 0 where that is not known."""
    return _duration(journal, name, "for")


def _duration(journal: Journal, name: str, what: str) -> float:
    plan = journal.last("plan")
    rule = plan.data["alerts"].get(name, {}) if plan else {}
    return seconds(rule.get(what, "0s"))


def outlasted(history: History, name: str, span: Window, until: float) -> float:
    """Return how long a hole in a span must be to hide a firing before ``until``, in story seconds.

    Where the alert was not pending, it must become so and hold within the hole. Where it was, from its first sample to its last
    one, evaluations that are missing before and after these can only lengthen that by the hole, and it fires where that makes
    it as long as the hold. A pending that lasts is one for as long as ``until``.
    """
    hold, wide = hold_of(history.journal, name), _widened(history.journal, name, span)
    seen = [min(each.end, until) - each.start for each in _pending(history, name) if each.start in wide or each.end in wide]
    return max(0.0, hold - max(seen, default=0.0))


def _widened(journal: Journal, name: str, span: Window) -> Window:
    """Return a span with two evaluations on either side.

    Samples around a hole are an interval further apart than it is long, and what an evaluation reads may have been recorded an
    interval before it.
    """
    interval = _duration(journal, name, "interval")
    return Window(span.start - 2 * interval, span.end + 2 * interval)


def would_be_quiet(journal: Journal, behind: Behind, span: Window) -> bool:
    """Whether the rule finds nothing at any instant of a span, evaluated afterwards; not where that cannot be told."""
    event = journal.last("autopsy", key=str(behind))
    found = event.data.get("data", {}).get("held") if event else None
    if found is None or _labelled(journal, behind.name):
        return False
    wide = _widened(journal, behind.name, span)
    return not any(journal.story(at) in wide for at in found)


def _labelled(journal: Journal, name: str) -> bool:
    """Whether recording rules behind an alert may give labels, by which it may match series; written out, they have none."""
    plan, rules = journal.last("plan"), journal.last("rules")
    if plan is None or rules is None:
        return True
    read = set(words(" ".join(plan.data["alerts"][name]["exprs"])))
    every = [rule for group in rules.data["groups"] for rule in group["rules"]]
    return any(rule["name"] in read and rule.get("type") == "recording" and rule.get("labels") for rule in every)


def _pending(history: History, name: str) -> Iterator[Window]:
    """Yield from when to when, in story seconds, the alert was seen to be pending, with each set of labels."""
    ends: dict[_Pending, float] = {}
    for moment in (moment for moment in moments(history, name, {}) if not moment.blind):
        now = [(tuple(sorted(state.labels.items())), state.since) for state in moment.active if state.name == "pending"]
        ends |= {each: moment.at for each, end in ends.items() if end == inf and each not in now}
        ends |= dict.fromkeys(now, inf)
    yield from (Window(history.story(since), history.story(end)) for (_, since), end in ends.items())
