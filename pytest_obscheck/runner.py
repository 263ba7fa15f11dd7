"""play(scenario, stack, clock) → Journal: does what the story says and notes what happens.

Stories that do not disturb each other are played side by side: one time zero, one main loop, a journal for each. Those with the
same loads and faults are one experiment: what is done is done once, and told to each of them.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from itertools import cycle

from pytest_obscheck.abilities import AboutAlert, AboutSeries
from pytest_obscheck.clock import Clock
from pytest_obscheck.deeds import CONFIRM, Flow, Harm, before, flows, harms, tell, trouble
from pytest_obscheck.errors import ObscheckError
from pytest_obscheck.journal import Journal, alert_exprs
from pytest_obscheck.scenario import Claim, Scenario, must_last
from pytest_obscheck.stage import Play, alike
from pytest_obscheck.watching import foretold, last_looks, watches
from pytest_obscheck.when import Always, Eventually, Never, Once, Within, spoken

__all__ = ["Play", "play", "play_together"]

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

SPARE = 0.05
"""Wall seconds of such questions that may come at once: when a window has just ended there is more to find out than later."""

PATIENCE = 30.0
"""Wall seconds of a story from which on it is said before how long it takes."""

LATER = 0.02
"""The share of its time by which a story may end later than it could, for the sake of fewer questions."""


@dataclass(eq=False)
class _Act:
    """One story among those that are played now. ``why`` it ended is ``""`` while it goes on; ``ended`` is a Unix second."""

    show: Play
    loads: Sequence[Flow]
    faults: Sequence[Harm] = ()
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
        yield self.show.wall(self.end)

    @cached_property
    def end(self) -> float:
        """Return the story second at which it is over, whatever happened."""
        return _horizon(self.show.scenario) + 2 * CONFIRM * self.show.speed

    @cached_property
    def earliest(self) -> float:
        """Return the story second before which it cannot be settled."""
        return must_last(self.show.scenario)

    def goes_on(self) -> bool:
        """Whether a verdict may still change."""
        if not self.why and self.show.story() >= self.end:
            self._over("horizon")
        return not self.why

    def ask(self) -> None:
        """Find out whether it is over: ``settled`` (no verdict can change), or ``trouble``."""
        if trouble(self.show, self.loads):
            self._over("trouble")
        elif self.show.story() >= self.earliest and self.show.settled(self.show.scenario, self.show.journal, self.show.story()):
            self._over("settled")

    def _over(self, why: str) -> None:
        self.why, self.ended = why, self.show.clock.now()


def play(show: Play) -> Journal:
    """Play a story to its end, or until every claim is settled; heals whatever happens."""
    return play_together([show])[0]


def play_together(shows: Sequence[Play]) -> list[Journal]:
    """Play stories side by side on one stack until every claim of each is settled; heals whatever happens."""
    acts: list[_Act] = []
    with ExitStack() as ends:
        for twins in alike(shows):
            loads = ends.enter_context(flows(twins))
            acts += [_Act(show, loads) for show in twins]
        if ready := _wait_until_ready(acts):
            _told(ready)
    # A journal without this last word is cut.
    for act in acts:
        act.show.write("over", why=act.why or "unready", ended=act.ended or act.show.clock.now())
    return [show.journal for show in shows]


def _told(acts: Sequence[_Act]) -> None:
    """Play from time zero on, which is one moment for all."""
    zero = acts[0].show.clock.now()
    for act in acts:
        act.show.journal.write("zero", zero, speed=act.show.speed)
    _announce([act.show for act in acts])
    _tell_zero(acts)
    with ExitStack() as heals:
        for twins in alike(act.show for act in acts):
            faults = heals.enter_context(harms(twins))
            for act in (act for act in acts if act.show in twins):
                act.faults = faults
        _main_loop(acts)
        for load in [load for act in acts for load in act.loads]:
            load.end()
    last_looks([act.show for act in acts])


# ── before time zero ─────────────────────────────────────────────────────────


def _wait_until_ready(acts: Sequence[_Act]) -> Sequence[_Act]:
    """Begin the loads that flow from the start, and wait until the stack is as stories need it; return those that can begin."""
    show = acts[0].show
    if not _wait(acts, lambda: _unprepared(acts)):
        return ()
    began = show.clock.now()
    for load in [load for act in acts for load in act.loads]:
        if load.planned.window.start == 0:
            load.begin()
    # While ranges are filled, there is time for it.
    for twins in alike(act.show for act in acts):
        before(twins)
    if not _wait(acts, show.stack.unscraped):
        return ()
    _fill_ranges([act.show for act in acts], began)
    expected = set[str]().union(*(_expected(act.show.scenario) for act in acts))
    return _open(acts, began) if _wait(acts, lambda: show.stack.unready(expected)) else ()


def _open(acts: Sequence[_Act], began: float) -> Sequence[_Act]:
    """Return the stories that noise need not decide; the others say why they are not played."""
    foregone = {act: words for act in acts if (words := foretold(act.show, began))}
    for act, words in foregone.items():
        tell([act.show], "unready", words=words)
    return [act for act in acts if act not in foregone]


def _unprepared(acts: Sequence[_Act]) -> str:
    loads = [load for act in acts for load in act.loads]
    return next((f"{load.planned.name} is not prepared" for load in loads if not load.traffic.waiting()), "")


def _wait(acts: Sequence[_Act], missing: Callable[[], str]) -> bool:
    """Whether after a while nothing is missing; where a load ended by itself or the time was over, what is is noted."""
    show = acts[0].show
    began = show.clock.now()
    while words := missing():
        died = next((why for act in acts if (why := trouble(act.show, act.loads))), "")
        patience = show.patience.lasts(words)
        if died or show.clock.now() >= began + patience:
            tell([act.show for act in acts], "unready", words=died or f"{words} (waited {spoken(patience)})")
            show.patience.lose(words)
            return False
        show.clock.sleep(0.05)
    return True


def _fill_ranges(shows: Sequence[Play], began: float) -> None:
    """Let traffic, which began then, flow for as long as the claimed rules look back, and say so where that is long."""
    waits = [(wait, show, what) for show in shows for wait, what in _histories(show) if wait > 0]
    if waits:
        wait, show, what = max(waits, key=lambda each: each[0])
        if wait > LONG:
            show.tell(f"waiting {spoken(wait)} for the range of `{what}`; `warm: false` skips it")
        show.clock.sleep(max(0.0, began + wait - show.clock.now()))


def _histories(show: Play) -> Iterator[tuple[float, str]]:
    """Yield how many wall seconds of traffic each claim looks back on, and what it is about."""
    alerts = alert_exprs(show.journal)
    for claim in (claim for claim in show.scenario.claims if claim.warm):
        what = claim.expectation
        if isinstance(what, AboutSeries):
            name = what.alertname() if isinstance(what, AboutAlert) else ""
            yield (what.history(alerts) - _own_history(claim)) / show.speed, name or str(what)


def _own_history(claim: Claim) -> float:
    """Return the story seconds of its own that a claim looks back on first; an alert is what it was before its window, too."""
    later = isinstance(claim.phrase, Always | Eventually | Never | Once) and not isinstance(claim.expectation, AboutAlert)
    return claim.phrase.span.start if later else 0.0  # type: ignore[attr-defined]


def _expected(scenario: Scenario) -> set[str]:
    """Return the alerts that some claim wants active at time zero."""
    wanted = [c for c in scenario.claims if isinstance(c.phrase, Eventually | Always | Once) and 0.0 in c.phrase.span]
    return {claim.expectation.alertname() for claim in wanted if isinstance(claim.expectation, AboutAlert)}


def _tell_zero(acts: Sequence[_Act]) -> None:
    """Tell every member whose own time passes with the story's that it begins."""
    show = acts[0].show
    try:
        show.stack.begin(show.journal.zero or 0.0, show.journal.speed)
    except ObscheckError as error:
        tell([act.show for act in acts], "unready", words=str(error))


