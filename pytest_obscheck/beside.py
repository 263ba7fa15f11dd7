"""Stories on the stacks of several sessions at the same time: played as one, judged by each session for itself."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from pytest_obscheck import runner
from pytest_obscheck.errors import ObscheckError
from pytest_obscheck.hands import all_at_once
from pytest_obscheck.session import Made, Session, Units
from pytest_obscheck.stack import LiveStack

Came = Made | ObscheckError
"""What came of the stories of a part, or why none of them could be played, which hinders no other part."""


@dataclass
class Part:
    """A session, and the units that it plays: the stories of one stack each."""

    session: Session
    units: Units
    _stacks: Sequence[LiveStack] = ()
    _shows: Sequence[runner.Play] = ()
    trouble: ObscheckError | None = field(default=None, init=False)

    def prepare(self) -> None:
        """Have its stacks running, or know why they do not."""
        try:
            for scenario in [scenario for unit in self.units for scenario in unit]:
                self.session.check(scenario)
            self._stacks = self.session.running(self.units)
        except ObscheckError as error:
            self.trouble = error

    def enter(self, stages: ExitStack, into: Path) -> Sequence[runner.Play]:
        """Return its plays, which begin to write their journals."""
        self._shows = stages.enter_context(self.session.on_stage(self.units, self._stacks, into))
        return self._shows

    def came(self, into: Path, *, crowd: bool) -> Came:
        """Return what came of its stories."""
        if self.trouble is not None:
            return self.trouble
        try:
            return self.session.again(self.units, self.session.told(self.units, self._shows, into), into, crowd=crowd)
        except ObscheckError as error:
            return error


def play_beside(parts: Sequence[Part], into: Path) -> list[Came]:
    """Play the stories of every part at the same time, each unit on a stack of its own, and judge them."""
    all_at_once([part.prepare for part in parts])
    ready = [part for part in parts if part.trouble is None]
    try:
        with ExitStack() as stages:
            shows = [show for part in ready for show in part.enter(stages, into)]
            if shows:
                runner.play_together(shows)
    except ObscheckError as error:
        for part in ready:
            part.trouble = error
    crowd = sum(len(part.units) for part in ready) > 1
    return [part.came(into, crowd=crowd) for part in parts]
