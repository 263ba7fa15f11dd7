"""A notification reached a receiver."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, Literal

from pytest_obscheck.capabilities import CatchesNotifications, HoldsAlerts
from pytest_obscheck.errors import LookFailed, did_you_mean
from pytest_obscheck.expectations._behind import Behind, lookback
from pytest_obscheck.expectations._holes import hold_of, would_be_quiet
from pytest_obscheck.expectations._repeats import Repeats, Told
from pytest_obscheck.expectations._untold import Lost
from pytest_obscheck.matching import braces, subset
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Look, Stack
from pytest_obscheck.when import Sight, Window

LINE = 200
"""Characters of a line of a message that a report shows."""

PACE = 0.5
"""Wall seconds between two sights of a long stretch that one look covers."""


@dataclass(frozen=True)
class Deliveries:
    """What reached the sinks since the last look; once a second, the alerts that Alertmanager holds."""

    every: float = 0.2

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``until``, ``arrived`` and, once a second, ``held`` with labels, status and receivers."""
        arrived = stack.that(CatchesNotifications).arrived(since, until)
        found: dict[str, Any] = {"since": since, "until": until, "arrived": [dataclasses.asdict(each) for each in arrived]}
        if arrived or math.floor(since) != math.floor(until):
            found["held"] = _held(stack)
        return found

    def __str__(self) -> str:
        """Return the key."""
        return "deliveries"


def _held(stack: Stack) -> list[dict[str, Any]]:
    try:
        alerts = stack.that(HoldsAlerts).alerts()
    except (LookFailed, LookupError):  # they only explain; what arrived was seen all the same
        return []
    return [
        {
            "fingerprint": alert.get("fingerprint", ""),
            "labels": alert["labels"],
            "status": alert["status"],
            "since": alert.get("startsAt", ""),
            "receivers": [r["name"] for r in alert["receivers"]],
            "muted": alert.get("mutedBy", {}),
        }
        for alert in alerts
    ]


