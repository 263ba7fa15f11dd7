"""Looks: what is taken again and again while stories play, once for all that want it, and what is taken at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pytest_obscheck.abilities import AsksService, Explains, looks_behind
from pytest_obscheck.errors import ObscheckError, said
from pytest_obscheck.grounds import read_of
from pytest_obscheck.noise import LAG, calm, foregone, noise_of
from pytest_obscheck.protocols import Look, Stack
from pytest_obscheck.scrapes import Sources, lost_any
from pytest_obscheck.stage import Asked, Hands, Play
from pytest_obscheck.starvation import Queues
from pytest_obscheck.vitals import Vitals
from pytest_obscheck.when import spoken

VITAL: tuple[Look, ...] = (Vitals(), Queues())
"""What is looked at in every story: whether the machine keeps up."""

LATE = 1.0
"""Wall seconds by which the harness may come late: looks reach back over shorter pauses, so that nothing is lost in them."""


NEAR = 0.01
"""Wall seconds within which looks are due together."""

HELP = 0.02
"""Wall seconds after which looks that wait for another one are taken by a second hand."""


@dataclass
class Watch:
    """One look, taken again and again for every story that wants it; never two at a time."""

    look: Look
    shows: Sequence[Play]
    since: float
    due: float
    stack: Asked
    busy: bool = False
    told: frozenset[str] = frozenset()

    def turn(self, now: float) -> bool:
        """Whether it is time to look: it is due, and the last look is back."""
        if self.busy or now < self.due - NEAR:
            return False
        if now > self.due + LATE:
            for show in self.shows:
                show.write("late", words=f"the harness looked {spoken(now - self.due)} late")
        self.due = max(self.due + self.look.every, now + self.look.every / 2)
        self.busy = True
        return True

    def once(self) -> None:
        """Take one look and write what it says."""
        clock = self.shows[0].clock
        until = clock.now()
        # After a look that failed, the next one reaches back over it: nothing that happened meanwhile is lost.
        if _look(self.shows, "look", self.look, self.since, until, self.stack):
            self.since = until
        if self.told != self.stack.names:
            self.told = frozenset(self.stack.names)
            for show in self.shows:
                show.write("asked", key=str(self.look), members=sorted(self.told))
        # A look that takes long is the answer's doing; only what comes late to a free watch is the machine's.
        self.due = max(self.due, clock.now())
        self.busy = False


@dataclass
class Watches:
    """Every watch of the stories that are played. What is due together is taken by one hand, one look after the other.

    To wake a thread for each costs more than most looks do. Where one of them waits for its answer another hand helps.
    """

    each: Sequence[Watch]
    hands: Hands
    given: float = 0.0
    _waiting: deque[Watch] = field(default_factory=deque)

    def turn(self, now: float) -> bool:
        """Have taken what is due, and what waits for too long; whether anything was due."""
        fresh = [watch for watch in self.each if watch.turn(now)]
        self._waiting.extend(fresh)
        if fresh or (self._waiting and now >= self.given + HELP):
            self.given = now
            self.hands.give(self._take)
        return bool(fresh)

    def due(self) -> float:
        """Return the Unix second at which something is to be done next."""
        due = min(watch.due for watch in self.each)
        return min(due, self.given + HELP) if self._waiting else due

    def _take(self) -> None:
        # Another hand may take the last one at any time.
        with suppress(IndexError):
            while True:
                self._waiting.popleft().once()


def watches(shows: Sequence[Play]) -> Watches:
    """Return the looks that the claims of the stories want, equal ones once, and the vitals."""
    wanted: dict[Look, list[Play]] = {}
    for show in shows:
        for look in looks_behind(claim.expectation for claim in show.scenario.claims):
            wanted.setdefault(look, []).append(show)
    wanted.update((vital, list(shows)) for vital in VITAL)
    zero, stack = shows[0].journal.zero or 0.0, shows[0].stack
    # Those that services answer come first, for their requests are themselves something that happens.
    looks = sorted(wanted, key=lambda look: not isinstance(look, AsksService))
    return Watches([Watch(look, wanted[look], zero, zero, Asked(stack)) for look in looks], shows[0].hands)


def foretold(show: Play, began: float) -> str:
    """Return that noise would decide a claim of a story that is about to begin, by what was counted since its load flows."""
    noise = noise_of(calm(show.scenario))
    if show.speed == 1 or not noise.names:
        return ""
    _look([show], "warm-up", noise, min(began + LAG, show.clock.now()), show.clock.now())
    event = show.journal.last("warm-up")
    return foregone(event.data["data"]["alerts"], show.speed) if event and "data" in event.data else ""


def last_looks(shows: Sequence[Play]) -> None:
    """Write what explains the stories: what their expectations ask for, and what their stack knows."""
    now, zero = shows[0].clock.now(), shows[0].journal.zero or 0.0
    wanted: dict[Look, list[Play]] = {}
    for show in shows:
        for look in dict.fromkeys(_explaining(show)):
            wanted.setdefault(look, []).append(show)
    for look, those in wanted.items():
        _look(those, "autopsy", look, zero, now)
    # What was too slow at the very end of a window is only counted afterwards.
    for vital in VITAL:
        _look(shows, "look", vital, now, now)
    with suppress(ObscheckError):
        for kind, data in shows[0].stack.autopsy().items():
            for show in shows:
                show.write(kind, **data)
    _who_brings([show for show in shows if lost_any(show.journal)], zero, now)


def _who_brings(shows: Sequence[Play], zero: float, now: float) -> None:
    """Write which targets bring what claims read, for stories in which a scrape was lost: whether that bears on them."""
    read = {(show, name) for show in shows for each in show.scenario.claims for name in read_of(each.expectation, show.journal)}
    if read:
        _look(
            list(dict.fromkeys(show for show, _ in read)),
            "autopsy",
            Sources(tuple(sorted({name for _, name in read}))),
            zero,
            now,
        )


def _explaining(show: Play) -> Iterable[Look]:
    wanted = (each.expectation.autopsy() for each in show.scenario.claims if isinstance(each.expectation, Explains))
    yield from (look for look in wanted if look is not None)
    noise = noise_of(show.scenario.claims)
    if show.speed != 1 and noise.names:
        yield noise


def _look(shows: Sequence[Play], kind: str, look: Look, since: float, until: float, stack: Stack | None = None) -> bool:
    """Write what a look says, or why it says nothing, and how long it took; return whether it said something."""
    try:
        found = {"data": look.look(stack or shows[0].stack, since, until)}
    except Exception as error:  # noqa: BLE001 - an extension that throws has seen nothing
        found = {"error": said(error)}
    took = round(shows[0].clock.now() - until, 6)
    for show in shows:
        show.journal.write(kind, until, key=str(look), took=took, **found)
    return "data" in found
