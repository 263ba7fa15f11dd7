"""Sessions side by side: what is wrong with one is its own, and each learns whether it had company."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck import Metric
from pytest_obscheck.beside import Part, play_beside
from pytest_obscheck.errors import ConfigError, ObscheckError, Problem, StackError
from pytest_obscheck.journal import Journal
from pytest_obscheck.runner import Play
from pytest_obscheck.scenario import Claim, Scenario
from pytest_obscheck.testing import FakeClock, FakeStack, Inline
from pytest_obscheck.when import never

STORY = Scenario("quiet", claims=(Claim(Metric("up"), never("0s", "1s")),))


@dataclasses.dataclass
class Stand:
    """What stands in for a session: its stacks are fakes, and it tells what it was asked."""

    checks: ObscheckError | None = None
    starts: ObscheckError | None = None
    judges: ObscheckError | None = None
    crowd: bool | None = None
    clock: FakeClock = dataclasses.field(default_factory=lambda: FakeClock(1000.0))

    def check(self, _: Scenario) -> None:
        if self.checks:
            raise self.checks

    def running(self, units: Sequence[Any]) -> list[FakeStack]:
        if self.starts:
            raise self.starts
        return [FakeStack() for _ in units]

    @contextmanager
    def on_stage(self, units: Sequence[Any], stacks: Sequence[FakeStack], _: Path) -> Iterator[list[Play]]:
        placed = [(story, stack) for unit, stack in zip(units, stacks, strict=True) for story in unit]
        yield [Play(*each, self.clock, Journal(), Inline(), lambda *_: True) for each in placed]

    def told(self, units: Sequence[Any], shows: Sequence[Play], _: Path) -> list[list[str]]:
        if self.judges:
            raise self.judges
        made = iter([(show.journal.last("over") or show.journal.events[-1]).data["why"] for show in shows])
        return [[next(made) for _ in unit] for unit in units]

    def again(self, _: Sequence[Any], made: list[list[str]], __: Path, *, crowd: bool) -> list[list[str]]:
        self.crowd = crowd
        return made


def played(*stands: Stand, units: int = 1) -> list[Any]:
    # One clock for all, or time would stand still for those whose clock nobody moves.
    for stand in stands:
        stand.clock = stands[0].clock
    parts: Any = [Part(stand, [[STORY]] * units) for stand in stands]  # type: ignore[arg-type]
    return play_beside(parts, Path())


def test_stories_of_two_sessions_are_played_and_each_knows_that_it_had_company() -> None:
    stands = Stand(), Stand()

    assert played(*stands) == [[["settled"]], [["settled"]]]
    assert [stand.crowd for stand in stands] == [True, True]


@pytest.mark.parametrize(("units", "crowd"), [(1, False), (2, True)])
def test_a_session_by_itself_has_company_where_it_has_two_stacks(units: int, crowd: bool) -> None:
    stand = Stand()
    played(stand, units=units)

    assert stand.crowd is crowd


@pytest.mark.parametrize("where", ["checks", "starts"])
def test_a_session_that_cannot_play_says_why_and_is_no_company(where: str) -> None:
    trouble = ConfigError([Problem("a", "b")]) if where == "checks" else StackError("web: it ended at start")
    stand = Stand()

    assert played(Stand(**{where: trouble}), stand) == [trouble, [["settled"]]]
    assert stand.crowd is False


def test_a_session_that_cannot_tell_what_came_of_its_stories_keeps_that_to_itself() -> None:
    full = StackError("the disk is full")

    assert played(Stand(judges=full), Stand()) == [full, [["settled"]]]


def test_where_none_can_be_played_none_is() -> None:
    full = StackError("the disk is full")

    assert played(Stand(starts=full), Stand(starts=full)) == [full, full]