@dataclass(frozen=True)
class Notification:
    """A message of a status, about an alert with the labels, reached a sink and was acknowledged.

    It holds for the instant of each arrival. Retries of a message that was not acknowledged, and repeats of one that was, are
    not counted again; what says the same sooner than ``repeat_interval`` allows is no repeat, but a page that arrives twice.
    With ``count`` it holds while exactly so many have arrived. A protocol that carries no labels (Slack's) is searched for
    their values; a message that only names its group (an OpsGenie close) is about what that group was last.
    ``says``: texts that must stand in the message, as it was rendered (``~regex`` matches).
    """

    sink: str
    labels: Mapping[str, str] = field(default_factory=dict)
    status: Literal["firing", "resolved"] = "firing"
    count: int | None = None
    receiver: str = ""
    says: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a status that Alertmanager does not send."""
        if self.status not in ("firing", "resolved"):
            raise ValueError(f"{self.status!r} is not a status; write 'firing' or 'resolved'")

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield that there is no such sink, that no receiver uses it, or that no rule makes such an alert."""
        used = {route.sink for route in plan.facts.routes}
        if self.sink not in plan.sinks:
            yield f"no sink called {self.sink!r}; {did_you_mean(self.sink, plan.sinks)}"
        elif self.sink not in used:
            yield f"no receiver of alertmanager.yml uses {self.sink!r}; used are: {', '.join(sorted(used)) or 'none'}"
        receivers = {route.receiver for route in plan.facts.routes}
        if self.receiver and self.receiver not in receivers:
            yield f"no receiver called {self.receiver!r}; {did_you_mean(self.receiver, receivers)}"
        name = self.labels.get("alertname", "")
        if name and not name.startswith("~"):
            yield from plan.facts.unknown_alert(name)
        if not plan.facts.relabelled():
            yield from plan.facts.contradicted(name, self.labels)
        yield from self._fixed(plan)

    def _fixed(self, plan: Plan) -> Iterable[str]:
        """Yield that the ways to the sink hang on the wall clock, which a speed does not change."""
        ways = {
            route.receiver for route in plan.facts.routes if route.sink == self.sink and self.receiver in ("", route.receiver)
        }
        if plan.pace.speed.changes and ways and ways <= set(plan.pace.fixed):
            problem = plan.pace.fixed[min(ways)]
            yield f"receiver {min(ways)!r} cannot be sped up: {problem.what} ({problem.where}); {problem.right}"

    def alertname(self) -> str:
        """Return the name of the alert."""
        return self.labels.get("alertname", "")

    def reaches(self) -> str:
        """Return the sink."""
        return self.sink

    def exprs(self, alerts: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Return the expressions behind the alert."""
        return alerts.get(self.alertname(), ())

    def history(self, alerts: Mapping[str, Sequence[str]]) -> float:
        """Return the seconds that they look back on."""
        return lookback(self.exprs(alerts))

    def outlasts(self, history: History, span: Window, until: float) -> float:
        """Return how long rules must go unevaluated to hide a firing that sends a message: as long as the alert must hold."""
        return hold_of(history.journal, self.alertname())

    def would_be_quiet(self, history: History, span: Window) -> bool:
        """Whether evaluations that were missed in a span would have found nothing to tell of."""
        behind = self.autopsy()
        return behind is not None and would_be_quiet(history.journal, behind, span)

    def evidence(self) -> Look:
        """Return the look at all deliveries."""
        return Deliveries()

    def lacks(self, history: History) -> str:
        """Return which rules are not here, whose alerts would be told, too; nothing where one alert is meant, for that is."""
        plan, meant = history.journal.last("plan"), self.alertname()
        gaps = plan.data.get("gaps", ()) if plan and (not meant or meant.startswith("~")) else ()
        return f"{'; '.join(gaps)}: what its rules would tell is not seen" if gaps else ""

    def autopsy(self) -> Behind | None:
        """Return the look at what keeps the alert from firing; none where any alert is meant."""
        labels = tuple(sorted((name, value) for name, value in self.labels.items() if name != "alertname"))
        name = self.alertname()
        return None if not name or name.startswith("~") else Behind(name, labels)

    def holds(self, history: History) -> Sequence[Sight]:
        """Return an instant for each arrival that counts, and a sight for the end of each look and long stretches of it."""
        sights: list[Sight] = []
        sent: dict[str, Told] = {}
        total, unseen, repeats = 0, self._unseen(history), Repeats(history.journal)
        for event in history.looks:
            if "error" in event.data:
                sights.append(Sight(history.story(event.wall), None, event.data["error"]))
                continue
            data = event.data["data"]
            known = list(_until(data))
            for delivery in data["arrived"]:
                while known and known[0] < delivery["wall"]:
                    sights.append(self._quiet(history.story(known.pop(0)), total, unseen))
                whole = self._with_alerts(delivery, sent)
                if told := self._counts(whole, sent, repeats):
                    total += 1
                    sights.extend(self._instant(history, total, told))
            sights.extend(self._quiet(history.story(at), total, unseen) for at in known)
        return sights

    def _quiet(self, at: float, total: int, unseen: str) -> Sight:
        return Sight(at, None, unseen) if unseen else Sight(at, total == self.count, _number(total))

    def _unseen(self, history: History) -> str:
        """Return why silence proves nothing: an Alertmanager that runs elsewhere has receivers that lead to no sink here."""
        plan = history.journal.last("plan")
        for route in plan.data["routes"] if plan else ():
            if route["sink"] == self.sink and self.receiver in ("", route["receiver"]) and not route.get("seen", True):
                who = f"receiver {route['receiver']!r} of an attached Alertmanager"
                return f"{who} leads to no sink of this run, but to {route['host']} ({route['where']})"
        return ""

    def _instant(self, history: History, total: int, told: Told) -> list[Sight]:
        delivery = told.message
        at = history.story(delivery["wall"])
        if self.count is not None:
            return [Sight(at, total == self.count, f"{_number(total)} by {history.spoken(at)}")]
        verb = "notified" if self.status == "firing" else "told of the end"
        by = ", found by its group" if "of" in delivery else "" if delivery["alerts"] else ", found by its text"
        guess = "" if delivery["status"] else "; its status cannot be read"
        words = f"{verb} at {history.spoken(at)}{by}{guess}"
        return [Sight(at, holds=True, words=words, again=told.again), Sight(at, holds=False, words=words)]

    def _with_alerts(self, delivery: Mapping[str, Any], sent: Mapping[str, Told]) -> Mapping[str, Any]:
        """Return an end that names nothing but its group with the alerts that the group had; anything else as it is."""
        before = sent.get(_group(delivery))
        if delivery["alerts"] or delivery["status"] != "resolved" or not delivery["group"] or before is None:
            return delivery
        ended = [{**alert, "status": "resolved"} for alert in before.message["alerts"]]
        return {**delivery, "alerts": ended, "of": delivery["group"]} if ended else delivery

    def _counts(self, delivery: Mapping[str, Any], sent: dict[str, Told], repeats: Repeats) -> Told | None:
        """Return what its group was told with a delivery, if that is acknowledged, about a matching alert, and no repeat."""
        if not self._here(delivery) or delivery["answered"] >= 300:
            return None
        group = _group(delivery)
        told = sent[group] = repeats.told(sent.get(group), delivery)
        return told if told.new and self._about(delivery) and not _unsaid(self.says, delivery) else None

    def _here(self, way: Mapping[str, Any]) -> bool:
        """Whether a delivery came, or a route leads, to the sink and the receiver that are meant."""
        return way["sink"] == self.sink and self.receiver in ("", way["receiver"])

    def _about(self, delivery: Mapping[str, Any], status: str = "") -> bool:
        """Whether a message says of a matching alert that it is in the status: of the alert itself, not of its group."""
        status = status or self.status
        if not delivery["alerts"]:
            found = all(_in_text(value, delivery["text"]) for value in self.labels.values())
            return found and delivery["status"] in (status, "" if status == "firing" else status)
        mine = [alert for alert in delivery["alerts"] if subset(alert.get("labels", {}), self.labels)]
        return any((alert.get("status") or delivery["status"]) == status for alert in mine)

    def tell(self, history: History, window: Window) -> str:
        """Return where the notification got lost: too early or late, refused, no alert, muted, another receiver."""
        if self.count is not None:
            return ""
        lost = self._lost(history)
        times = [sight.at for sight in self.holds(history) if sight.holds]
        arrived = [delivery for delivery in _arrived(history) if self._here(delivery)]
        said = lost.missed(times, window) or self._refused(arrived) or self._misworded(arrived)
        if said or self.status == "resolved":
            return said or self._unended(history, arrived)
        return lost.on_its_way() or lost.before(self.autopsy(), window)

    def _lost(self, history: History) -> Lost:
        plan = history.journal.last("plan")
        receivers = tuple(sorted({way["receiver"] for way in self._ways(history)}))
        where = next((way["where"] for way in self._ways(history) if way["where"]), "")
        return Lost(history, self.sink, self.labels, receivers, where, plan.data if plan else {})

    def _ways(self, history: History) -> list[Mapping[str, Any]]:
        plan = history.journal.last("plan")
        return [way for way in (plan.data["routes"] if plan else ()) if self._here(way)]

    def _misworded(self, arrived: Iterable[Mapping[str, Any]]) -> str:
        mine = next((each for each in arrived if self._about(each)), None)
        unsaid = _unsaid(self.says, mine) if mine else []
        return f"{self.sink} was told {_nearest(unsaid[0], mine['text'])!r}, not {unsaid[0]!r}" if mine and unsaid else ""

    def _refused(self, arrived: Sequence[Mapping[str, Any]]) -> str:
        refused = next((delivery for delivery in reversed(arrived) if delivery["answered"] >= 300), None)
        if refused is None:
            return ""
        why = (refused["text"].strip().splitlines() or ["no reason"])[0]
        return f"{self.sink} answered {refused['answered']} to what reached it: {why}"

    def _unended(self, history: History, arrived: Sequence[Mapping[str, Any]]) -> str:
        """Return why nobody was told of the end: nobody was told of the beginning, or the receiver does not want to know."""
        if not any(self._about(each, "firing") for each in arrived):
            return "it was never told that it fires"
        ways = self._ways(history)
        if not ways or any(way.get("resolved", True) for way in ways):
            return "it was told that it fires, and never of the end"
        where = f" ({ways[0]['where']})" if ways[0]["where"] else ""
        return f"{ways[0]['receiver']!r} does not tell {self.sink} of the end: send_resolved is false{where}"

    def __str__(self) -> str:
        """Return the expectation in words."""
        count = f" {self.count} times" if self.count is not None else ""
        to = f" (receiver {self.receiver})" if self.receiver else ""
        said = "is notified" if self.status == "firing" else "is told of the end"
        name = self.labels.get("alertname", "")
        rest = braces({key: value for key, value in self.labels.items() if key != "alertname"})
        words = f", saying {' and '.join(map(repr, self.says))}" if self.says else ""
        return f"{self.sink}{to} {said} of {name or 'any alert'}{rest}{count}{words}"


def _arrived(history: History) -> Iterable[Mapping[str, Any]]:
    return (delivery for event in history.looks if "data" in event.data for delivery in event.data["data"]["arrived"])


def _group(delivery: Mapping[str, Any]) -> str:
    return f"{delivery['receiver']} {delivery['group']}"


def _unsaid(wanted: Iterable[str], delivery: Mapping[str, Any]) -> list[str]:
    """Return the texts that do not stand in a message."""
    patterns = {text: text[1:] if text.startswith("~") else re.escape(text) for text in wanted}
    return [text for text, pattern in patterns.items() if not re.search(pattern, delivery["text"])]


def _nearest(wanted: str, text: str) -> str:
    """Return the line of a message that is most like what it should say: messages may be long."""
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [""]
    line = max(lines, key=lambda each: SequenceMatcher(None, wanted, each[:LINE]).ratio())
    return line if len(line) <= LINE else f"{line[:LINE]}…"


def _in_text(wanted: str, text: str) -> bool:
    """Whether a text holds a label's value as a whole: not as a part of a longer name, host or address."""
    value = wanted[1:] if wanted.startswith("~") else re.escape(wanted)
    return re.search(rf"(?<![\w-])(?<!\w\.)(?:{value})(?![\w-]|\.\w|:\d)", text) is not None


def _until(data: Mapping[str, Any]) -> Iterable[float]:
    """Yield the end of a look, and before it a moment in each half second that it covers: all of it was seen."""
    since = data.get("since", data["until"])
    yield from (since + step * PACE for step in range(1, int((data["until"] - since) / PACE) + 1))
    yield data["until"]


def _number(total: int) -> str:
    return "nothing arrived" if not total else f"{total} arrived"
