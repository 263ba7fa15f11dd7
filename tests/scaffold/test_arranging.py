"""Which guess a story plays, by what the engine says of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pytest_obscheck.rulelab.lintrules import Rule
from pytest_obscheck.scaffold.arranging import arranged
from pytest_obscheck.scaffold.exporters import Cast, invented
from pytest_obscheck.scaffold.plots import Plot
from pytest_obscheck.scaffold.trying import ACTIVE, SILENT, Phases


def a_rule(name: str, expr: str) -> Rule:
    return Rule(name, "alert", expr, None, 0.0, {}, {}, "r.yml", {"alert": 1})


@dataclass
class Engine:
    """Says of each plot what a function says, and notes what it was asked."""

    says: Callable[[Plot, Cast], str]
    asked: list[list[str]] = field(default_factory=list)

    def wrong(self, made: Cast, plots: Sequence[Plot]) -> list[str]:
        self.asked.append([each.rule.name for each in plots])
        return [self.says(each, made) for each in plots]


def harm(plot: Plot) -> list[str]:
    return [line.harm for line in plot.lines]


def test_the_first_guess_that_the_engine_confirms_is_played() -> None:
    engine = Engine(lambda plot, _: SILENT if plot.rule.name == "Far" and harm(plot) == ["115x4000"] else "")

    found = arranged([a_rule("Near", "a > 100"), a_rule("Far", "b > 100")], {}, invented, engine)  # type: ignore[arg-type]

    assert [harm(each) for each in found.plots] == [["115x4000"], ["300x4000"]]
    assert engine.asked == [["Near", "Far"], ["Far"], ["Near", "Far"]]


def test_a_doubt_holds_without_an_engine_and_not_against_one() -> None:
    rule = a_rule("Both", "a > 1 and b > 1")

    (alone,), (tried,) = (
        arranged([rule], {}, invented, engine).plots  # type: ignore[arg-type]
        for engine in (None, Engine(lambda _plot, _made: ""))
    )

    assert (alone.unclear, harm(alone)) == ("it combines conditions by and", ["", ""])
    assert (tried.unclear, harm(tried)) == ("", ["1.15x4000", ""])


def test_what_the_engine_never_confirms_is_given_up_with_its_words() -> None:
    found = arranged([a_rule("A", "a > 1 and b > 1")], {}, invented, Engine(lambda _plot, _made: SILENT))  # type: ignore[arg-type]

    assert found.plots[0].unclear == f"it combines conditions by and; {SILENT}"
    assert found.made.always == ["A"]


def test_an_alert_that_is_active_over_calm_series_loses_its_own() -> None:
    engine = Engine(lambda _, made: ACTIVE if "b" in made.exporters[0].series else "")

    found = arranged([a_rule("B", "b > 1")], {}, invented, engine)  # type: ignore[arg-type]

    assert (found.plots[0].unclear, found.plots[0].lines, found.made.always) == (ACTIVE, (), [])


def test_phases_end_where_the_next_begins() -> None:
    assert Phases(3, 2, 4).ends() == (2, 4, 8)
