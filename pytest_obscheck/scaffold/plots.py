"""What makes an alert fire: a guess, by solving its expression for series that are calm, and then are not."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from pytest_obscheck.rulelab.aims import Aim, Key, Shape, Wish, keys
from pytest_obscheck.rulelab.lintrules import Rule
from pytest_obscheck.rulelab.series import VARIANTS, Variant, matched
from pytest_obscheck.speed.origins import NEITHER
from pytest_obscheck.speed.trees import Kind, Tree, parsed
from pytest_obscheck.when import spoken

STEP = 15
"""Seconds between two values of a series."""
SAMPLES = 4000
"""How many values a series has: more than half a day."""
HOLDS = 4 * 3600.0
"""Seconds that a story may take until its alert fires: more is minutes at any speed."""
COPIES = 10
"""The most series that one selector gets: a file of more is not read by anybody."""
FIRST = VARIANTS[0]
_CALLS = frozenset({"rate", "increase", "irate", "abs", "absent", "max_over_time", "min_over_time", "avg_over_time"})
LONG_AGO, FAR_AHEAD = 1e9, 4e9
"""Instants between which every story is played: in the years 2001 and 2096."""
_SUMS = frozenset({"sum", "min", "max", "avg"})
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
LONGEST = 3600.0
"""Seconds that a story may wait until the ranges of its rule are filled."""


@dataclass(frozen=True)
class Line:
    """One series: its metric and labels, what it does while all is well, and (where known) while the alert should fire.

    ``member``: which exporter of the stack exposes it, once that is settled.
    """

    name: str
    labels: Mapping[str, str]
    calm: str
    harm: str = ""
    counter: bool = False
    member: str = ""

    def selector(self) -> str:
        """Return it as PromQL writes it, whatever the order in which a rule names its labels."""
        labels = sorted(self.labels.items())
        quoted = (name + '="' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for name, value in labels)
        inside = ",".join(quoted)
        return f"{self.name}{{{inside}}}" if inside else self.name


@dataclass(frozen=True)
class Plot:
    """What an alert needs: ``lines`` of series, or a job that goes ``down`` (a pattern); or why neither is known. Seconds.

    ``doubt``: why it is no more than a guess, which the engine may settle; ``unclear``: why there is none.
    """

    rule: Rule
    lines: tuple[Line, ...] = ()
    down: str = ""
    unclear: str = ""
    range: float = 0.0
    doubt: str = ""

    def firing(self, pace: float) -> float:
        """Return the seconds within which the alert fires for certain; ``pace``: of one scrape and one evaluation."""
        return self.range + self.rule.hold + 3 * pace

    def quiet(self, pace: float) -> float:
        """Return the seconds within which it is resolved for certain, once all is well again."""
        return self.range + self.rule.keeps + 3 * pace

    def filling(self) -> float:
        """Return for how many seconds the alert may be active at first: counters begin with the story, and seem to rise slowly.

        0 where a slow rise does not fire it, or not that soon.
        """
        slows = any(line.counter and line.harm and _rise(line.harm) < _rise(line.calm) for line in self.lines)
        return self.range if slows and self.rule.hold < self.range else 0.0

    def given_up(self, why: str) -> Plot:
        """Return the plot without what makes the alert fire, unless there is no reason."""
        if not why:
            return self
        return replace(self, unclear=why, lines=tuple(replace(line, harm="") for line in self.lines))


def plot(rule: Rule, recordings: Mapping[str, Tree], variant: Variant = FIRST) -> Plot:
    """Return a guess at what an alert needs to fire; ``recordings``: the expressions of what other rules record."""
    try:
        written = parsed(rule.expr)
    except ValueError as error:
        return Plot(rule, unclear=str(error))
    tree, doubt = unfolded(written, recordings), _doubt(written, recordings)
    span = _reach(tree) / 1000
    wanted = keys(tree)
    if [key[0] for key in wanted] == ["up"]:
        return _of_up(rule, wanted[0], tree, span)
    lines = tuple(_lines(tree, variant))
    hard = "it looks back over more than an hour" if span > LONGEST else "it names no metric" if _nameless(wanted) else ""
    hard = hard or (f"it must hold for {spoken(rule.hold)}" if rule.hold > HOLDS else "")
    if not hard and not any(line.harm for line in lines):
        hard = doubt or "nothing that could be changed was found in it"
    found = Plot(rule, lines, "", "", span, doubt)
    return found.given_up(hard) if hard else found


def unfolded(tree: Tree, recordings: Mapping[str, Tree], depth: int = 9) -> Tree:
    """Return an expression with the recording rules that it reads in the place of their names."""
    if tree.kind is Kind.SELECTOR and tree.name in recordings and depth:
        inner = unfolded(recordings[tree.name], recordings, depth - 1)
        return Tree(Kind.SUBQUERY, inside=(inner,), range=tree.range, offset=tree.offset)
    return replace(tree, inside=tuple(unfolded(each, recordings, depth) for each in tree.inside))


def _rise(values: str) -> float:
    """Return by how much a series rises from one value to the next; 0 where it does not say."""
    found = re.match(r"[\d.]+([+-][^x]+)x", values)
    return float(found[1]) if found else 0.0


def _nameless(wanted: list[Key]) -> bool:
    return not wanted or any(not name for name, _ in wanted)


def _reach(tree: Tree) -> int:
    """Return over how many milliseconds an expression looks back, with those inside it."""
    return tree.range + abs(tree.offset) + max(map(_reach, tree.inside), default=0)


def _of_up(rule: Rule, key: Key, tree: Tree, span: float) -> Plot:
    """Return a plot for an expression that reads nothing but one `up`: it is plain where 0 fires it and 1 does not."""
    job = next((matcher for matcher in key[1] if matcher.label == "job" and matcher.op in ("=", "=~")), None)
    pattern = ".*" if job is None else job.value if job.op == "=~" else re.escape(job.value)
    if _given(tree, 1.0) is None and _given(tree, 0.0) is not None:
        return Plot(rule, down=pattern, range=span)
    return Plot(rule, unclear="it asks for more than that a target is down")


def _given(tree: Tree, up: float) -> float | None:
    """Return the value of an expression whose only series has this value; ``None`` for no result, NaN for what is not plain."""
    inside = [_given(child, up) for child in tree.inside]
    if tree.kind is Kind.SELECTOR:
        return up
    if tree.kind is Kind.NUMBER:
        return tree.value
    if tree.kind is Kind.CALL and tree.name == "absent":
        return 1.0 if inside[0] is None else None
    if tree.kind is Kind.AGGREGATION and tree.name in _SUMS:
        return inside[0]
    if tree.kind is Kind.AGGREGATION and tree.name == "count":
        return None if inside[0] is None else 1.0
    if tree.kind is Kind.BINARY and tree.name in _COMPARED and inside[0] is not None and inside[1] is not None:
        return inside[0] if _COMPARED[tree.name](inside[0], inside[1]) else None
    return None if None in inside else math.nan


_DOUBTS: tuple[tuple[Callable[[Tree, Mapping[str, Tree]], bool], str], ...] = (
    (lambda node, _: node.kind is Kind.CALL and node.name not in _CALLS, "it calls {}"),
    (lambda node, _: node.kind is Kind.AGGREGATION and node.name not in _SUMS, "it counts or ranks series by {}"),
    (lambda node, _: node.kind is Kind.BINARY and node.name in ("and", "or", "unless"), "it combines conditions by {}"),
    (lambda node, _: node.kind is Kind.SUBQUERY or node.offset != 0, "it looks at another time than now"),
    (lambda node, recordings: node.kind is Kind.SELECTOR and node.name in recordings, "it rests on the recording rule {}"),
)


def _doubt(tree: Tree, recordings: Mapping[str, Tree]) -> str:
    """Return why what makes an expression true is not plain; ``""`` where it is."""
    nodes = list(tree.walk())
    for doubt, words in _DOUBTS:
        found = next((node for node in nodes if doubt(node, recordings)), None)
        if found:
            return words.format(found.name)
    return ""


def _lines(tree: Tree, variant: Variant) -> Iterator[Line]:
    """Yield the series that the expression reads, each once; the first wish for one counts."""
    calm, harm = (_wishes(tree, variant.reach, want=want) for want in (False, True))
    labels = {key: matched(key) for key in keys(tree) if key[0] not in NEITHER}
    shared = {label: value for each in reversed(labels.values()) for label, value in each.items()} if variant.spread else {}
    found: dict[str, Line] = {}
    for key, own in labels.items():
        mine = {label: value for label, value in {**shared, **own}.items() if value}
        for line in _of(key[0], mine, calm.get(key, Wish(Shape.LEVEL, 1.0)), harm.get(key)):
            found.setdefault(line.selector(), line)
    yield from (line for line in found.values() if line.calm)


def _wishes(tree: Tree, reach: float, *, want: bool) -> dict[Key, Wish]:
    aim = Aim(reach, STEP)
    aim.truth(tree, want)
    return aim.wishes


def _of(name: str, labels: Mapping[str, str], calm: Wish, harm: Wish | None) -> Iterator[Line]:
    both = _dated([calm, *([harm] if harm else [])])
    if any(wish.shape is Shape.BUCKETS for wish in both):
        yield from _buckets(name, labels, calm, harm)
        return
    for copy in range(min(COPIES, max(wish.copies for wish in both))):
        values = [_values(wish if copy < wish.copies else Wish(Shape.GONE)) for wish in both]
        counter = any(wish.shape is Shape.SLOPE for wish in both) and not any(wish.value.real < 0 for wish in both)
        yield Line(name, {**labels, **({"copy": str(copy)} if copy else {})}, values[0], _change(values), counter)


def _dated(wishes: Sequence[Wish]) -> list[Wish]:
    """Return wishes with instants in the place of the clock: of two the later is far ahead, a single one where it points."""
    clocked = [wish.value.real for wish in wishes if wish.value.imag > 0]
    middle = sum(clocked) / len(clocked) if len(set(clocked)) > 1 else 0.0

    def dated(wish: Wish) -> Wish:
        instant = FAR_AHEAD if wish.value.real > middle else LONG_AGO
        return replace(wish, value=instant * wish.value.imag) if wish.value.imag > 0 and wish.shape is Shape.LEVEL else wish

    return [dated(wish) for wish in wishes]


def _buckets(name: str, labels: Mapping[str, str], calm: Wish, harm: Wish | None) -> Iterator[Line]:
    """Yield the buckets of a histogram that has one observation a second, each of them at the value that is wished for."""
    goals = [abs(wish.value.real) for wish in (calm, harm) if wish and wish.shape is Shape.BUCKETS]
    for bound in (*sorted({part for goal in goals for part in (goal / 2, goal)} - {0.0}), math.inf):
        values = [f"0+{STEP if abs(wish.value.real) <= bound else 0}x{SAMPLES}" for wish in (calm, harm) if wish]
        le = "+Inf" if bound == math.inf else f"{bound:g}"
        yield Line(name, {**labels, "le": le}, values[0], _change(values), counter=True)


def _change(values: Sequence[str]) -> str:
    """Return what a series does in harm's way; nothing where that is what it does anyway."""
    return values[1] if values[1:] != values[:1] and len(values) > 1 else ""


def _values(wish: Wish) -> str:
    """Return a wish in promtool's notation; nothing for what it cannot say."""
    if wish.shape is Shape.LEVEL and not wish.value.imag:
        return f"{wish.value.real:g}x{SAMPLES}"
    if wish.shape is Shape.SLOPE:
        return f"0{wish.value.real * STEP:+g}x{SAMPLES}"
    if wish.shape is Shape.FALL:
        return f"{wish.start:g}{wish.value.real * STEP:+g}x{SAMPLES}"
    return {Shape.GONE: f"_x{SAMPLES}", Shape.FLIP: f"0+1x{SAMPLES}"}.get(wish.shape, "")
