"""What makes an alert fire, where its expression says so plainly: series that are calm, and then are not."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pytest_obscheck.rulelab.aims import Aim, Key, Shape, Wish, keys
from pytest_obscheck.rulelab.lintrules import Rule
from pytest_obscheck.rulelab.series import matched
from pytest_obscheck.speed.trees import Kind, Tree, parsed

STEP = 15
"""Seconds between two values of a series."""
SAMPLES = 4000
"""How many values a series has: more than half a day."""
_CALLS = frozenset({"rate", "increase", "irate", "abs", "absent", "max_over_time", "min_over_time", "avg_over_time"})
_SUMS = frozenset({"sum", "min", "max", "avg"})
_COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_LONGEST = 3_600_000


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
        """Return it as PromQL writes it."""
        quoted = (name + '="' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for name, value in self.labels.items())
        inside = ",".join(quoted)
        return f"{self.name}{{{inside}}}" if inside else self.name


@dataclass(frozen=True)
class Plot:
    """What an alert needs: ``lines`` of series, or a job that goes ``down`` (a pattern); or why neither is plain. Seconds."""

    rule: Rule
    lines: tuple[Line, ...] = ()
    down: str = ""
    unclear: str = ""
    range: float = 0.0


def plot(rule: Rule, recordings: set[str]) -> Plot:
    """Return what an alert needs to fire."""
    try:
        tree = parsed(rule.expr)
    except ValueError as error:
        return Plot(rule, unclear=str(error))
    unclear = _unclear(tree, recordings)
    span = max((node.range for node in tree.walk()), default=0) / 1000
    calm, harm = _wishes(tree, want=False), _wishes(tree, want=True)
    wanted = keys(tree)
    if [key[0] for key in wanted] == ["up"]:
        return _of_up(rule, wanted[0], tree, span)
    lines = tuple(_line(key, calm.get(key), None if unclear else harm.get(key)) for key in wanted if key[0] not in recordings)
    if not unclear and not any(line.harm for line in lines):
        unclear = "nothing that could be changed was found in it"
    return Plot(rule, tuple(line for line in lines if line.name != "up" and line.calm), "", unclear, span)


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


def _wishes(tree: Tree, *, want: bool) -> dict[Key, Wish]:
    aim = Aim(1.15, STEP)
    aim.truth(tree, want)
    return aim.wishes


_DOUBTS: tuple[tuple[Callable[[Tree, set[str]], bool], str], ...] = (
    (lambda node, _: node.kind is Kind.CALL and node.name not in _CALLS, "it calls {}"),
    (lambda node, _: node.kind is Kind.AGGREGATION and node.name not in _SUMS, "it counts or ranks series by {}"),
    (lambda node, _: node.kind is Kind.BINARY and node.name in ("and", "or", "unless"), "it combines conditions by {}"),
    (lambda node, _: node.kind is Kind.SUBQUERY or node.offset != 0, "it looks at another time than now"),
    (lambda node, _: node.range > _LONGEST, "it looks back over more than an hour"),
    (lambda node, recordings: node.kind is Kind.SELECTOR and node.name in recordings, "it rests on the recording rule {}"),
    (lambda node, _: node.kind is Kind.SELECTOR and not node.name, "it names no metric"),
)


def _unclear(tree: Tree, recordings: set[str]) -> str:
    """Return why what makes an expression true is not plain; ``""`` where it is."""
    nodes = list(tree.walk())
    for doubt, words in _DOUBTS:
        found = next((node for node in nodes if doubt(node, recordings)), None)
        if found:
            return words.format(found.name)
    return "" if keys(tree) else "it names no metric"


def _line(key: Key, calm: Wish | None, harm: Wish | None) -> Line:
    labels = {label: value for label, value in matched(key).items() if value}
    values = [_values(wish) for wish in (calm or Wish(Shape.LEVEL, 1.0), harm) if wish is not None]
    counter = any(wish is not None and wish.shape is Shape.SLOPE for wish in (calm, harm))
    return Line(key[0], labels, values[0], values[1] if len(values) > 1 else "", counter)


def _values(wish: Wish) -> str:
    """Return a wish in promtool's notation; nothing for what is not plain."""
    if wish.shape is Shape.LEVEL and not wish.value.imag:
        return f"{wish.value.real:g}x{SAMPLES}"
    if wish.shape is Shape.SLOPE:
        return f"0+{wish.value.real * STEP:g}x{SAMPLES}"
    return f"_x{SAMPLES}" if wish.shape is Shape.GONE else ""
