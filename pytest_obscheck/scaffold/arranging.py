"""What the stories of a stack play: for each alert the first guess with which the engine agrees, all in one made-up world."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from pytest_obscheck.rulelab.lintrules import Rule
from pytest_obscheck.rulelab.series import VARIANTS
from pytest_obscheck.scaffold.exporters import Cast
from pytest_obscheck.scaffold.plots import Plot, plot
from pytest_obscheck.scaffold.trying import Trials
from pytest_obscheck.speed.trees import Tree, parsed

_VARIANTS = tuple(variant for variant in VARIANTS if not variant.twin)
Casting = Callable[[Sequence[Plot]], Cast]


class Arrangement(NamedTuple):
    """The made-up targets, and for each alert its plot, in the order of the rules."""

    made: Cast
    plots: tuple[Plot, ...]


def arranged(alerts: Sequence[Rule], recorded: Mapping[str, Rule], cast: Casting, trials: Trials | None) -> Arrangement:
    """Return what to play: with ``trials`` every guess that the engine confirms, without them only what is plain."""
    trees = _trees(recorded)
    plots = [plot(rule, trees) for rule in alerts]
    if trials is None:
        return _settled(cast, [each.given_up(each.unclear or each.doubt) for each in plots])
    wrong = [""] * len(plots)
    for number, variant in enumerate(_VARIANTS):
        open_ones = [at for at, why in enumerate(wrong) if why or not number]
        if not open_ones:
            break
        for at in open_ones if number else ():
            plots[at] = plot(alerts[at], trees, variant)
        scene = _settled(cast, plots, last=open_ones)
        for at, why in zip(open_ones, trials.wrong(scene.made, [scene.plots[at] for at in open_ones]), strict=True):
            wrong[at] = why
    plots = [_given_up(each, why) for each, why in zip(plots, wrong, strict=True)]
    return _calmed(cast, plots, trials)


def _settled(cast: Casting, plots: Sequence[Plot], last: Sequence[int] = ()) -> Arrangement:
    """Return the plots on the targets of a new cast; of two that calm a series in different ways the first counts."""
    made, found = cast(plots), dict[int, Plot]()
    order = [*(at for at in range(len(plots)) if at not in last), *last]
    for at in sorted(order, key=lambda at: (bool(plots[at].unclear), order.index(at))):
        found[at] = made.settled(plots[at])
    return Arrangement(made, tuple(found[at] for at in range(len(plots))))


def _calmed(cast: Casting, plots: list[Plot], trials: Trials) -> Arrangement:
    """Return the plots in a world in which no alert is active before its story; those that cannot be calmed are named."""
    for _ in range(2):
        scene = _settled(cast, plots)
        wrong = trials.wrong(scene.made, scene.plots)
        if not any(wrong):
            return scene
        # Without series of its own it is quiet, unless it asks for what is missing or reads what others need.
        plots = [replace(_given_up(each, why), lines=()) if why else each for each, why in zip(plots, wrong, strict=True)]
    scene = _settled(cast, plots)
    wrong = trials.wrong(scene.made, scene.plots)
    scene.made.always.extend(each.rule.name for each, why in zip(scene.plots, wrong, strict=True) if why)
    return scene


def _given_up(plot: Plot, why: str) -> Plot:
    """Return a plot with which the engine does not agree, and what it said beside what was doubted anyway."""
    return plot.given_up(plot.unclear or f"{plot.doubt}; {why}" if plot.doubt and why else plot.unclear or why)


def _trees(recorded: Mapping[str, Rule]) -> dict[str, Tree]:
    found = dict[str, Tree]()
    for name, rule in recorded.items():
        try:
            found[name] = parsed(rule.expr)
        except ValueError:
            continue
    return found
