"""play(scenario, stack, clock) → Journal: does what the story says and notes what happens.

Stories that do not disturb each other are played side by side: one stack, one time zero, one main loop, a journal for each.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from pytest_obscheck.abilities import AboutAlert, AboutSeries
from pytest_obscheck.capabilities import FollowsStory
from pytest_obscheck.errors import ObscheckError
from pytest_obscheck.journal import Journal
from pytest_obscheck.protocols import Effect
from pytest_obscheck.scenario import Planned, Scenario
from pytest_obscheck.stage import Play, Traffic
from pytest_obscheck.watching import last_looks, said, watches
from pytest_obscheck.when import Always, Eventually, Never, Once, Within, spoken

__all__ = ["Play", "play", "play_together"]

CONFIRM = 5.0
"""Wall seconds in which a fault must be seen to have taken hold, or to be gone."""

LONG = 5.0
"""Wall seconds of silence before time zero from which on somebody wants to know why."""

TICK = 0.02
"""Wall seconds between two glances of the main loop at what is due, at least."""

SETTLE = 0.1
"""Wall seconds between two questions whether every claim is settled."""

SHARE = 0.04
"""The share of the time that these questions may take: each is about the whole story so far, and a harness that is busy
judging comes late to looking. Several stories may take more, up to that of ``CROWD``."""

CROWD = 5

LATER = 0.02
"""The share of its time by which a story may end later than it could, for the sake of fewer questions."""


@dataclass
class _Act:
    """One story among those that are played now. ``why`` it ended is ``""`` while it goes on; ``ended`` is a Unix second."""

    show: Play
    loads: Sequence[_Running]
    faults: Sequence[_Harm] = ()
    why: str = ""
    ended: float = 0.0

    def turn(self) -> None:
        """Do what is due; a story that is settled goes on with its faults and their cures until all are."""
        story = self.show.story()
        for fault in self.faults:
            fault.turn(story)
        for load in self.loads:
            load.turn(story)

    def turns(self) -> Iterator[float]:
        """Yield the Unix seconds at which a window of a load or a fault begins or ends, and the last one of the story."""
        for each in (*self.show.scenario.loads, *self.show.scenario.faults):
            yield from (self.show.wall(each.window.start), self.show.wall(each.window.end))
        yield self.show.wall(self.end())

    def end(self) -> float:
        """Return the story second at which it is over, whatever happened."""
        return _horizon(self.show.scenario) + 2 * CONFIRM * self.show.speed

    def goes_on(self) -> bool:
        """Whether a verdict may still change."""
        if not self.why and self.show.story() >= self.end():
            self._over("horizon")
        return not self.why

    def ask(self) -> None:
        """Find out whether it is over: ``settled`` (no verdict can change), or ``trouble``."""
        if _trouble(self.show, self.loads):
            self._over("trouble")
        elif self.show.story() >= _earliest(self.show.scenario) and self.show.settled(
            self.show.scenario, self.show.journal, self.show.story()
        ):
            self._over("settled")

    def _over(self, why: str) -> None:
        self.why, self.ended = why, self.show.clock.now()


def play(show: Play) -> Journal:
    """Play a story to its end, or until every claim is settled; heals whatever happens."""
    return play_together([show])[0]


def play_together(shows: Sequence[Play]) -> list[Journal]:
    """Play stories side by side on one stack, until every claim of each is settled; heals whatever happens."""
    with ExitStack() as ends:
        acts = [_Act(show, ends.enter_context(_loads(show))) for show in shows]
        for show in shows:
            _before(show)
        if _wait_until_ready(acts):
            _told(acts)
    # A journal without this last word is cut.
    for act in acts:
        act.show.write("over", why=act.why or "unready", ended=act.ended or act.show.clock.now())
    return [show.journal for show in shows]


def _told(acts: Sequence[_Act]) -> None:
    """Play from time zero on, which is one moment for all."""
    zero = acts[0].show.clock.now()
    for act in acts:
        act.show.journal.write("zero", zero, speed=act.show.speed)
    _tell_zero(acts)
    with ExitStack() as heals:
        for act in acts:
            act.faults = heals.enter_context(_faults(act.show))
        _main_loop(acts)
        for load in [load for act in acts for load in act.loads]:
            load.end()
    last_looks([act.show for act in acts])


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
        return {"held": False, "words": said(error), "traffic": None}
    return {"held": effect.held, "words": effect.words, "traffic": effect.traffic}


def _wait_until_ready(acts: Sequence[_Act]) -> bool:
    """Begin the loads that flow from the start, and wait until the stack is as every story needs it."""
    stack, loads = acts[0].show.stack, [load for act in acts for load in act.loads]
    if not _wait(acts, lambda: _unprepared(loads)):
        return False
    began = acts[0].show.clock.now()
    for load in loads:
        if load.planned.window.start == 0:
            load.begin()
    if not _wait(acts, stack.unscraped):
        return False
    _fill_ranges([act.show for act in acts], began)
    expected = set[str]().union(*(_expected(act.show.scenario) for act in acts))
    return _wait(acts, lambda: stack.unready(expected))


def _unprepared(loads: Sequence[_Running]) -> str:
    return next((f"{load.planned.name} is not prepared" for load in loads if not load.traffic.waiting()), "")


def _wait(acts: Sequence[_Act], missing: Callable[[], str]) -> bool:
    """Wait until nothing is missing; note what is, and say no, when a load ends by itself or the time is over."""
    show = acts[0].show
    end = show.clock.now() + show.ready_within
    while words := missing():
        trouble = next((why for act in acts if (why := _trouble(act.show, act.loads))), "")
        if trouble or show.clock.now() >= end:
            for act in acts:
                act.show.write("unready", words=trouble or f"{words} (waited {spoken(show.ready_within)})")
            return False
        show.clock.sleep(0.05)
    return True


def _fill_ranges(shows: Sequence[Play], began: float) -> None:
    """Let traffic, which began then, flow for as long as the claimed rules look back, and say so where that is long."""
    waits = [(wait, show, what) for show in shows for wait, what in _histories(show)]
    wait, show, what = max(waits, key=lambda each: each[0], default=(0.0, shows[0], ""))
    if wait > LONG:
        show.tell(f"waiting {spoken(wait)} for the range of `{what}`; `warm: false` skips it")
    show.clock.sleep(max(0.0, began + wait - show.clock.now()))


def _histories(show: Play) -> Iterator[tuple[float, str]]:
    """Yield how many wall seconds of traffic each claim looks back on, and what it is about."""
    plan = show.journal.last("plan")
    alerts = {name: rule["exprs"] for name, rule in plan.data["alerts"].items()} if plan else {}
    for what in (claim.expectation for claim in show.scenario.claims if claim.warm):
        if isinstance(what, AboutSeries):
            name = what.alertname() if isinstance(what, AboutAlert) else ""
            yield what.history(alerts) / show.speed, name or str(what)


def _expected(scenario: Scenario) -> set[str]:
    """Return the alerts that some claim wants active at time zero."""
    wanted = [c for c in scenario.claims if isinstance(c.phrase, Eventually | Always | Once) and 0.0 in c.phrase.span]
    return {claim.expectation.alertname() for claim in wanted if isinstance(claim.expectation, AboutAlert)}


def _tell_zero(acts: Sequence[_Act]) -> None:
    """Tell every member whose own time passes with the story's that it begins."""
    show = acts[0].show
    try:
        for member in show.stack.all(FollowsStory).values():
            member.begin(show.journal.zero or 0.0, show.journal.speed)
    except ObscheckError as error:
        for act in acts:
            act.show.write("unready", words=str(error))


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
            try:
                self.planned.what.heal(self.show.stack)
            except Exception as error:  # noqa: BLE001 - the other faults must be healed, too
                self._write("failed", failed=f"it could not be healed: {said(error)}")
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


