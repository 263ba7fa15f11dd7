"""play(scenario, stack, clock) → Journal: does what the story says and notes what happens; the only module with threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.abilities import AboutAlert, AboutSeries, Explains, LooksBesides
from pytest_obscheck.capabilities import FollowsStory
from pytest_obscheck.errors import ObscheckError
from pytest_obscheck.journal import Journal
from pytest_obscheck.protocols import Effect, Look, Stack
from pytest_obscheck.scenario import Planned, Scenario
from pytest_obscheck.stage import Asked, Play, Traffic
from pytest_obscheck.vitals import Vitals
from pytest_obscheck.when import Always, Eventually, Once, Within, spoken

__all__ = ["Play", "Threads", "play"]

CONFIRM = 5.0
"""Wall seconds in which a fault must be seen to have taken hold, or to be gone."""

LATE = 1.0
"""Wall seconds by which the harness may come late: looks reach back over shorter pauses, so that nothing is lost in them."""

TICK = 0.02
"""Wall seconds between two glances of the main loop at what is due."""

SETTLE = 0.1
"""Wall seconds between two questions whether every claim is settled."""

SHARE = 0.04
"""The share of the time that these questions may take: each is about the whole story so far, and a harness that is busy
judging comes late to looking."""

LATER = 0.02
"""The share of its time by which a story may end later than it could, for the sake of fewer questions."""


@dataclass
class Threads:
    """Hands that are threads: one for each piece of work, so that one which hangs keeps no other waiting."""

    _running: list[threading.Thread] = field(default_factory=list)

    def give(self, work: Callable[[], None]) -> None:
        """Start a thread for the work."""
        self._running = [thread for thread in self._running if thread.is_alive()]
        thread = threading.Thread(target=work, daemon=True)
        self._running.append(thread)
        thread.start()

    def join(self) -> None:
        """Wait for every thread; each is bounded by the time limits of what it asks."""
        for thread in self._running:
            thread.join()


def play(show: Play) -> Journal:
    """Play the story to its end, or until every claim is settled; heals whatever happens."""
    with _loads(show) as loads:
        _before(show)
        why = _told(show, loads) if _wait_until_ready(show, loads) else "unready"
    # A journal without this last word is cut.
    show.write("over", why=why)
    return show.journal


def _told(show: Play, loads: Sequence[_Running]) -> str:
    """Play from time zero on; return why it ended."""
    show.write("zero", speed=1.0)
    _tell_zero(show)
    with _faults(show) as faults:
        why = _main_loop(show, loads, faults)
        for load in loads:
            load.end()
    _last_looks(show)
    return why


# ── before time zero ─────────────────────────────────────────────────────────


def _before(show: Play) -> None:
    """Measure every fault's absence, while nothing is broken yet."""
    for fault in show.scenario.faults:
        effect = _measure(show, fault)
        show.write("fault", name=fault.name, phase="before", **effect)


def _measure(show: Play, fault: Planned) -> dict[str, Any]:
    try:
        effect: Effect = fault.what.confirm(show.stack)
    except Exception as error:  # noqa: BLE001 - an extension that throws has measured nothing
        return {"held": False, "words": _said(error), "traffic": None}
    return {"held": effect.held, "words": effect.words, "traffic": effect.traffic}


def _said(error: Exception) -> str:
    """Return what an error says; with its type, where it was not raised on purpose."""
    on_purpose = isinstance(error, ObscheckError) or type(error) is LookupError
    return str(error) if on_purpose else f"{type(error).__name__}: {error}"


def _wait_until_ready(show: Play, loads: Sequence[_Running]) -> bool:
    """Begin the loads that flow from the start, and wait until the stack is as a story needs it."""
    if not _wait(show, loads, lambda: _unprepared(loads)):
        return False
    for load in loads:
        if load.planned.window.start == 0:
            load.begin()
    if not _wait(show, loads, show.stack.unscraped):
        return False
    show.clock.sleep(_history(show))
    expected = _expected(show.scenario)
    return _wait(show, loads, lambda: show.stack.unready(expected))


def _unprepared(loads: Sequence[_Running]) -> str:
    return next((f"{load.planned.name} is not prepared" for load in loads if not load.traffic.waiting()), "")


def _wait(show: Play, loads: Sequence[_Running], missing: Callable[[], str]) -> bool:
    """Wait until nothing is missing; note what is, and say no, when a load ends by itself or the time is over."""
    end = show.clock.now() + show.ready_within
    while words := missing():
        trouble = _trouble(show, loads)
        if trouble or show.clock.now() >= end:
            show.write("unready", words=trouble or f"{words} (waited {spoken(show.ready_within)})")
            return False
        show.clock.sleep(0.05)
    return True


