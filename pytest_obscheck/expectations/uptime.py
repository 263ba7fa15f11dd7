"""An endpoint is up as the blackbox exporter sees it from outside, and says what it should."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from pytest_obscheck.expectations._samples import Samples, changes
from pytest_obscheck.matching import Comparison, ComparisonText
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Look
from pytest_obscheck.when import Duration, Sight, Window, seconds, spoken

SUCCESS, STATUS, ENDS = "probe_success", "probe_http_status_code", "probe_ssl_earliest_cert_expiry"
MISMATCH, TOOK = "probe_failed_due_to_regex", "probe_duration_seconds"
OVERLAP, EVERY = 6.0, 0.5
"""Seconds by which a look reaches back, since a probe is dated by its beginning and written when it ends; and between looks."""
DAY = 86400.0
NOBODY = "nobody probes it: there is no `probe_success`"

Probe = Mapping[str, float]
"""What one probe found, by the metric's name."""


@dataclass(frozen=True)
class Uptime:
    """Probes of an endpoint succeed, or do not (``up: false``). ``target`` is their ``instance`` label, or their job.

    ``status`` is the HTTP status code. ``tls_days`` (``'> 14'``) are those that the certificate of its chain that ends first
    has left. ``matches``: whether the body is as the module's regular expressions want it. ``faster`` bounds how long a probe
    took. Days and durations are physical time. That nobody probes is unknown: an exporter that is gone says nothing of others.
    """

    target: str
    up: bool = True
    status: int | None = None
    tls_days: ComparisonText | None = None
    matches: bool | None = None
    faster: Duration | None = None

    def __post_init__(self) -> None:
        """Refuse a comparison or a duration that cannot be read."""
        if self.tls_days is not None:
            Comparison.parse(self.tls_days)
        if self.faster is not None:
            seconds(self.faster)

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield nothing: targets of probes are made by relabelling, which is not known yet."""
        return ()

    def exprs(self, alerts: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Return the series that it rests on."""
        return (SUCCESS, STATUS, ENDS, MISMATCH, TOOK)

    def history(self, alerts: Mapping[str, Sequence[str]]) -> float:
        """Return that it looks back on nothing."""
        return 0.0

    def evidence(self) -> Look:
        """Return the look at the series of all probes."""
        names = f"{SUCCESS}|{STATUS}|{ENDS}|{MISMATCH}|{TOOK}"
        return Samples(f'{{__name__=~"{names}"}}', "probes", OVERLAP, EVERY)

    def holds(self, history: History) -> Sequence[Sight]:
        """Return a sight for every probe, and one for the end of every look. Of several instances every one must be so."""
        sights = [Sight(history.story(e.wall), None, e.data["error"]) for e in history.looks if "error" in e.data]
        values: dict[tuple[str, str], float] = {}
        found = sorted(changes(history, self._key), key=lambda change: change[0])
        for at, group in groupby(found, key=lambda change: change[0]):
            known = {**values, **{key: value for _, key, value in group if key is not None}}
            values = {key: value for key, value in known.items() if value is not None}
            sights.append(self._sight(history, at, dict(_probes(values))))
        return sorted(sights, key=lambda sight: sight.at)

    def _key(self, labels: Mapping[str, str]) -> tuple[str, str] | None:
        if self.target not in (labels.get("instance"), labels.get("job")):
            return None
        return f"{labels.get('job', '')} {labels.get('instance', '')}", labels.get("__name__", "")

    def _sight(self, history: History, at: float, probes: Mapping[str, Probe]) -> Sight:
        story = history.story(at)
        if not probes:
            return Sight(story, None, NOBODY)
        wrong = {name: self._wrong(probe, at) for name, probe in probes.items()}
        shown = next((name for name in probes if wrong[name]), next(iter(probes)))
        said = f"{_words(probes[shown], at)} at {history.spoken(story)}"
        words = f"{said}: {wrong[shown]}" if wrong[shown] else said
        return Sight(
            story, not any(wrong.values()), f"{shown}: {words}" if len(probes) > 1 else words, partly=not all(wrong.values())
        )

    def _wrong(self, probe: Probe, at: float) -> str:
        """Return what a probe found that is not wanted; ``""`` for nothing."""
        return next((said for said in self._complaints(probe, at) if said), "")

    def _complaints(self, probe: Probe, at: float) -> Iterator[str]:
        if (probe[SUCCESS] == 1) is not self.up:
            yield "the probe succeeded" if probe[SUCCESS] == 1 else "the probe failed"
        if self.status is not None and probe.get(STATUS) != self.status:
            yield f"status {_status(probe)} instead of {self.status}"
        if self.tls_days is not None:
            yield self._ends(probe, at)
        if self.matches is not None and (probe.get(MISMATCH) == 0) is not self.matches:
            yield (
                "the body matches"
                if probe.get(MISMATCH) == 0
                else "the body does not match"
                if MISMATCH in probe
                else "its module compares no body"
            )
        if self.faster is not None and probe.get(TOOK, 0.0) > seconds(self.faster):
            yield f"it took {spoken(probe[TOOK])}, longer than {self.faster}"

    def _ends(self, probe: Probe, at: float) -> str:
        if ENDS not in probe:
            return "it showed no certificate"
        days = (probe[ENDS] - at) / DAY
        holds = Comparison.parse(self.tls_days or "> 0").holds(days)
        return "" if holds else f"its certificate has {days:.1f} days left, which is not {self.tls_days}"

    def tell(self, history: History, window: Window) -> str:
        """Return nothing: the last probe says it."""
        return ""

    def __str__(self) -> str:
        """Return the expectation in words."""
        more = [f"status {self.status}"] if self.status is not None else []
        more += [f"{self.tls_days} days of TLS left"] if self.tls_days is not None else []
        more += ["a body that matches" if self.matches else "a body that does not match"] if self.matches is not None else []
        more += [f"in under {self.faster}"] if self.faster is not None else []
        return ", ".join([f"probes of {self.target} {'succeed' if self.up else 'fail'}", *more])


def _probes(values: Mapping[tuple[str, str], float]) -> Iterator[tuple[str, Probe]]:
    """Yield what the last probe of each instance found; an instance without a success is none of a probe."""
    for instance in dict.fromkeys(name for name, _ in values):
        probe = {metric: value for (name, metric), value in values.items() if name == instance}
        if SUCCESS in probe:
            yield instance, probe


def _status(probe: Probe) -> str:
    return f"{probe[STATUS]:.0f}" if STATUS in probe else "unknown"


def _words(probe: Probe, at: float) -> str:
    parts = ["up" if probe[SUCCESS] == 1 else "down"]
    parts += [f"status {_status(probe)}"] if STATUS in probe else []
    parts += [f"{(probe[ENDS] - at) / DAY:.1f} days of TLS left"] if ENDS in probe else []
    return ", ".join(parts + ([f"in {spoken(probe[TOOK])}"] if TOOK in probe else []))
