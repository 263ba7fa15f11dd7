"""What a story is played with: a stage, hands, a clock and a journal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pytest_obscheck.clock import Clock
from pytest_obscheck.journal import Journal
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Stack
from pytest_obscheck.scenario import Planned, Scenario, one_experiment

C = TypeVar("C")
AGAIN = 3.0
"""Wall seconds for which a story waits for what another one waited for in vain."""


class Traffic(Protocol):
    """A load as the stack runs it."""

    def waiting(self) -> bool:
        """Whether it has done all its preparations."""

    def begin(self) -> None:
        """Let the traffic flow."""

    def end(self) -> None:
        """Stop it; idempotent."""

    def trouble(self) -> str:
        """Return why it no longer runs; ``""`` while it does, or after ``end``."""

    def requests(self) -> str:
        """Return the log of every request so far."""


class Stage(Stack, Protocol):
    """A stack on which a story can be played."""

    def traffic(self, planned: Planned) -> Traffic:
        """Return the load of that entry, which waits for ``begin``."""

    def unscraped(self) -> str:
        """Return which target was not scraped yet, or is down; ``""`` when samples of all of them come in."""

    def unready(self, expected: AbstractSet[str]) -> str:
        """Return what is missing before time zero, ``""`` when the story may begin; ``expected`` alerts may be active."""

    def begin(self, zero: float, speed: float) -> None:
        """Tell every member whose time passes with the story's that it begins at the Unix second ``zero``; ``LookFailed``."""

    def autopsy(self) -> dict[str, Any]:
        """Return what is to be known about the stack after a story, for the journal, by event kind."""


class Hands(Protocol):
    """What runs a piece of work beside the main loop."""

    def give(self, work: Callable[[], None]) -> None:
        """Run it, now or soon."""

    def join(self) -> None:
        """Wait until all that was given is done."""


@dataclass
class Asked:
    """A stack that notes which of its members are asked."""

    stack: Stack
    plan: Plan = field(init=False)
    names: set[str] = field(default_factory=set)
    _known: set[tuple[type, str | None]] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Have the plan of the stack."""
        self.plan = self.stack.plan

    def that(self, capability: type[C], named: str | None = None) -> C:
        """Return the stack's own answer."""
        found = self.stack.that(capability, named)
        if (capability, named) not in self._known:
            self._known.add((capability, named))
            self.names.add(named or next(iter(self.stack.all(capability))))
        return found

    def all(self, capability: type[C]) -> Mapping[str, C]:
        """Return the stack's own answer."""
        found = self.stack.all(capability)
        self.names.update(found)
        return found


@dataclass
class Patience:
    """How many wall seconds stories on one stack wait for what they need.

    Who waited for all of that in vain need not be followed by another: a target that nobody runs is down for each of fifty.
    """

    whole: float = 30.0
    _vain: set[str] = field(default_factory=set)

    def lasts(self, words: str) -> float:
        """Return how long to wait until something that is missing is there."""
        return min(self.whole, AGAIN) if words in self._vain else self.whole

    def lose(self, words: str) -> None:
        """Note what was waited for in vain."""
        self._vain.add(words)


@dataclass(frozen=True, eq=False)
class Play:
    """Everything that one playing of a story needs.

    ``settled`` is the judge's word on whether to go on; ``tell`` says at once what whoever waits should know.
    """

    scenario: Scenario
    stack: Stage
    clock: Clock
    journal: Journal
    hands: Hands
    settled: Callable[[Scenario, Journal, float], bool]
    patience: Patience = field(default_factory=Patience)
    tell: Callable[[str], None] = lambda _: None

    @property
    def speed(self) -> float:
        """Return how many story seconds pass in one of wall time."""
        return self.stack.plan.pace.by

    def write(self, kind: str, /, **data: Any) -> None:
        """Write an event that happens now."""
        self.journal.write(kind, self.clock.now(), **data)

    def story(self) -> float:
        """Return the story second that it is now."""
        return self.journal.story(self.clock.now())

    def wall(self, story: float) -> float:
        """Return the Unix second of a story second."""
        return (self.journal.zero or 0.0) + story / self.journal.speed


def alike(shows: Iterable[Play]) -> list[list[Play]]:
    """Return the plays in groups that are one experiment each: the same loads and faults in the same windows."""
    found: list[list[Play]] = []
    for show in shows:
        same = (those for those in found if one_experiment(those[0].scenario, show.scenario))
        group = next(same, None)
        if group is None:
            found.append([show])
        else:
            group.append(show)
    return found