def _history(show: Play) -> float:
    """Return how many seconds of traffic the claimed rules look back on."""
    plan = show.journal.last("plan")
    alerts = {name: rule["exprs"] for name, rule in plan.data["alerts"].items()} if plan else {}
    claims = [claim for claim in show.scenario.claims if claim.warm]
    return max((c.expectation.history(alerts) for c in claims if isinstance(c.expectation, AboutSeries)), default=0.0)


def _expected(scenario: Scenario) -> set[str]:
    """Return the alerts that some claim wants active at time zero."""
    wanted = [c for c in scenario.claims if isinstance(c.phrase, Eventually | Always | Once) and 0.0 in c.phrase.span]
    return {claim.expectation.alertname() for claim in wanted if isinstance(claim.expectation, AboutAlert)}


def _tell_zero(show: Play) -> None:
    """Tell every member whose own time passes with the story's that it begins."""
    try:
        for member in show.stack.all(FollowsStory).values():
            member.begin(show.journal.zero or 0.0, show.journal.speed)
    except ObscheckError as error:
        show.write("unready", words=str(error))


# ── loads ────────────────────────────────────────────────────────────────────


@dataclass
class _Running:
    """One load while the story plays."""

    planned: Planned
    traffic: Traffic
    show: Play
    state: str = "waiting"

    def begin(self) -> None:
        """Let it flow, once."""
        if self.state == "waiting":
            self.state = "flowing"
            self.traffic.begin()
            self.show.write("load", name=self.planned.name, phase="begun", words=str(self.planned.what))

    def end(self) -> None:
        """Stop it, once, and keep its log; a load takes its time to end, in which the story goes on."""
        if self.state != "ended":
            self.state = "ended"
            self.show.hands.give(self._stop)

    def _stop(self) -> None:
        self.traffic.end()
        self.show.write("load", name=self.planned.name, phase="ended", requests=self.traffic.requests())

    def turn(self, story: float) -> None:
        """Begin or end it when its time has come."""
        if story >= self.planned.window.end:
            self.end()
        elif story >= self.planned.window.start:
            self.begin()


@contextmanager
def _loads(show: Play) -> Iterator[list[_Running]]:
    loads = [_Running(planned, show.stack.traffic(planned), show) for planned in show.scenario.loads]
    try:
        yield loads
    finally:
        for load in loads:
            load.end()
        show.hands.join()


def _trouble(show: Play, loads: Sequence[_Running]) -> str:
    for load in loads:
        trouble = "" if load.state == "ended" else load.traffic.trouble()
        if trouble:
            show.write("load failed", name=load.planned.name, words=trouble)
            return f"{load.planned.name}: {trouble}"
    return ""


# ── faults ───────────────────────────────────────────────────────────────────


@dataclass
class _Harm:
    """One fault while the story plays. It is healed however the story ends."""

    planned: Planned
    show: Play
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

    def _inject(self) -> None:
        with self._lock:
            if self.over.is_set():
                return
            try:
                self.planned.what.inject(self.show.stack)
            except Exception as error:  # noqa: BLE001 - whatever it throws, the harm must be healed and the story told
                self._write("failed", failed=f"it could not be injected: {_said(error)}")
                self.state = "held"
                return
            self._write("injected")
        self._write("confirmed", **self._until(wanted=True))
        self.state = "held"

    def heal(self) -> None:
        """Undo it, and measure that it is gone; nothing when that was done. What failed is tried again at the end."""
        with self._lock:
            if self.over.is_set():
                return
            self.over.set()
            try:
                self.planned.what.heal(self.show.stack)
            except Exception as error:  # noqa: BLE001 - the other faults must be healed, too
                self._write("failed", failed=f"it could not be healed: {_said(error)}")
                self.over.clear()
                return
        if self.state != "planned":
            self._write("healed")
            self._write("gone", **self._until(wanted=False))
        self.state = "gone"

    def _until(self, *, wanted: bool) -> dict[str, Any]:
        """Measure until the effect is there (or gone), for a bounded time; return the last measurement."""
        end = self.show.clock.now() + CONFIRM
        effect = _measure(self.show, self.planned)
        while effect["held"] is not wanted and self.show.clock.now() < end and (self.over.is_set() is not wanted):
            self.show.clock.sleep(0.05)
            effect = _measure(self.show, self.planned)
        return effect

    def _write(self, phase: str, **data: Any) -> None:
        self.show.write("fault", name=self.planned.name, phase=phase, **data)


