"""Members whose own time passes with the story's are told when it begins, and a story without them proves nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from pytest_obscheck.errors import LookFailed
from pytest_obscheck.journal import Journal
from pytest_obscheck.runner import Play, play
from pytest_obscheck.scenario import Scenario
from pytest_obscheck.testing import FakeClock, FakeStack, Inline


@dataclass
class Follower:
    """Notes when the story begins."""

    told: list[tuple[float, float]] = field(default_factory=list)

    def begin(self, zero: float, speed: float) -> None:
        self.told.append((zero, speed))


class Deaf:
    """Cannot be told."""

    def begin(self, zero: float, speed: float) -> None:
        raise LookFailed("kube: it cannot be told that the story begins (refused)")


def played(**members: object) -> Journal:
    stack = FakeStack(members)
    return play(Play(Scenario("calm"), stack, FakeClock(), Journal(), Inline(), lambda *_: True))


def test_every_follower_is_told_the_zero_that_the_journal_has() -> None:
    one, other = Follower(), Follower()

    journal = played(kube=one, mainframe=other, api=object())

    assert one.told == other.told == [(journal.zero, 1.0)]
    assert not list(journal.of("unready"))


def test_a_follower_that_cannot_be_told_makes_the_story_void() -> None:
    journal = played(kube=Deaf())

    assert [event.data["words"] for event in journal.of("unready")] == [
        "kube: it cannot be told that the story begins (refused)"
    ]
