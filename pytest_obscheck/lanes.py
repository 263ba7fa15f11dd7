"""Lanes: how stories get played, each unit of them on a stack of its own, several at the same time where the machine can.

The first lane is whoever asks for a result; the others have threads. A lane has its own sessions, and one stack at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pytest_obscheck.clock import Clock, StoppableClock, Stopped
from pytest_obscheck.hands import Threads
from pytest_obscheck.scenario import Scenario
from pytest_obscheck.session import Played, Session, are, undisturbed
from pytest_obscheck.verdict import Outcome

GRACE = 5.0
"""Wall seconds that lanes get to let go of what they do when all is to end."""

NOTICE = 1.0
"""Wall seconds after which who waits looks again, in case nobody woke him."""


@dataclass(frozen=True, eq=False)
class Unit:
    """Stories, by the names that they are asked for by, that are played at the same time on one stack, that of ``home``.

    ``copies``: how many such stacks may run. ``alone``: it takes from the machine, which all share. ``lasts``: the wall seconds
    that it takes at least. ``again``: it was played before, and that told nothing of these stories.
    """

    home: Session
    stories: Mapping[str, Scenario]
    copies: int = 1
    alone: bool = False
    lasts: float = 0.0
    again: bool = False

    @property
    def sped(self) -> bool:
        """Whether time passes faster on its stack."""
        return self.home.plan.pace.by > 1


def may_start(unit: Unit, playing: Collection[Unit], at_once: int) -> bool:
    """Whether a unit may be played beside others.

    At most ``at_once`` stacks run; or as many as there may be copies of one, where no other runs. Of different stacks only one
    may be sped up: that takes all the quickness which the machine has.
    """
    if unit.alone or any(other.alone for other in playing):
        return not playing
    same = [other for other in playing if other.home is unit.home]
    if len(same) == len(playing):
        return len(same) < unit.copies
    both = unit.sped and any(other.sped for other in playing if other not in same)
    return len(same) < unit.copies and len(playing) < at_once and not both


@dataclass
class _Lane:
    """Plays one unit after the other on stacks of its own; that of ``session``, made after ``home``, may be running."""

    home: Session | None = None
    session: Session | None = None

    def session_of(self, unit: Unit, clock: Clock) -> Session:
        """Return its session for a unit; that of another stack is closed."""
        if self.home is not unit.home or self.session is None:
            self.close()
            self.home, self.session = unit.home, unit.home.another(clock)
        return self.session

    def close(self) -> None:
        """End its stack; idempotent."""
        session, self.home, self.session = self.session, None, None
        if session is not None:
            session.close()


@dataclass
class Lanes:
    """Plays units, and keeps what came of each story until somebody asks for it.

    ``at_once``: how many stacks this machine can run. ``into``: where journals and reports go. ``opened``: is told of sessions.
    ``begun``: what was played, in that order, each story once. ``most``: how many stacks really ran at the same time.
    """

    at_once: int
    into: Path
    tell: Callable[[str], None] = lambda _: None
    opened: Callable[[Session], None] = lambda _: None
    begun: list[Unit] = field(default_factory=list)
    most: int = 0
    _waiting: list[Unit] = field(default_factory=list)
    _playing: dict[Unit, bool] = field(default_factory=dict)
    _came: dict[str, Played | Exception] = field(default_factory=dict)
    _home: Session | None = None
    _lanes: list[_Lane] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _stop: threading.Event = field(default_factory=threading.Event)
    _asked: bool = False

    # ── for who asks ──

    def add(self, units: Sequence[Unit]) -> None:
        """Take units on; they are played while somebody waits for a result."""
        with self._changed:
            self._waiting += units

    def knows(self, story: str) -> bool:
        """Whether it is known what came of that story, or will be."""
        with self._changed:
            return story in self._came or any(story in unit.stories for unit in (*self._waiting, *self._playing))

    def result(self, story: str) -> Played:
        """Return what came of a story, or raise why it could not be played; play what there is until that is known."""
        self._hire()
        with self._asking():
            while (came := self._told(story)) is None:
                unit = self._next(self._home, story)
                if unit is not None:
                    self._home = unit.home
                    self._play(unit.home, unit)
        if isinstance(came, Exception):
            raise came
        return came

    def rest(self) -> None:
        """Wait until nothing is played; nothing more begins before somebody asks for a result again."""
        with self._changed:
            while self._playing:
                self._changed.wait(NOTICE)

    def close(self) -> None:
        """End whatever is played, and the stacks of all lanes but the first; idempotent."""
        with undisturbed(), self._changed:
            self._stop.set()
            self._waiting.clear()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._lanes, GRACE)
            # Who is still there hangs in a question to what runs there, and ends with it.
            for lane in self._lanes:
                lane.close()

    # ── playing ──

    def _hire(self) -> None:
        """Have a thread for each lane beside the first."""
        most = max([self.at_once, *(unit.copies for unit in self._waiting)])
        while len(self._lanes) < min(most, len(self._waiting)) - 1:
            lane = _Lane()
            self._lanes.append(lane)
            Threads().give(partial(self._live, lane))

    def _live(self, lane: _Lane) -> None:
        """Play what there is until all is to end."""
        clock = StoppableClock(self._stop)
        try:
            with suppress(Stopped):
                while not self._stop.is_set():
                    unit = self._next(lane.home)
                    if unit is not None:
                        self._play(self._session(lane, unit, clock), unit)
                    elif not self._needed(lane):
                        lane.close()
        finally:
            lane.close()
            with self._changed:
                self._lanes.remove(lane)
                self._changed.notify_all()

    def _session(self, lane: _Lane, unit: Unit, clock: Clock) -> Session:
        session = lane.session_of(unit, clock)
        self.opened(session)
        return session

    def _needed(self, lane: _Lane) -> bool:
        with self._changed:
            return any(unit.home is lane.home for unit in self._waiting)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        with self._changed:
            self._asked = True
            self._changed.notify_all()
        try:
            yield
        finally:
            self._asked = False

    def _told(self, story: str) -> Played | Exception | None:
        with self._changed:
            return self._came.pop(story, None)

    def _next(self, home: Session | None, wanted: str = "") -> Unit | None:
        """Begin a unit and return it: the wanted one, or one whose stack runs, or that nobody plays, or else the longest.

        ``None`` after a while in which there was none.
        """
        with self._changed:
            homes = [unit.home for unit in self._playing]
            free = [unit for unit in self._waiting if self._asked and may_start(unit, self._playing, self.at_once)]
            if not free:
                self._changed.wait(NOTICE)
                return None
            unit = min(
                free,
                key=lambda each: (
                    wanted not in each.stories,
                    each.home is not home,
                    any(each.home is other for other in homes),
                    -each.lasts,
                ),
            )
            self._waiting.remove(unit)
            self._playing[unit] = bool(self._playing)
            self._playing |= dict.fromkeys(self._playing, len(self._playing) > 1)
            if not unit.again:
                self.begun.append(unit)
            self.most = max(self.most, len(self._playing))
            return unit

    def _play(self, session: Session, unit: Unit) -> None:
        """Play a unit, and keep what came of it; what is unknown in company is played again without."""
        came: Mapping[str, Played | Exception] = {}
        try:
            came = self._came_of(session, unit)
        finally:
            with self._changed:
                company = self._playing.pop(unit)
                lost = {name: unit.stories[name] for name, each in came.items() if company and _is_unknown(each)}
                if lost:
                    self._waiting.append(replace(unit, stories=lost, alone=True, again=True))
                self._came |= {name: each for name, each in came.items() if name not in lost}
                self._changed.notify_all()
        if lost:
            self.tell(f"beside other stacks {are(lost)} unknown; played again, alone")

    def _came_of(self, session: Session, unit: Unit) -> Mapping[str, Played | Exception]:
        stories = list(unit.stories.values())
        try:
            made = session.play(stories, self.into)
            if not self._playing[unit]:
                made = session.slower(stories, made, self.into)
        except Exception as error:  # noqa: BLE001 - it is for who asks
            return dict.fromkeys(unit.stories, error)
        return dict(zip(unit.stories, made, strict=True))


def _is_unknown(came: Played | Exception) -> bool:
    return isinstance(came, Played) and came.report.outcome is Outcome.UNKNOWN