def _announce(shows: Sequence[Play]) -> None:
    """Say how long it takes, where that is long."""
    takes, show = max(((_foreseen(show.scenario) / show.speed, show) for show in shows), key=lambda each: each[0])
    if takes > PATIENCE:
        faster = "; --obs-speed auto lets it pass faster" if show.speed == 1 else f", at speed {show.speed:g}"
        show.tell(f"{show.scenario.name!r} takes some {spoken(takes)}{faster}")


def _foreseen(scenario: Scenario) -> float:
    """Return the story second at which it is over, where faults begin and end as planned and nothing comes early."""
    anchors = {fault.name: fault.window.start for fault in scenario.faults}
    anchors |= {f"cure of {fault.name}": fault.window.end for fault in scenario.faults}
    windows = [claim.phrase.window(anchors) for claim in scenario.claims]
    return max([*anchors.values(), *(window.end for window in windows if window)], default=0.0)


# ── the stories' time ─────────────────────────────────────────────────────────


def _main_loop(acts: Sequence[_Act]) -> None:
    """Do and look at what is due, until no story goes on."""
    clock = acts[0].show.clock
    looks, turns = watches([act.show for act in acts]), sorted(at for act in acts for at in act.turns())
    questions = _Questions(cycle(acts), clock.now())
    while going := [act for act in acts if act.goes_on()]:
        for act in acts:
            act.turn()
        if looks.turn(clock.now()):
            questions.after_looks(clock.now())
        questions.turn(going, clock)
        if all(act.why for act in acts):
            return
        clock.sleep(_pause(acts, turns, min(questions.due, looks.due())))


