"""Why nobody was told of an alert, or not in time: it never fired, was never given on, was muted, or took another route."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pytest_obscheck.expectations._behind import Behind, active_since, why_quiet
from pytest_obscheck.expectations._timeline import missed
from pytest_obscheck.journal import Journal
from pytest_obscheck.matching import subset
from pytest_obscheck.plan import Matcher
from pytest_obscheck.protocols import History
from pytest_obscheck.when import Window, instant, spoken

NEVER = "Alertmanager was never given such an alert"


@dataclass(frozen=True)
class Lost:
    """A notification that did not come in its window.

    ``labels``: those of the alert. ``receivers``: those that have the sink; ``where``: the line at which the first has it.
    ``plan``: what the journal says of the stack.
    """

    history: History
    sink: str
    labels: Mapping[str, str]
    receivers: Sequence[str]
    where: str
    plan: Mapping[str, Any]

    def missed(self, times: Sequence[float], window: Window) -> str:
        """Return that it came at another time, and where it was kept; ``times``: the story seconds at which it came."""
        late = [at for at in times if at > window.end]
        return missed(times, window, before="it came") + (self._kept(min(late)) if late else "")

    def _kept(self, came: float) -> str:
        """Return since when the alert fired, and the waits of the route that kept it."""
        fired = [at for at in map(self._since, self._mine()) if at is not None and at <= came]
        if not fired:
            return ""
        words = f"; it fired at {spoken(fired[-1])}, and Alertmanager kept it for {spoken(came - fired[-1])}"
        return words + next((_waits(way) for way in self._branches() if not _refusals(way, self._mine()[-1]["labels"])), "")

    def _since(self, alert: Mapping[str, Any]) -> float | None:
        return self.history.story(instant(alert["since"])) if alert.get("since") else None

    def _held(self) -> list[Mapping[str, Any]]:
        looks = [event.data["data"] for event in self.history.looks if "data" in event.data]
        return [alert for data in looks for alert in data.get("held", ())]

    def _mine(self) -> list[Mapping[str, Any]]:
        return [alert for alert in self._held() if subset(alert["labels"], self.labels)]

    def _branches(self) -> list[Mapping[str, Any]]:
        """Return the routes that lead to the receivers."""
        return [way for way in self.plan.get("branches", ()) if way["receiver"] in self.receivers]

    # ── what Alertmanager did with it ──────────────────────────────────────────

    def on_its_way(self) -> str:
        """Return what Alertmanager did with the alert instead; ``""`` where it was not given it."""
        mine = self._mine()
        return (self._muted(mine) or self._untimely(mine) or self._routed(mine)) if mine else ""

    def _muted(self, mine: Sequence[Mapping[str, Any]]) -> str:
        for alert in mine:
            status = alert["status"]
            if status.get("inhibitedBy"):
                return f"Alertmanager inhibited it: {self._inhibitors(alert)}"
            if status.get("silencedBy"):
                return f"a silence mutes it: {', '.join(_silence(each, self.history.journal) for each in status['silencedBy'])}"
        return ""

    def _inhibitors(self, alert: Mapping[str, Any]) -> str:
        by = alert["status"]["inhibitedBy"]
        sources = [each["labels"] for each in self._held() if each.get("fingerprint") in by]
        rules = self.plan.get("inhibitions", ())
        where = next((f", {rule['where']}" for rule in rules for each in sources if _mutes(rule, each, alert["labels"])), "")
        names = ", ".join(sorted({labels.get("alertname", "") for labels in sources})) or "another alert"
        return f"{names} mutes it (inhibit_rules{where})"

    def _untimely(self, mine: Sequence[Mapping[str, Any]]) -> str:
        """Return that a receiver with this sink hears nothing at this time of the day, the week or the year."""
        for alert in mine:
            for receiver, names in alert.get("muted", {}).items():
                if receiver in self.receivers:
                    why = "mute_time_intervals or active_time_intervals of its route"
                    return f"the time interval {_quoted(names)} keeps it from {receiver!r} now ({why})"
        return ""

    def _routed(self, mine: Sequence[Mapping[str, Any]]) -> str:
        got = sorted({receiver for alert in mine for receiver in alert["receivers"]})
        if set(self.receivers) & set(got):
            return f"Alertmanager gave it to {_quoted(got)}, but nothing matching reached {self.sink}"
        labels, where = mine[0]["labels"], f" ({self.where})" if self.where else ""
        nobody = f"no route leads it to {_quoted(self.receivers)}, which has {self.sink}{where}"
        why = next((_unled(way, labels) for way in self._branches()), "")
        return f"Alertmanager routed {labels.get('alertname', 'the alert')} to {_quoted(got)} only; {nobody}{why}"

    # ── what came before Alertmanager ──────────────────────────────────────────

    def before(self, behind: Behind | None, window: Window) -> str:
        """Return why Alertmanager was never given the alert."""
        if behind is None:
            return NEVER
        since = {state: self.history.story(at) for state, at in active_since(self.history.journal, behind).items()}
        if "firing" in since:
            fired = f"{behind.name} fired at {spoken(since['firing'])}"
            late = since["firing"] > window.end
            return f"{NEVER} in time: {fired}" if late else f"{NEVER}, though {fired}: {_unsent(self.history.journal)}"
        quiet = why_quiet(self.history.journal, behind, lambda at: window.start <= self.history.story(at) <= window.end)
        if "pending" in since and not quiet:
            rule = self.plan.get("alerts", {}).get(behind.name, {})
            needs = f"; it needs `for: {rule['for']}` ({rule['where']})" if rule else ""
            return f"{NEVER}: {behind.name} was pending and no more{needs}"
        return f"{NEVER}: {quiet}" if quiet else NEVER


def _unsent(journal: Journal) -> str:
    """Return where Prometheus wanted to send alerts, of what it asked for in vain; targets are asked for, too."""
    refused, targets = journal.last("refused"), journal.last("targets")
    scraped = {urlsplit(each.get("scrapeUrl", "")).netloc for each in targets.data["targets"]} if targets else set()
    asked = [each["host"] for each in refused.data["hosts"] if each["by"].startswith("Prometheus")] if refused else []
    hosts = [host for host in asked if host not in scraped]
    if hosts:
        return f"no member of the stack is called {_quoted(hosts)}, where it was sent; name it in the alertmanager's `hosts`"
    return "it was not sent; see `alerting` in prometheus.yml (alertmanagers, alert_relabel_configs)"


def _waits(branch: Mapping[str, Any]) -> str:
    return f" (group_wait {branch['wait']}, group_interval {branch['interval']}: {branch['where']})"


def _unled(branch: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """Return why an alert does not come to a route: what it asks for, and the alert has not; or another was first."""
    refusals = _refusals(branch, labels)
    if not refusals:
        return f"; its route ({branch['where']}) fits, but another takes the alert before it"
    has = ", ".join(f"{each.name}={labels.get(each.name, '')!r}" for each in refusals)
    return f"; its route asks for {', '.join(map(str, refusals))} ({branch['where']}), and the alert has {has}"


def _refusals(branch: Mapping[str, Any], labels: Mapping[str, str]) -> list[Matcher]:
    matchers = [Matcher(**each) for each in branch["matchers"]]
    return [each for each in matchers if not each.fits(labels.get(each.name, ""))]


def _mutes(rule: Mapping[str, Any], source: Mapping[str, str], target: Mapping[str, str]) -> bool:
    pairs = [*((each, source) for each in rule["sources"]), *((each, target) for each in rule["targets"])]
    alike = all(source.get(name, "") == target.get(name, "") for name in rule["equal"])
    return alike and all(Matcher(**each).fits(labels.get(each["name"], "")) for each, labels in pairs)


def _silence(name: str, journal: Journal) -> str:
    event = journal.last("alertmanager")
    found = [each for each in event.data["silences"] if each.get("id") == name] if event else []
    return f"{found[0].get('comment')!r} by {found[0].get('createdBy')}" if found else name


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names) or "nobody"
