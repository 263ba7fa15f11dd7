"""An error is reported, or none is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.expectations._arrivals import moments
from pytest_obscheck.matching import braces, label_matches, subset
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Stack
from pytest_obscheck.signals import CatchesErrors, ErrorReport
from pytest_obscheck.when import Sight, Window

NONE = "no such error came"


@dataclass(frozen=True)
class Reported:
    """What was reported since the last look."""

    store: str = ""
    every: float = 0.5

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``since``, ``until``, ``errors`` (each what it says of itself) and what SDKs ``lost`` since the start."""
        found = stack.that(CatchesErrors, named=self.store or None).error_reports(since, until)
        return {"since": since, "until": until, "errors": [_facts(each) for each in found.reports], "lost": dict(found.lost)}

    def __str__(self) -> str:
        """Return the key."""
        return f"errors {self.store}".strip()


def _facts(report: ErrorReport) -> dict[str, Any]:
    """Return what an expectation may speak of; the exception is the one that was raised last."""
    event = report.event
    raised = (_values(event, "exception") or [{}])[-1]
    text = raised.get("value") or (event.get("logentry") or {}).get("message") or event.get("message")
    return {
        "at": report.at,
        "kind": report.kind,
        "type": str(raised.get("type") or ""),
        "message": str(text or ""),
        **{name: str(event.get(name) or "") for name in ("release", "environment", "transaction")},
        "sample_rate": report.sample_rate,
        "tags": {str(name): str(value) for name, value in dict(event.get("tags") or {}).items()},
        "breadcrumbs": [str(each.get("message") or each.get("category") or "") for each in _values(event, "breadcrumbs")],
    }


def _values(event: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return a list that SDKs write with or without ``values`` around it."""
    found = event.get(name) or []
    return list(found.get("values") or [] if isinstance(found, Mapping) else found)


@dataclass(frozen=True)
class Error:
    """An error that a service's Sentry SDK reported: each holds for the instant of its arrival, so ``never`` means none.

    Every text may be a ``~regex``, which matches whole. ``breadcrumb`` is the message of one of its breadcrumbs. With ``kind:
    transaction`` it is a transaction that came. ``sample_rate`` is that of its trace. ``store`` names one of several intakes.
    """

    type: str = ""
    message: str = ""
    release: str = ""
    environment: str = ""
    transaction: str = ""
    sample_rate: float | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    breadcrumb: str = ""
    kind: str = "event"
    store: str = ""

    def __post_init__(self) -> None:
        """Refuse a kind that is not kept."""
        if self.kind not in ("event", "transaction"):
            raise ValueError(f"kind: there is no kind {self.kind!r}; write 'event' or 'transaction'")

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield that the stack has no such intake."""
        yield from (f"error: {why}" for why in (plan.unknown_member(self.store) if self.store else ()))

    def evidence(self) -> Reported:
        """Return the look at what was reported."""
        return Reported(self.store)

    def holds(self, history: History) -> Sequence[Sight]:
        """Return two sights for every such error, and some for the time between."""
        return sorted(self._sights(history), key=lambda sight: sight.at)

    def _sights(self, history: History) -> Iterable[Sight]:
        for look in history.looks:
            if "error" in look.data:
                yield Sight(history.story(look.wall), None, look.data["error"])
                continue
            for moment in moments(history, look.data["data"]):
                yield Sight(moment, holds=False, words=NONE)
            for each in look.data["data"]["errors"]:
                if each["kind"] == self.kind and not self._others(each):
                    at = history.story(each["at"])
                    yield Sight(at, holds=True, words=f"{_name(each)} was reported at {history.spoken(at)}")
                    yield Sight(at, holds=False, words=NONE)

    def _others(self, each: Mapping[str, Any]) -> list[str]:
        """Return what an error has that is not as it is wanted."""
        names = ("type", "message", "release", "environment", "transaction")
        wanted = {name: getattr(self, name) for name in names if getattr(self, name)}
        other = [f"{name} {each[name]!r}" for name, value in wanted.items() if not label_matches(each[name], value)]
        if self.sample_rate is not None and not _same(each["sample_rate"], self.sample_rate):
            other.append(f"sample rate {each['sample_rate'] or 'not told'}")
        if not subset(each["tags"], self.tags):
            other.append(f"tags {braces(each['tags']) or 'none'}")
        if self.breadcrumb and not any(label_matches(crumb, self.breadcrumb) for crumb in each["breadcrumbs"]):
            other.append(f"breadcrumbs {', '.join(map(repr, each['breadcrumbs'][-5:])) or 'none'}")
        return other

    def tell(self, history: History, window: Window) -> str:
        """Return what came instead, the most similar one, and what the SDK says that it lost."""
        looks = [look.data["data"] for look in history.looks if "data" in look.data]
        came = [each for data in looks for each in data["errors"] if each["kind"] == self.kind]
        lost = looks[-1]["lost"] if looks else {}
        said = "; the SDK lost " + ", ".join(f"{count} {why}" for why, count in sorted(lost.items())) if lost else ""
        if not came:
            return f"no {self.kind} came at all{said}"
        nearest = min(came, key=lambda each: len(self._others(each)))
        other = self._others(nearest)
        return (f"{_name(nearest)} came with {' and '.join(other)}" if other else f"{_name(nearest)} came") + said

    def __str__(self) -> str:
        """Return the expectation in words."""
        names = ("message", "release", "environment", "transaction", "sample_rate", "breadcrumb")
        parts = [f"{name.replace('_', ' ')} {getattr(self, name)!r}" for name in names if getattr(self, name) not in ("", None)]
        what = self.type or ("any error" if self.kind == "event" else "any transaction")
        return " ".join([f"{what}{braces(self.tags)}", *([f"with {', '.join(parts)}"] if parts else []), "is reported"])


def _name(each: Mapping[str, Any]) -> str:
    if each["kind"] == "transaction":
        return f"transaction {each['transaction']!r}"
    return f"{each['type'] or 'a message'} {each['message']!r}"


def _same(told: str, wanted: float) -> bool:
    try:
        return float(told) == wanted
    except ValueError:
        return False