# ── the stories' time ─────────────────────────────────────────────────────────


def _main_loop(acts: Sequence[_Act]) -> None:
    """Do and look at what is due, until no story goes on."""
    clock, zero = acts[0].show.clock, acts[0].show.journal.zero or 0.0
    looks = watches([act.show for act in acts])
    ask, asked = clock.now() + SETTLE, cycle(acts)
    while going := [act for act in acts if act.goes_on()]:
        for act in acts:
            act.turn()
        for look in looks:
            look.turn(clock.now())
        began = clock.now()
        if began >= ask:
            next(act for act in asked if act in going).ask()
            now = clock.now()
            pause = max(SETTLE, (now - zero) * LATER) / len(going)
            ask = now + max(pause, (now - began) / (SHARE * min(len(going), CROWD)))
        if all(act.why for act in acts):
            return
        clock.sleep(_pause(acts, min(ask, *(look.due for look in looks))))


def _earliest(scenario: Scenario) -> float:
    """Return the story second before which no story can be settled: some window is not over."""
    ends = [claim.phrase.span.end for claim in scenario.claims if isinstance(claim.phrase, Always | Never | Once)]
    return max(ends, default=0.0)


def _pause(acts: Sequence[_Act], due: float) -> float:
    """Return how long nothing is due: no window begins or ends, and no harm is on its way."""
    if any(fault.state in ("injecting", "healing") for act in acts for fault in act.faults):
        return TICK
    now = acts[0].show.clock.now()
    # A look that is still busy is overdue.
    return max(TICK, min([due, *(at for act in acts for at in act.turns() if at > now)]) - now)


def _horizon(scenario: Scenario) -> float:
    """Return the story second at which every window is over, whatever the anchors did."""
    ends = [fault.window.end for fault in scenario.faults]
    ends += [claim.phrase.span.end for claim in scenario.claims if not isinstance(claim.phrase, Within)]  # type: ignore[attr-defined]
    late = sum(claim.phrase.limit for claim in scenario.claims if isinstance(claim.phrase, Within))
    return max(ends, default=0.0) + late
