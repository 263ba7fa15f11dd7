"""What is done while stories play: loads that flow, and faults that are injected, measured and healed.

Each is done once for all stories that are one experiment, and told to all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.abilities import StopsMember
from pytest_obscheck.capabilities import SaysReady
from pytest_obscheck.clock import until
from pytest_obscheck.errors import said
from pytest_obscheck.protocols import Effect
from pytest_obscheck.scenario import Planned
from pytest_obscheck.stage import Play, Traffic

CONFIRM = 5.0
"""Wall seconds in which a fault must be seen to have taken hold, or to be gone."""


def before(twins: Sequence[Play]) -> None:
    """Measure every fault's absence, while nothing is broken yet."""
    for fault in twins[0].scenario.faults:
        tell(twins, "fault", name=fault.name, phase="before", **_measure(twins[0], fault))


def tell(twins: Sequence[Play], kind: str, **data: Any) -> None:
    """Write an event that happens now into the journal of each."""
    for show in twins:
        show.write(kind, **data)


def _measure(show: Play, fault: Planned) -> dict[str, Any]:
    try:
        effect: Effect = fault.what.confirm(show.stack)
    except Exception as error:  # noqa: BLE001 - an extension that throws has measured nothing
        return {"held": False, "words": said(error), "traffic": None}
    return {"held": effect.held, "words": effect.words, "traffic": effect.traffic}


# ── loads ────────────────────────────────────────────────────────────────────


@dataclass
class Flow:
    """One load while the stories play that want it."""

    planned: Planned
    traffic: Traffic
    shows: Sequence[Play]
    state: str = "waiting"

    def begin(self) -> None:
        """Let it flow, once."""
        if self.state == "waiting":
            self.state = "flowing"
            self.traffic.begin()
            tell(self.shows, "load", name=self.planned.name, phase="begun", words=str(self.planned.what))

    def end(self) -> None:
        """Stop it, once, and keep its log; a load takes its time to end, in which the story goes on."""
        if self.state != "ended":
            self.state = "ended"
            self.shows[0].hands.give(self._stop)

    def _stop(self) -> None:
        self.traffic.end()
        tell(self.shows, "load", name=self.planned.name, phase="ended", requests=self.traffic.requests())

    def turn(self, story: float) -> None:
        """Begin or end it when its time has come."""
        if story >= self.planned.window.end:
            self.end()
        elif story >= self.planned.window.start:
            self.begin()


@contextmanager
def flows(twins: Sequence[Play]) -> Iterator[list[Flow]]:
    """Have the loads ready, and end them whatever happens."""
    show = twins[0]
    loads = [Flow(planned, show.stack.traffic(planned), twins) for planned in show.scenario.loads]
    try:
        yield loads
    finally:
        for load in loads:
            load.end()
        show.hands.join()


def trouble(show: Play, loads: Sequence[Flow]) -> str:
    """Return which load ended by itself and why, and note it; ``""`` for none."""
    for load in loads:
        words = "" if load.state == "ended" else load.traffic.trouble()
        if words:
            show.write("load failed", name=load.planned.name, words=words)
            return f"{load.planned.name}: {words}"
    return ""


# ── faults ───────────────────────────────────────────────────────────────────


@dataclass
class Harm:
    """One fault while the stories play that want it. It is healed however they end."""

    planned: Planned
    shows: Sequence[Play]
    state: str = "planned"
    over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def turn(self, story: float) -> None:
        """Inject or heal it when its time has come."""
        if self.state == "planned" and story >= self.planned.window.start:
            self.state = "injecting"
            self.show.hands.give(self._inject)
        elif self.state == "held" and story >= self.planned.window.end:
            self.state = "healing"
            self.show.hands.give(self.heal)

    @property
    def show(self) -> Play:
        """Return the play whose stack is harmed; that of each is the same."""
        return self.shows[0]

    def _inject(self) -> None:
        with self._lock:
            if self.over.is_set():
                return
            began = self.show.clock.now()
            try:
                self.planned.what.inject(self.show.stack)
            except Exception as error:  # noqa: BLE001 - whatever it throws, the harm must be healed and the story told
                self._write("failed", failed=f"it could not be injected: {said(error)}")
                self.state = "held"
                return
            self._write("injected", began=began)
        self._write("confirmed", **self._until(wanted=True))
        self.state = "held"

    def heal(self) -> None:
        """Undo it, and measure that it is gone; nothing when that was done. What failed is tried again at the end."""
        with self._lock:
            if self.over.is_set():
                return
            self.over.set()
            began = self.show.clock.now()
            try:
                self.planned.what.heal(self.show.stack)
            except Exception as error:  # noqa: BLE001 - the other faults must be healed, too
                self._write("failed", failed=f"it could not be healed: {said(error)}")
                self.over.clear()
                return
        if self.state != "planned":
            returns = self._returns()
            self._write("healed", began=began, **({"returns": returns} if returns else {}))
            self._write("gone", **self._until(wanted=False))
            if returns:
                self._write("back", ready=self._is_back(returns))
        self.state = "gone"

    def _returns(self) -> str:
        """Return the member that the cure starts again, where that takes story time: a start is as long at every speed."""
        what, show = self.planned.what, self.show
        if self.state != "healing" or show.speed == 1 or not isinstance(what, StopsMember):
            return ""
        return what.stops() if what.stops() in show.stack.all(SaysReady) else ""

    def _is_back(self, member: str) -> bool:
        """Wait until a member can do its work, for a bounded time; whether it can."""
        return until(self.show.clock, self.show.stack.that(SaysReady, named=member).ready, CONFIRM, every=0.1)

    def _until(self, *, wanted: bool) -> dict[str, Any]:
        """Measure until the effect is there (or gone), for a bounded time; return the last measurement."""
        end = self.show.clock.now() + CONFIRM
        effect = _measure(self.show, self.planned)
        while effect["held"] is not wanted and self.show.clock.now() < end and (self.over.is_set() is not wanted):
            self.show.clock.sleep(0.05)
            effect = _measure(self.show, self.planned)
        return effect

    def _write(self, phase: str, **data: Any) -> None:
        tell(self.shows, "fault", name=self.planned.name, phase=phase, **data)


@contextmanager
def harms(twins: Sequence[Play]) -> Iterator[list[Harm]]:
    """Have the faults ready, and heal them in reverse order whatever happens."""
    faults = [Harm(planned, twins) for planned in twins[0].scenario.faults]
    try:
        yield faults
    finally:
        for fault in reversed(faults):
            fault.heal()
        twins[0].hands.join()
