"""What speeding time up does to the meaning of a rule: exact, approximate, a decision, or cannot; and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from pytest_obscheck.speed.origins import Source
from pytest_obscheck.speed.promql import CALENDAR, STAMPS, Speed, as_read, rewrite
from pytest_obscheck.speed.trees import Kind, Tree, parsed


class Class(Enum):
    """How much a sped-up rule says about the rule in production; the best first."""

    EXACT = "exact"
    APPROXIMATE = "approximate"
    DECISION = "decision"
    CANNOT = "cannot"

    def __lt__(self, other: Class) -> bool:
        """Whether this says more than the other."""
        order = list(Class)
        return order.index(self) < order.index(other)


class Metric(Enum):
    """What the samples of a metric are: from the exposition's TYPE and the user's word."""

    FLOW = "flow"
    STATE = "state"
    TIMESTAMP = "timestamp"
    DURATION = "duration"


@dataclass(frozen=True)
class Finding:
    """One thing about a rule: its class, the reason, and what the sped-up rule is equivalent to.

    ``assumed``: it holds because the user decided so, which no engine can prove.
    """

    grade: Class
    reason: str
    equivalent: str
    assumed: bool = False


SAME = Finding(Class.EXACT, "every leaf that holds time is divided by the same factor", "the same state at t/N as at t")
READINGS = {"physical": "physical seconds and real events, as they are", "story": "seconds of the story: times N"}
FLOWS = ("rate", "irate", "increase", "resets", "changes")
SLOPES = ("delta", "idelta", "deriv", "predict_linear", "double_exponential_smoothing", "holt_winters")
COUNTS = ("changes", "resets", "count_over_time")
_SUFFIXES = {
    Metric.TIMESTAMP: ("_timestamp", "_timestamp_seconds", "_time_seconds", "_timestamp_ms", "_not_after", "_expiry"),
    Metric.DURATION: ("_lag_seconds", "_age_seconds", "_delay_seconds", "_duration_seconds", "_seconds", "_lag"),
    Metric.FLOW: ("_total", "_count", "_sum", "_bucket"),
}


def classify(text: str, speed: Speed, metrics: Mapping[str, Metric] | None = None, reading: str = "") -> Finding:
    """Return the class of an expression: that of its worst part.

    ``metrics`` says what metrics are; of the others the name is taken for a hint, and the reason says so. ``reading`` is the
    user's decision, one of ``READINGS``, where one is needed.
    """
    try:
        tree = parsed(text)
        parsed(rewrite(text, speed))
        read = as_read(text, speed)
    except ValueError as error:
        reason, _, right = str(error).partition("; ")
        return Finding(Class.CANNOT, reason, f"{right}, or run it at speed 1" if right else "run it at speed 1")
    scripted = dict.fromkeys(speed.origins.scripted, Metric.STATE) if speed.origins else {}
    judge = _scripted if read.source is Source.SCRIPTED else _Real({**(metrics or {}), **scripted}).findings
    found = [_decided(finding, reading) for finding in judge(tree)]
    return max(found, key=lambda finding: (list(Class).index(finding.grade), finding.assumed), default=SAME)


def _decided(finding: Finding, reading: str) -> Finding:
    if finding.grade is not Class.DECISION or reading not in READINGS:
        return finding
    return Finding(Class.EXACT, f"{finding.reason}; you decided: {reading}", READINGS[reading], assumed=True)


def in_story_time(text: str, metrics: Mapping[str, Metric] | None = None) -> frozenset[str]:
    """Return the functions and metrics of an expression that are multiplied by N where the user decides for story time."""
    real, names = _Real(metrics or {}), set()
    for node in parsed(text).walk():
        if node.kind is Kind.SELECTOR and real.kind(node.name)[0] in (Metric.TIMESTAMP, Metric.DURATION):
            names.add(node.name)
        if node.kind is Kind.SELECTOR and not node.range and real.kind(node.name)[0] is Metric.FLOW:
            names.add(node.name)
        if node.kind is Kind.CALL and node.name in (*COUNTS, *STAMPS, "time"):
            names.add(node.name)
    return frozenset(names)


def _scripted(tree: Tree) -> Iterator[Finding]:
    for node in tree.walk():
        if node.kind is Kind.SELECTOR and node.name == "ALERTS_FOR_STATE":
            reason = "ALERTS_FOR_STATE holds whole seconds of wall time, of which N are one"
            yield Finding(Class.APPROXIMATE, reason, "the same state up to N seconds of story time early or late")


@dataclass(frozen=True)
class _Real:
    """Finds what a speed-up means for processes that go on working at their real rates."""

    metrics: Mapping[str, Metric]

    def findings(self, tree: Tree, around: str = "") -> Iterator[Finding]:
        """Yield what is to be said of a tree whose nearest function is ``around``."""
        if tree.kind is Kind.CALL:
            yield from self._call(tree)
        if tree.kind is Kind.SELECTOR:
            yield from self._selector(tree, around)
        for child in tree.inside:
            yield from self.findings(child, tree.name if tree.kind is Kind.CALL else around)

    def _call(self, tree: Tree) -> Iterator[Finding]:
        if tree.name in CALENDAR:
            reason = f"{tree.name}() hangs on the wall clock, which cannot go faster for real processes"
            yield Finding(Class.CANNOT, reason, "run it at speed 1, or offline at an instant of your choice")
        elif tree.name == "time" or tree.name in STAMPS:
            yield self._decide(f"{tree.name}() is compared with what real processes did at real times")
        elif tree.name in COUNTS:
            yield self._decide(f"{tree.name}() counts what happens in a window that is N times shorter")
        elif tree.name in SLOPES:
            reason = f"{tree.name}() of a gauge is taken over a window that is N times shorter, so its noise is larger"
            yield Finding(Class.APPROXIMATE, reason, "the same slope in the mean, for what moves steadily")
        elif tree.name == "irate":
            reason = "irate() looks at two scrapes, which are N times closer together"
            yield Finding(Class.APPROXIMATE, reason, "the same rate in the mean; its noise is √N times larger")
        elif tree.name in ("rate", "increase"):
            factor = " times N" if tree.name == "increase" else ""
            reason = f"{tree.name}(){factor} keeps its mean; the window holds N times fewer events"
            yield Finding(Class.EXACT, reason, "the same value in the mean; its noise is √N times larger")

    def _decide(self, reason: str) -> Finding:
        return Finding(
            Class.DECISION,
            reason,
            "give it the annotation `obscheck_speed: physical` (as it is) or `obscheck_speed: story` (times N)",
        )

    def _selector(self, tree: Tree, around: str) -> Iterator[Finding]:
        kind, known = self.kind(tree.name)
        if around in FLOWS or around in COUNTS or around in SLOPES or kind is Metric.STATE:
            return
        told = "" if known else " (by its name; give its TYPE to be sure)"
        words: Mapping[Metric, Callable[[], str]] = {
            Metric.FLOW: lambda: f"{tree.name} is a counter compared as it is{told}: it grows N times less in story time",
            Metric.TIMESTAMP: lambda: f"{tree.name} is a real timestamp{told}",
            Metric.DURATION: lambda: f"{tree.name} is physical seconds{told}, compared with seconds of the story",
        }
        yield self._decide(words[kind]())

    def kind(self, name: str) -> tuple[Metric, bool]:
        """Return what a metric is, and whether that was said rather than read from its name."""
        if name in self.metrics:
            return self.metrics[name], True
        hinted = (kind for kind, ends in _SUFFIXES.items() if name.endswith(ends))
        return next(hinted, Metric.STATE), False


def metrics_of(exposition: str) -> dict[str, Metric]:
    """Return what the ``# TYPE`` lines of an exposition say: counters and the series of histograms and summaries are flows.

    A gauge of seconds may be a timestamp or a duration as well as a state: that is the user's word, so it is left out.
    """
    found: dict[str, Metric] = {}
    for line in exposition.splitlines():
        words = line.split()
        if words[:2] != ["#", "TYPE"] or len(words) != 4:
            continue
        name, kind = words[2], words[3]
        if kind in ("histogram", "summary"):
            found |= {f"{name}{end}": Metric.FLOW for end in ("_bucket", "_sum", "_count")}
        elif kind == "counter":
            found |= {name: Metric.FLOW, f"{name.removesuffix('_total')}_total": Metric.FLOW}
        elif kind == "gauge" and "seconds" not in name:
            found[name] = Metric.STATE
    return found


def flows_in_use(texts: Iterable[str]) -> dict[str, Metric]:
    """Return the metrics of which some expression takes a rate or an increase: whoever wrote it knew them for counters."""
    found: dict[str, Metric] = {}
    for text in texts:
        try:
            calls = [
                node for node in parsed(text).walk() if node.kind is Kind.CALL and node.name in ("rate", "irate", "increase")
            ]
        except ValueError:
            continue
        found |= {node.name: Metric.FLOW for call in calls for node in call.walk() if node.kind is Kind.SELECTOR and node.name}
    return found