@dataclass
class _Questions:
    """When to find out next whether a story is over. ``spent``: seconds that questions took beyond their share of the time."""

    asked: Iterator[_Act]
    began: float
    spent: float = 0.0
    last: float = field(init=False)
    due: float = field(init=False)

    def __post_init__(self) -> None:
        """Leave a story some time to begin."""
        self.last, self.due = self.began, self.began + SETTLE

    def after_looks(self, now: float) -> None:
        """Ask when what is looked at now is known, rather than a moment before the next looks."""
        if self.due <= now + SETTLE:
            self.due = min(self.due, now + TICK)

    def turn(self, going: Sequence[_Act], clock: Clock) -> None:
        """Ask about one of the stories that go on, where a question is due; the one that ends a story is free, as its last."""
        begun = clock.now()
        if begun < self.due:
            return
        act = next(act for act in self.asked if act in going)
        act.ask()
        now, share = clock.now(), SHARE * min(len(going), CROWD)
        cost = 0.0 if act.why else now - begun
        self.spent = max(0.0, self.spent - (begun - self.last) * share) + cost
        pause = max(SETTLE, (now - self.began) * LATER) / len(going)
        self.last, self.due = now, now + max(pause, (self.spent - SPARE) / share)


def _pause(acts: Sequence[_Act], turns: Sequence[float], due: float) -> float:
    """Return how long nothing is due: no window begins or ends, and no harm is on its way."""
    if any(fault.state in ("injecting", "healing") for act in acts for fault in act.faults):
        return TICK
    now = acts[0].show.clock.now()
    # A look that is still busy is overdue.
    return max(TICK, min([due, *turns[bisect(turns, now) :][:1]]) - now)


def _horizon(scenario: Scenario) -> float:
    """Return the story second at which every window is over, whatever the anchors did."""
    ends = [fault.window.end for fault in scenario.faults]
    ends += [claim.phrase.span.end for claim in scenario.claims if not isinstance(claim.phrase, Within)]  # type: ignore[attr-defined]
    late = sum(claim.phrase.limit for claim in scenario.claims if isinstance(claim.phrase, Within))
    return max(ends, default=0.0) + late
