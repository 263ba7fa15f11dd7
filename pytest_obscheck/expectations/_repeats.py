"""Whether a message that says what was said before is a repeat, or a page that arrives twice.

Alertmanager tells a group again, in the same words, after its ``repeat_interval`` and never sooner, and once for each
integration of a receiver. What comes beyond that was sent by another Alertmanager, which does not gossip with the first, or by
one that forgot what it had sent: whoever is on call is told twice, unless the service merges it with what it has of that group.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.journal import Journal
from pytest_obscheck.when import seconds, spoken

NEARLY = 0.9
"""The share of ``repeat_interval`` after which the same is a repeat: intervals are sped up to whole milliseconds."""


@dataclass(frozen=True)
class Told:
    """What a group was told last. ``since``: the Unix second at which it was told so first, or again after its interval.

    ``copies``: how often it was told so since then. ``new``: whether the last time is a page of its own; ``again``: why it is,
    though it says what was said before.
    """

    message: Mapping[str, Any]
    since: float
    copies: int = 1
    new: bool = True
    again: str = ""


@dataclass(frozen=True)
class Repeats:
    """Tells repeats from second pages by what the plan of a journal says of receivers."""

    journal: Journal

    def told(self, before: Told | None, message: Mapping[str, Any]) -> Told:
        """Return what a group has been told with a message, after what it was told before."""
        if before is None or content(before.message) != content(message):
            return Told(message, message["wall"])
        receivers = message["receiver"].split(" or ")
        interval = min(self._intervals(receivers), default=0.0)
        gap = (message["wall"] - before.since) * self.journal.speed
        if gap >= interval * NEARLY:
            return Told(message, message["wall"], new=False)
        # A journal from before does not say it.
        if message.get("merges", True) or before.copies < self._ways(receivers, message["sink"]):
            return Told(message, before.since, before.copies + 1, new=False)
        return Told(message, before.since, before.copies + 1, again=self._words(receivers, message, gap, interval))

    def _intervals(self, receivers: Sequence[str]) -> list[float]:
        """Return the ``repeat_interval`` of each route to a receiver; none where one cannot be read or is not known."""
        branches = [each for each in self._planned("branches") if each["receiver"] in receivers]
        try:
            return [seconds(each["repeat"]) for each in branches]
        except (KeyError, ValueError):
            return []

    def _ways(self, receivers: Sequence[str], sink: str) -> int:
        """Return how often one Alertmanager tells a sink the same at once: by every integration of the receivers."""
        return max(Counter(map(_sender, self._routes(receivers, sink))).values(), default=1)

    def _routes(self, receivers: Sequence[str], sink: str) -> list[Mapping[str, Any]]:
        return [each for each in self._planned("routes") if each["receiver"] in receivers and each["sink"] == sink]

    def _planned(self, what: str) -> Sequence[Mapping[str, Any]]:
        plan = self.journal.last("plan")
        return plan.data.get(what, ()) if plan else ()

    def _words(self, receivers: Sequence[str], message: Mapping[str, Any], gap: float, interval: float) -> str:
        routes = self._routes(receivers, message["sink"])
        senders = list(dict.fromkeys(map(_sender, routes)))
        said = (
            f"the same came again after {spoken(gap)}, and {receivers[0]!r} repeats it after {spoken(interval)} at the soonest"
        )
        if len(senders) > 1:
            return f"{said}: {' and '.join(senders)} send it, and would once as peers of one cluster (`--cluster.peer`)"
        if all(route.get("resolved", True) for route in routes):
            return f"{said}: its Alertmanager forgot that it had sent it"
        return f"{said}: what fired was over in between, of which it is not told (`send_resolved: false`)"


def _sender(route: Mapping[str, Any]) -> str:
    return str(route.get("member", ""))


def content(message: Mapping[str, Any]) -> str:
    """Return what makes a message new: its status, and which alerts it says are firing or over."""
    alerts = sorted(f"{alert.get('status', '')}{sorted(alert.get('labels', {}).items())}" for alert in message["alerts"])
    return f"{message['status']} {alerts or message['text']}"
