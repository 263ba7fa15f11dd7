"""What series must do so that an expression is true, or is not: an expression solved backwards for its selectors.

A guess, not a proof: the engine says afterwards whether the alert changed its state. Values are complex numbers whose
imaginary part counts the clock: ``1j`` is ``time()``, so that ``time() - x > 600`` is solved like ``5 - x > 3``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

from pytest_obscheck.speed.trees import COMPARISONS, SETS, Kind, Matcher, Tree, constant

Key = tuple[str, tuple[Matcher, ...]]
BASE = 100.0
_FLIPPED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}


class Shape(Enum):
    """How a series moves."""

    LEVEL = "stays at a value"
    SLOPE = "grows by so much a second, from where it is"
    FALL = "moves by so much a second, from a fixed value"
    FLIP = "changes at every sample"
    SAW = "falls back at every other sample"
    BUCKETS = "a histogram whose observations all have this value"
    GONE = "is not there"


@dataclass(frozen=True)
class Wish:
    """What one selector's series should do; ``value`` may count the clock, ``start`` is where a fall begins."""

    shape: Shape
    value: complex = 0.0
    start: float = 0.0
    copies: int = 1


@dataclass
class Aim:
    """Collects the wishes that make one expression true or false; the first wish for a selector wins.

    ``reach``: how far beyond a threshold to aim, as a factor. ``step``: seconds between samples.
    """

    reach: float
    step: float
    wishes: dict[Key, Wish] = field(default_factory=dict)

    def truth(self, tree: Tree, want: bool) -> None:
        """Wish that the expression has a result, or none."""
        if tree.kind is Kind.BINARY and tree.name in COMPARISONS:
            self._compare(tree, want)
        elif tree.kind is Kind.BINARY and tree.name in SETS:
            self._set(tree, want)
        elif tree.kind is Kind.CALL and tree.name.startswith("absent"):
            self.presence(tree, not want)
        elif tree.kind in (Kind.AGGREGATION, Kind.UNARY, Kind.CALL) and _compares(tree):
            self.truth(tree.inside[0], want)
        elif want:
            self.value(tree, 1.0)
        else:
            self.presence(tree, False)

    def presence(self, tree: Tree, want: bool) -> None:
        """Wish that every selector of an expression has series, or none."""
        for key in keys(tree):
            self._wish(key, Wish(Shape.LEVEL, 1.0) if want else Wish(Shape.GONE))

    def value(self, tree: Tree, goal: complex, copies: int = 1) -> None:
        """Wish that the expression has about this value."""
        if tree.kind is Kind.SELECTOR:
            self._wish(key_of(tree), Wish(Shape.LEVEL, goal, copies=copies))
        elif tree.kind is Kind.UNARY:
            self.value(tree.inside[0], -goal)
        elif tree.kind is Kind.SUBQUERY:
            self.value(tree.inside[0], goal)
        elif tree.kind is Kind.AGGREGATION:
            self._aggregate(tree, goal)
        elif tree.kind is Kind.CALL:
            self._call(tree, goal)
        elif tree.kind is Kind.BINARY:
            self._binary(tree, goal)

    def _wish(self, key: Key, wish: Wish) -> None:
        self.wishes.setdefault(key, wish)

    def _compare(self, tree: Tree, want: bool) -> None:
        left, right = tree.inside
        if (limit := solid(right)) is not None:
            self.value(left, self.beyond(tree.name, limit, want))
        elif (limit := solid(left)) is not None:
            self.value(right, self.beyond(_FLIPPED[tree.name], limit, want))
        elif set(keys(left)) & set(keys(right)):
            self._grow(tree, want)
        else:
            self.value(left, self.beyond(tree.name, BASE, want))
            self.value(right, BASE)

    def _grow(self, tree: Tree, want: bool) -> None:
        up = tree.name in (">", ">=", "!=")
        slope = (BASE if up else -BASE) if want else 0.0
        for key in keys(tree):
            self._wish(key, Wish(Shape.SLOPE, slope))

    def beyond(self, op: str, limit: complex, want: bool) -> complex:
        """Return a value on the wanted side of a limit."""
        if op in ("==", "!="):
            return limit if (op == "==") is want else limit + 1
        above = (op[0] == ">") is want
        if limit == 0 and want is (len(op) == 2):
            return 0.0  # a counter that does not move; anything below would be a reset
        reach = self.reach if (limit.real > 0) is above else 1 / self.reach
        moved = limit.real * reach if limit.real else (self.reach if above else -self.reach)
        return complex(moved, limit.imag)

    def _set(self, tree: Tree, want: bool) -> None:
        left, right = tree.inside
        self.truth(left, want)
        self.truth(right, {"and": True, "or": False, "unless": False}[tree.name])

    def _aggregate(self, tree: Tree, goal: complex) -> None:
        inner = tree.inside[0]
        if tree.name in ("count", "group"):
            self._count(inner, goal)
        elif _compares(inner):
            self.truth(inner, goal.real > 0)
        else:
            self.value(inner, goal)

    def _count(self, inner: Tree, goal: complex) -> None:
        copies = math.ceil(goal.real) if goal.real < 50 else 50
        if copies <= 0:
            self.truth(inner, False) if _compares(inner) else self.presence(inner, False)
            return
        before = set(self.wishes)
        self.truth(inner, True) if _compares(inner) else self.value(inner, 1.0)
        for key in set(self.wishes) - before:
            wish = self.wishes[key]
            self.wishes[key] = Wish(wish.shape, wish.value, wish.start, copies)

    def _call(self, tree: Tree, goal: complex) -> None:
        name, first = tree.name, tree.inside[0] if tree.inside else None
        if first is None or name in ("time", "timestamp"):
            return
        if name in ("rate", "irate", "deriv", "increase", "delta", "idelta"):
            self._shape(first, Shape.SLOPE, self._per_second(name, first, goal))
        elif name.startswith("absent"):
            self.presence(tree, goal.real <= 0)
        elif name in ("count_over_time", "present_over_time"):
            self.presence(tree, goal.real > 0)
        elif not self._shaped(tree, goal):
            self.value(next((each for each in tree.inside if keys(each)), first), goal)

    def _shaped(self, tree: Tree, goal: complex) -> bool:
        """Wish for functions that look at more than a level or a slope; whether this is one."""
        name, first = tree.name, tree.inside[0]
        if name in ("changes", "resets"):
            moving = Shape.FLIP if name == "changes" else Shape.SAW
            self._shape(first, moving if goal.real > 0 else Shape.LEVEL, 1.0)
        elif name == "predict_linear":
            start = abs(goal.real) + BASE
            self._shape(first, Shape.FALL, (goal.real - start) / (constant(tree.inside[1]) or 1.0), start)
        elif name == "histogram_quantile":
            self._shape(tree.inside[1], Shape.BUCKETS, goal)
        elif name == "sum_over_time":
            self.value(first, goal / max(1, first.range / 1000 / self.step))
        else:
            return False
        return True

    def _per_second(self, name: str, first: Tree, goal: complex) -> complex:
        if name in ("increase", "delta"):
            return goal * 1000 / max(1, first.range)
        return goal / self.step if name == "idelta" else goal

    def _shape(self, tree: Tree, shape: Shape, value: complex, start: float = 0.0) -> None:
        for key in keys(tree):
            self._wish(key, Wish(shape, value, start))

    def _binary(self, tree: Tree, goal: complex) -> None:
        left, right = tree.inside
        if tree.name in COMPARISONS:
            self.value(right if solid(left) is not None else left, goal)
        elif tree.name in SETS:
            self.value(left, goal)
            self.truth(right, tree.name == "and")
        elif (known := solid(right)) is not None:
            self.value(left, _left_of(tree.name, goal, known))
        elif (known := solid(left)) is not None:
            self.value(right, _right_of(tree.name, goal, known))
        else:
            self._both(tree, goal)

    def _both(self, tree: Tree, goal: complex) -> None:
        left, right = tree.inside
        shared = set(keys(left)) & set(keys(right))
        if tree.name == "-" and shared:
            apart = max(left.offset, right.offset, 1000) / 1000
            for key in shared:
                self._wish(key, Wish(Shape.SLOPE, goal / apart))
        base = {"+": goal / 2, "-": max(BASE, abs(goal.real)), "*": 1.0}.get(tree.name, BASE)
        if tree.name == "/" and shared:
            self.value(right, base)  # (all - free) / all: how much is free hangs on how much there is
        elif tree.name == "-" and (stands := self._stands(left)) is not None:
            base = stands - goal
        self.value(left, _left_of(tree.name, goal, base))
        self.value(right, base)

    def _stands(self, tree: Tree) -> complex | None:
        """Return the level of an expression that is one series' own, where one is wished for already."""
        inner = tree.inside[0] if tree.kind is Kind.AGGREGATION and tree.name not in ("count", "group") else tree
        wish = self.wishes.get(key_of(inner)) if inner.kind is Kind.SELECTOR else None
        return wish.value if wish is not None and wish.shape is Shape.LEVEL else None


