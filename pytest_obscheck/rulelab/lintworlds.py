"""Series for an expression: every metric that it names, with labels that match and labels that do not, in random worlds.

Nothing is known of the real series here, so an answer is evidence only for what holds whatever they are: a value that never
moves although all that goes in does, or one that moves the wrong way.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import promql_parser

from pytest_obscheck.rulelab.lintrules import Rule
from pytest_obscheck.rulelab.linttrees import Selector, below, calls, leaves, times, walk

SEGMENTS = 6
"""How many worlds follow each other in one run of the engine."""
SAMPLES = 8
"""How many samples a world has."""
LIMIT = 48
"""How many series a metric has at most."""
FAR = 86_400
"""Seconds: an expression that looks further away than this (``offset 1w``) is not asked about."""
OTHER = "other"
MANY = ("one", "two", "three", "four", "five", "six")
EDGES = ("0.1", "0.5", "1", "2.5", "+Inf")
_COUNTING = re.compile(r".*_(total|count|sum|bucket)")


@dataclass(frozen=True)
class Shape:
    """One metric: whether it is a counter, and the values that each of its labels takes."""

    name: str
    counts: bool
    labels: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class World:
    """What goes in, how far apart samples are, and when to look, in milliseconds."""

    series: Mapping[str, str]
    step: int
    at: tuple[int, ...]


def world(node: Any, recordings: Mapping[str, Rule], seed: int, scaled: str = "", steady: bool = False) -> World | None:
    """Return random worlds for an expression, equal for equal seeds; ``None`` where it looks too far back.

    ``scaled``: a metric whose values are all a tenth larger. ``steady``: no series comes and goes.
    """
    trees = list(below(node, recordings))
    away = sum(max(times(tree, "offset"), default=0.0) for tree in trees)
    if away > FAR:
        return None
    step = _step(trees)
    shapes = _shapes(node, trees, recordings)
    first = int(away * 1000 / step) + 1
    chance = random.Random(seed)  # noqa: S311 -- made-up traffic
    series = {
        name: values
        for shape in shapes
        for name, values in _written(shape, first, chance, 1.1 if shape.name == scaled else 1.0, steady)
    }
    return World(series, step, tuple(step * (first + SAMPLES * (number + 1) - 1) for number in range(SEGMENTS)))


def _step(trees: Iterable[Any]) -> int:
    """Return milliseconds so close that the shortest range holds four samples, and a lookback of 5 m holds several."""
    shortest = min((span for tree in trees for span in times(tree, "range")), default=300.0)
    return max(1, min(60_000, int(shortest * 1000 / 5)))


def _shapes(node: Any, trees: Iterable[Any], recordings: Mapping[str, Rule]) -> list[Shape]:
    trees = list(trees)
    wanted: dict[str, list[Selector]] = {}
    for selector in leaves(node, recordings):
        wanted.setdefault(selector.name, []).append(selector)
    shared = {label for tree in trees for each in walk(tree) for label in _joined(each)} - {"le"}
    counted = {found.name for tree in trees for call in calls(tree, "rate", "irate", "increase") for found in leaves(call, {})}
    shapes = []
    for name, some in wanted.items():
        labels: dict[str, tuple[str, ...]] = dict.fromkeys(sorted(shared), ("one", "two"))
        labels["instance"] = MANY if _counts(trees) else MANY[:2]
        labels |= {label: _choices(label, some) for label in sorted({each.label for one in some for each in one.matchers})}
        if name.endswith("_bucket"):
            labels["le"] = tuple(
                sorted({*EDGES, *(value for value in labels.get("le", ()) if value not in (OTHER, "Inf"))}, key=_edge)
            )
        shapes.append(Shape(name, name in counted or _COUNTING.fullmatch(name) is not None, _fitting(labels)))
    return shapes


def _counts(trees: Iterable[Any]) -> bool:
    """Whether something counts series: with two of them at most, ``count / 2`` would hardly vary."""
    return any(str(getattr(node, "op", "")) in ("count", "count_values", "group") for tree in trees for node in walk(tree))


def _edge(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.inf


def _joined(node: Any) -> Iterator[str]:
    """Yield the labels by which a node groups or matches."""
    if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
        if node.modifier.type == promql_parser.AggModifierType.By:
            yield from node.modifier.labels
    elif isinstance(node, promql_parser.BinaryExpr) and node.modifier is not None:
        matching = node.modifier.matching
        if matching is not None and matching.type == promql_parser.LabelModifierType.Include:
            yield from matching.labels


def _choices(label: str, some: Iterable[Selector]) -> tuple[str, ...]:
    """Return values of a label: of each matcher one that it takes, and one that no positive matcher takes."""
    matchers = [matcher for selector in some for matcher in selector.matchers if matcher.label == label]
    taken = [value for matcher in matchers for value in _examples(matcher.value, "~" in matcher.sign)]
    return tuple(dict.fromkeys((*taken, OTHER)))


def _examples(text: str, regex: bool) -> list[str]:
    """Return texts that a matcher's value stands for, as far as they are easily found."""
    if not regex:
        return [text] if text else []
    found = []
    for part in text.strip("^$()").split("|")[:3]:
        plain = re.sub(r"\\([.\-/])", r"\1", re.sub(r"(?<!\\)\.[*+?]?", "0", re.sub(r"\[[^\]]*\][*+?]?", "0", part)))
        if plain and _takes(text, plain):
            found.append(plain)
    return found


def _takes(regex: str, value: str) -> bool:
    try:
        return re.fullmatch(regex, value) is not None
    except re.error:
        return False


def _fitting(labels: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return labels with so few values that there are not too many series."""
    kept = dict(labels)
    for label in sorted(
        kept, key=lambda name: (name == "le", (name == "instance") is (kept["instance"] == MANY), name == "job")
    ):
        if math.prod(len(values) for values in kept.values()) <= LIMIT or label == "le":
            break
        # The last value is the one that no positive matcher takes.
        kept[label] = kept[label][:1] if label == "instance" else (kept[label][0], kept[label][-1])
    return kept


def _written(shape: Shape, first: int, chance: random.Random, factor: float, steady: bool) -> Iterator[tuple[str, str]]:
    names = [name for name in shape.labels if name != "le"]
    edges = shape.labels.get("le", ("",))
    for values in itertools.product(*(shape.labels[name] for name in names)):
        there = [steady or chance.random() < 0.75 for _ in range(SEGMENTS)]
        # Little is beyond the last edge, or every high quantile would be that edge.
        parts = [_numbers(shape.counts, first, chance, factor * (0.001 if edge == "+Inf" else 1.0)) for edge in edges]
        for place, edge in enumerate(edges):
            # A bucket counts what is in the smaller ones, too.
            numbers = [sum(column) for column in zip(*parts[: place + 1], strict=True)] if edge else parts[place]
            labels = {**dict(zip(names, values, strict=True)), **({"le": edge} if edge else {})}
            inside = ",".join(f'{label}="{_escaped(value)}"' for label, value in labels.items())
            yield f"{shape.name}{{{inside}}}", " ".join(_shown(numbers, there, first))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _numbers(counts: bool, first: int, chance: random.Random, factor: float) -> list[float]:
    drawn = [chance.uniform(1, 100) * factor for _ in range(first + SAMPLES * SEGMENTS)]
    return list(itertools.accumulate(drawn)) if counts else drawn


def _shown(numbers: Iterable[float], there: Iterable[bool], first: int) -> Iterator[str]:
    shown = [present for present in there for _ in range(SAMPLES)]
    for value, present in zip(numbers, [shown[0]] * first + shown, strict=True):
        yield f"{value:.4f}" if present else "stale"
