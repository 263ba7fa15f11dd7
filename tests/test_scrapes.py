"""Lost scrapes: what is noted of them, and for how long rules had nothing of a target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_obscheck import Alert, Health
from pytest_obscheck.capabilities import Series
from pytest_obscheck.journal import Event, Journal
from pytest_obscheck.judge import settled
from pytest_obscheck.scenario import Claim, Scenario
from pytest_obscheck.scrapes import Sources, hole, lost_any, scrapes
from pytest_obscheck.stage import Play
from pytest_obscheck.testing import FakeClock, FakePrometheus, FakeStack, Inline
from pytest_obscheck.watching import last_looks
from pytest_obscheck.when import Window, never

ZERO = 1000.0


def test_of_a_target_that_lost_a_scrape_the_good_ones_are_noted_too_and_of_no_other() -> None:
    good, slow, refused = (1.0, 0.01), (0.0, 0.1), (0.0, 0.01)
    scraped = {"api:80": {0.0: good, 1.0: slow, 2.0: refused}, "node:91": {0.0: good}}
    prometheus = FakePrometheus(FakeClock(ZERO), {}, zero=ZERO, scraped=scraped, timeout="100ms")

    assert scrapes(FakeStack({"prometheus": prometheus}), prometheus.targets(), ZERO, ZERO + 3) == {
        "timeouts": [("api:80", ZERO + 1.1)],
        "scraped": [("api:80", ZERO + 0.1)],
    }


def looks(lost: Sequence[float], good: Sequence[float] = (), name: str = "api:80") -> list[Event]:
    """Return two looks, the first of which saw every second scrape."""
    told = [
        {"timeouts": [[name, at] for at in lost[half::2]], "scraped": [[name, at] for at in good[half::2]]} for half in (0, 1)
    ]
    return [Event("look", ZERO, {"data": each}) for each in told]


@pytest.mark.parametrize(
    ("lost", "good", "wanted"),
    [
        ([5.0], [], Window(5.0, 5.0)),
        ([4.8, 5.0, 5.2], [], Window(4.8, 5.2)),
        ([4.4, 5.0, 5.6], [4.6, 5.2], Window(5.0, 5.0)),
        ([4.4, 5.0, 5.6], [4.9, 5.5], Window(4.4, 5.6)),
        ([3.9, 5.0, 6.1], [], Window(5.0, 5.0)),
    ],
    ids=["one", "one after the other", "rules saw a sample in between", "it was there for too short a time", "long ago"],
)
def test_lost_scrapes_are_one_hole_where_no_rule_was_evaluated_with_a_sample_in_between(
    lost: Sequence[float], good: Sequence[float], wanted: Window
) -> None:
    assert hole(looks(lost, good), "api:80", 5.0, 0.3) == wanted


def test_scrapes_that_are_far_apart_by_themselves_are_one_hole_nevertheless() -> None:
    assert hole(looks([0.0, 15.0, 30.0]), "api:80", 15.0, 15.0) == Window(0.0, 30.0)


def test_what_another_target_lost_is_no_part_of_a_hole() -> None:
    assert hole([*looks([5.0]), *looks([5.1], name="node:91")], "api:80", 5.0, 0.3) == Window(5.0, 5.0)


@dataclass
class Sourced:
    """Answers who brought the metrics ``bad`` and ``good``, and nothing else."""

    brought: Sequence[Series]

    def query(self, expr: str, at: float) -> list[Series]:
        return list(self.brought) if "bad|good" in expr else []

    def query_range(self, expr: str, start: float, end: float, step: float) -> list[Series]:
        return []

    def metric_names(self) -> list[str]:
        return []

    def label_names(self, selector: str) -> list[str]:
        return []


def test_sources_are_the_instances_of_the_series_of_each_metric() -> None:
    series = [Series({"__name__": name, **more}, ()) for name, more in (("bad", {"instance": "api:80"}), ("good", {}))]
    stack = FakeStack({"prometheus": Sourced(series)})

    assert Sources(("bad", "good")).look(stack, ZERO, ZERO + 3) == {"bad": ["api:80"], "good": [""]}


# ── when it is over ──────────────────────────────────────────────────────────


@dataclass
class Explained(FakeStack):
    """A stack that says which rules and targets it has."""

    def autopsy(self) -> dict[str, Any]:
        rules = [{"name": "Slow", "query": "bad / good > 1"}]
        return {"rules": {"groups": [{"file": "r.yml", "name": "g", "rules": rules}]}, "targets": {"targets": []}}


def over(*, lost: bool) -> Journal:
    """Return the journal of a story that is over, in which a scrape was lost or not."""
    stack = Explained({"prometheus": Sourced([Series({"__name__": "bad", "instance": "api:80"}, ())])})
    claims = (Claim(Alert("Slow"), never("0s", "1s")), Claim(Health("shop", "/"), never("0s", "1s")))
    show = Play(Scenario("s", claims=claims), stack, FakeClock(ZERO + 3), Journal(), Inline(), settled)
    show.journal.write("zero", ZERO, speed=1.0)
    show.journal.write("plan", ZERO, alerts={"Slow": {"exprs": ["bad / good > 1"]}})
    show.journal.write("look", ZERO, key="vitals", data={"missed": {}, "timeouts": [["api:80", ZERO]] if lost else []})
    last_looks([show])
    return show.journal


def test_who_brings_what_claims_read_is_looked_at_where_a_scrape_was_lost() -> None:
    found = over(lost=True).last("autopsy", key="sources")

    assert found is not None
    assert found.data["data"] == {"bad": ["api:80"]}


def test_where_no_scrape_was_lost_nobody_asks_who_brings_what() -> None:
    journal = over(lost=False)

    assert not lost_any(journal)
    assert journal.last("autopsy", key="sources") is None
