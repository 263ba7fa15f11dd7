"""Stories as data, and while they are written in Python."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_obscheck import Alert, Down, Latency
from pytest_obscheck.registry import Names
from pytest_obscheck.scenario import Claim, Draft, Planned, Scenario, hangs_on_itself, unnamed
from pytest_obscheck.when import during, never, within


@pytest.mark.parametrize(
    ("taken", "wanted"),
    [([], "a"), (["b"], "a"), (["a"], "a 2"), (["a", "a 2"], "a 3"), (["a", "a 3"], "a 2"), (["a", "a"], "a 2")],
)
def test_what_has_no_name_gets_the_next_free_one(taken: list[str], wanted: str) -> None:
    assert unnamed("a", taken) == wanted


def test_a_story_is_written_as_it_is_told() -> None:
    draft = Draft("a story", Names(), where="test_a.py::test")
    slow = draft.fault(Latency(to="a", by="1s"), during("1s", "2s"))
    again = draft.fault(Latency(to="b", by="1s"), during("1s", "2s"))
    cut = draft.fault(Down(to="b"), during("1s", "2s"), as_="cut")
    claim = draft.expect(Alert("A"), within("5s", after=slow.cure), as_="seen", warm=False)

    assert [str(slow), str(again), str(cut), slow.cure] == ["latency", "latency 2", "cut", "cure of latency"]
    assert str(claim) == "alert A fires within 5.0s after cure of latency"
    assert draft.done() == Scenario("a story", (), (slow, again, cut), (claim,))
    assert {each.where for each in (slow, claim)} == {"test_a.py::test"}


def test_where_something_stands_is_no_part_of_what_it_is() -> None:
    def planned(where: str) -> Planned:
        return Planned("x", during("0s", "1s"), "a", where)

    assert planned("a:1") == planned("b:2")
    assert Claim(Alert("A"), never("0s", "1s"), where="a") == Claim(Alert("A"), never("0s", "1s"))
    assert Scenario("s", where="a") == Scenario("s")


@pytest.mark.parametrize(
    ("anchors", "wanted"),
    [
        ({"a": "fault", "b": "a"}, []),
        ({"a": "b", "b": "a"}, ["a", "b"]),
        ({"a": "a"}, ["a"]),
        ({"a": "b", "b": "c", "c": "b"}, ["a", "b", "c"]),
    ],
)
def test_claims_that_wait_for_themselves_are_found(anchors: dict[str, str], wanted: list[str]) -> None:
    what: Any = Alert("A")
    claims = [Claim(what, within("1s", after), name) for name, after in anchors.items()]

    assert [claim.name for claim in claims if hangs_on_itself(claim, claims)] == wanted
