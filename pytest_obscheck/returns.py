"""Members that a cure starts again: that takes its time at every speed, and a speed makes much story time of it.

At the speed of production a process that is there after a second is there at once. Six minutes of a story at speed 750 are half
a second: what a claim wanted within them may have failed for that second alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pytest_obscheck.journal import Event, Journal
from pytest_obscheck.verdict import TOO_SLOW
from pytest_obscheck.when import Always, Eventually, Never, Phrase, Window, Within, spoken


@dataclass(frozen=True)
class Return:
    """A member that was started again. ``took``: wall seconds until it could do its work, infinite where it never could."""

    member: str
    took: float
    speed: float

    @property
    def late(self) -> float:
        """Return the story seconds by which it was there later than at the speed of production."""
        return self.took * (self.speed - 1)

    def windows(self, phrase: Phrase, window: Window) -> Sequence[Window]:
        """Return the windows in which a claim must fail, too, for its failure not to come of that.

        What did not come may have come later by as much; what came at the beginning would have come before it.
        """
        longer = Window(window.start, window.end + self.late)
        shorter = Window(min(window.start + self.late, window.end), window.end)
        if isinstance(phrase, Eventually | Within):
            return (longer,)
        return (shorter,) if isinstance(phrase, Always | Never) else (longer, shorter)

    def __str__(self) -> str:
        """Return what it took."""
        if self.took == math.inf:
            return f"{TOO_SLOW}: {self.member} was not ready again while anybody waited for it"
        story = f"{spoken(self.took * self.speed)} at speed {self.speed:g}"
        return f"{TOO_SLOW}: {self.member} took {spoken(self.took)} of wall time to be ready again, {story}"


def slowest_return(journal: Journal, window: Window) -> Return | None:
    """Return the member that took longest to be there again, of those whose cure came before a window was over."""
    found = [_return(journal, event) for event in journal.of("fault", phase="healed") if event.data.get("returns")]
    mine = [each for healed, each in found if healed <= window.end]
    return max(mine, key=lambda each: each.took, default=None)


def _return(journal: Journal, healed: Event) -> tuple[float, Return]:
    """Return the story second of a cure, and how long its member took."""
    back = journal.last("fault", name=healed.data["name"], phase="back")
    took = back.wall - healed.wall if back is not None and back.data["ready"] else math.inf
    return journal.story(healed.wall), Return(healed.data["returns"], took, journal.speed)