@contextmanager
def _faults(show: Play) -> Iterator[list[_Harm]]:
    faults = [_Harm(planned, show) for planned in show.scenario.faults]
    try:
        yield faults
    finally:
        for fault in reversed(faults):
            fault.heal()
        show.hands.join()


# ── looking ──────────────────────────────────────────────────────────────────


@dataclass
class _Watch:
    """One look, taken again and again; never two at a time."""

    look: Look
    show: Play
    since: float
    due: float
    stack: Asked
    busy: bool = False
    told: frozenset[str] = frozenset()

    def turn(self, now: float) -> None:
        """Look when it is due and the last look is back."""
        if self.busy or now < self.due:
            return
        if now > self.due + LATE:
            self.show.write("late", words=f"the harness looked {spoken(now - self.due)} late")
        self.due = max(self.due + self.look.every, now + self.look.every / 2)
        self.busy = True
        self.show.hands.give(self.once)

    def once(self) -> None:
        """Take one look and write what it says."""
        until = self.show.clock.now()
        # After a look that failed, the next one reaches back over it: nothing that happened meanwhile is lost.
        if _look(self.show, "look", self.look, self.since, until, self.stack):
            self.since = until
        if self.told != self.stack.names:
            self.told = frozenset(self.stack.names)
            self.show.write("asked", key=str(self.look), members=sorted(self.told))
        # A look that takes long is the answer's doing; only what comes late to a free watch is the machine's.
        self.due = max(self.due, self.show.clock.now())
        self.busy = False


def _look(show: Play, kind: str, look: Look, since: float, until: float, stack: Stack | None = None) -> bool:
    """Write what a look says, or why it says nothing, and how long it took; return whether it said something."""
    try:
        found = {"data": look.look(stack or show.stack, since, until)}
    except Exception as error:  # noqa: BLE001 - an extension that throws has seen nothing
        found = {"error": _said(error)}
    show.journal.write(kind, until, key=str(look), took=round(show.clock.now() - until, 6), **found)
    return "data" in found


def _watches(show: Play) -> list[_Watch]:
    zero = show.journal.zero or 0.0
    wanted = [claim.expectation for claim in show.scenario.claims]
    besides = [look for each in wanted if isinstance(each, LooksBesides) for look in each.besides()]
    looks: list[Look] = list(dict.fromkeys([*(each.evidence() for each in wanted), *besides]))
    return [_Watch(look, show, zero, zero, Asked(show.stack)) for look in (*looks, Vitals())]


def _main_loop(show: Play, loads: Sequence[_Running], faults: Sequence[_Harm]) -> str:
    """Do and look at what is due; return why it ended: ``settled`` (no verdict can change), ``horizon`` or ``trouble``."""
    watches, end = _watches(show), _horizon(show.scenario)
    ask = show.clock.now() + SETTLE
    while (story := show.story()) < end:
        for fault in faults:
            fault.turn(story)
        for load in loads:
            load.turn(story)
        for watch in watches:
            watch.turn(show.clock.now())
        began = show.clock.now()
        if began >= ask:
            if _trouble(show, loads) or show.settled(show.scenario, show.journal, story):
                return "trouble" if show.journal.of("load failed") else "settled"
            now = show.clock.now()
            ask = now + max(SETTLE, (now - began) / SHARE, (now - (show.journal.zero or now)) * LATER)
        show.clock.sleep(TICK)
    return "horizon"


def _horizon(scenario: Scenario) -> float:
    """Return the story second at which every window is over, whatever the anchors did."""
    ends = [fault.window.end for fault in scenario.faults]
    ends += [claim.phrase.span.end for claim in scenario.claims if not isinstance(claim.phrase, Within)]  # type: ignore[attr-defined]
    late = sum(claim.phrase.limit for claim in scenario.claims if isinstance(claim.phrase, Within))
    return max(ends, default=0.0) + late + 2 * CONFIRM


def _last_looks(show: Play) -> None:
    """Write what explains the story: what the expectations ask for, and what the stack knows."""
    now, zero = show.clock.now(), show.journal.zero or 0.0
    wanted = dict.fromkeys(c.expectation.autopsy() for c in show.scenario.claims if isinstance(c.expectation, Explains))
    for look in wanted:
        _look(show, "autopsy", look, zero, now)
    # What was too slow at the very end of a window is only counted afterwards.
    _look(show, "look", Vitals(), now, now)
    with suppress(ObscheckError):
        for kind, data in show.stack.autopsy().items():
            show.write(kind, **data)
