"""Alter what is measured, where the harm itself cannot be done: a full disk, an old certificate."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.capabilities import PassesSamples
from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.errors import FaultFailed, LookFailed, did_you_mean
from pytest_obscheck.faults import _scrape, _toxic
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack
from pytest_obscheck.when import Duration, seconds

_NUMBERS, _FLAGS = ("set", "scale", "ramp"), ("drop", "freeze", "reset")
_LIKE = "write one of set: 0, scale: 2, ramp: 0 with over: 10s, drop: true, freeze: true, reset: true"


@dataclass(frozen=True)
class Sample:
    """Alter the samples of a series while they are scraped, by rewriting them in the harness's forward proxy.

    ``series`` is a PromQL instant selector, ``target`` the one production ``host:port`` it is altered for (all, unless given).
    Exactly one of: ``set`` (a value), ``scale`` (a factor), ``ramp`` (towards a value, linearly over ``over`` of story time),
    ``drop`` (no sample at all), ``freeze`` (the value stays what it is), ``reset`` (a counter starts at 0 again). ``patience``
    is how long to wait for a scrape that passes, in wall time: longer than the scrape interval.
    """

    series: str
    target: str = ""
    set: float | None = None
    scale: float | None = None
    ramp: float | None = None
    over: Duration = ""
    drop: bool = False
    freeze: bool = False
    reset: bool = False
    patience: Duration = "2s"

    def __post_init__(self) -> None:
        """Refuse none or several alterations, and a ramp without a length."""
        wanted = self._wanted()
        if len(wanted) != 1:
            said = f"{' and '.join(wanted)} together" if wanted else "nothing to do with the samples"
            raise ValueError(f"sample: {said}; {_LIKE}")
        if (self.ramp is None) != (self.over == ""):
            raise ValueError("sample: ramp and over belong together; write them like ramp: 0 and over: 10s")
        if self.over:
            _toxic.span("over", self.over, least=0.001)
        _toxic.span("patience", self.patience, least=0.001)

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why there are no such samples to alter."""
        wrong = plan.parse(self.series)
        if wrong:
            yield f"series {self.series!r} is not PromQL: {wrong}"
        elif not self.alters():
            yield f"series {self.series!r} does not begin with a metric's name; write it like 'node_load1' or 'up{{job=\"x\"}}'"
        if self.target and self.target not in plan.hosts:
            yield f"no target {self.target!r}; {did_you_mean(self.target, plan.hosts)}"

    def alters(self) -> tuple[str, ...]:
        """Return the name of the metric whose samples it alters."""
        found = re.match(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{.*\}\s*)?$", self.series, re.DOTALL)
        return (found[1],) if found else ()

    def inject(self, stack: Stack) -> None:
        """Begin to alter."""
        (action,) = self._wanted()
        rule: dict[str, Any] = {"series": self.series, "target": self.target, "action": action}
        if action in _NUMBERS:
            rule["value"] = getattr(self, action)
        if self.over:
            rule["over"] = seconds(self.over) / stack.plan.pace.by
        with _failing("begin"):
            stack.that(PassesSamples).alter(self._key(), rule)

    def confirm(self, stack: Stack) -> Effect:
        """Wait for a scrape whose samples were altered; says at once when nothing is, or the target's cannot be."""
        inbox, key = stack.that(PassesSamples), self._key()

        def settled() -> bool:
            did = inbox.altered(key)
            return did.get("samples", 0) > 0 or bool(self.target and did.get("refused"))

        try:
            until(SystemClock(), settled, seconds(self.patience), every=0.01)
            return self._told(inbox.altered(key))
        except LookFailed:
            return Effect(False, "not altered")

    def heal(self, stack: Stack) -> None:
        """Let the samples pass as they are."""
        with _failing("end"):
            stack.that(PassesSamples).restore(self._key())

    def _told(self, did: Mapping[str, Any]) -> Effect:
        count = did.get("samples", 0)
        if count > 0:
            return Effect(True, f"{count} sample{'s' * (count > 1)} altered")
        return _scrape.untouched(did, self.series, self.patience)

    def _wanted(self) -> list[str]:
        numbers = [name for name in _NUMBERS if getattr(self, name) is not None]
        return numbers + [name for name in _FLAGS if getattr(self, name)]

    def _key(self) -> str:
        return f"sample-{zlib.crc32(repr(self).encode()):08x}"

    def __str__(self) -> str:
        """Return it in words."""
        (action,) = self._wanted()
        value = (
            f" to {getattr(self, action):g}"
            if action in {"set", "ramp"}
            else f" by {self.scale:g}"
            if action == "scale"
            else ""
        )
        length = f" over {self.over}" if self.over else ""
        return f"samples of {self.series}: {action}{value}{length}"


@contextmanager
def _failing(what: str) -> Iterator[None]:
    try:
        yield
    except LookFailed as error:
        raise FaultFailed(f"altering samples could not {what}: {error}") from error