def solid(tree: Tree) -> complex | None:
    """Return the value of an expression that holds no series; ``time()`` is ``1j``."""
    if tree.kind is Kind.CALL and tree.name == "time":
        return 1j
    if tree.kind is Kind.BINARY and tree.name in ("+", "-"):
        one, other = solid(tree.inside[0]), solid(tree.inside[1])
        if one is None or other is None:
            return None
        return one + other if tree.name == "+" else one - other
    return constant(tree)


def _left_of(op: str, goal: complex, right: complex) -> complex:
    if op == "+":
        return goal - right
    if op == "-":
        return goal + right
    if op == "*":
        return goal / right if right else goal
    return goal * right if op == "/" else goal


def _right_of(op: str, goal: complex, left: complex) -> complex:
    if op == "+":
        return goal - left
    if op == "-":
        return left - goal
    if op == "*":
        return goal / left if left else goal
    return left / goal if op == "/" and goal else goal


def _compares(tree: Tree) -> bool:
    return any(node.kind is Kind.BINARY and node.name in (*COMPARISONS, *SETS) for node in tree.walk())


def key_of(selector: Tree) -> Key:
    """Return what tells a selector's series from others: its metric and its matchers."""
    return selector.name, selector.matchers


def keys(tree: Tree) -> list[Key]:
    """Return the keys of all selectors of a tree, in order."""
    return list(dict.fromkeys(key_of(node) for node in tree.walk() if node.kind is Kind.SELECTOR))
