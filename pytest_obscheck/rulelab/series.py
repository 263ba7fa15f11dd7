"""Series for one rule in promtool's notation: quiet, then beyond the threshold for long enough, then quiet again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import gcd

from pytest_obscheck.rulelab.aims import Aim, Key, Shape, Wish, keys
from pytest_obscheck.rulelab.regexes import avoiding, matching
from pytest_obscheck.speed.promql import OF_TIME
from pytest_obscheck.speed.trees import Kind, Tree

HOLDS = 4
LONGEST = 160
"""No phase is longer than this many samples: windows of weeks are filled in part, which is no less exact."""
STORY = 2800 * 604_800_000 + 43_200_000
"""The instant at which rules that ask for the time begin, in milliseconds: noon of a Thursday, a multiple of usual steps."""
REACHES = (1.15, 3.0, 40.0)


@dataclass(frozen=True)
class Layout:
    """When a rule's series are sampled: a step in milliseconds, the samples of the three phases, the first instant."""

    step: int
    phases: tuple[int, int, int]
    start: int

    @property
    def length(self) -> int:
        """Return the number of samples."""
        return sum(self.phases)


@dataclass(frozen=True)
class Series:
    """One series: its labels with the metric's name, and its values in order; ``None`` is no sample.

    ``flow``: a counter of events, which a real process counts N times less of in N times less time.
    """

    labels: Mapping[str, str]
    values: tuple[float | None, ...]
    flow: bool = False

    def notation(self) -> tuple[str, str]:
        """Return selector and values as promtool reads them, marked stale where samples end."""
        inside = ", ".join(f"{name}={_quoted(value)}" for name, value in self.labels.items() if name != "__name__")
        before = (1.0, *self.values)
        texts = (
            repr(value) if value is not None else ("_" if previous is None else "stale")
            for previous, value in zip(before, self.values, strict=False)
        )
        return f"{self.labels['__name__']}{{{inside}}}", " ".join(texts)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def layout(tree: Tree, holds: Sequence[int], factors: Sequence[Fraction]) -> Layout:
    """Return when to sample for a rule that holds ``holds`` milliseconds: four samples or more in its shortest range."""
    nodes = list(tree.walk())
    ranges = [node.range for node in nodes if node.kind is Kind.SELECTOR and node.range]
    spans = [span for node in nodes for span in (node.range, node.offset, node.step) if span] + [span for span in holds if span]
    whole = gcd(*(abs(span) for span in spans)) if spans else 60_000
    step = _step(whole, min(ranges, default=HOLDS * min(whole, 300_000)), factors)
    window = sum(abs(node.range) + abs(node.offset) for node in nodes)
    back = min(LONGEST, 4 + -(-window // step))
    active = min(2 * LONGEST, back + 4 + -(-sum(holds) // step))
    timed = any(node.kind is Kind.CALL and node.name in OF_TIME for node in nodes)
    return Layout(step, (back, active, back), STORY if timed else 0)


def _step(whole: int, shortest: int, factors: Sequence[Fraction]) -> int:
    parts = (part for part in range(max(1, -(-HOLDS * whole // shortest)), whole + 1) if whole % part == 0)
    fits = (whole // part for part in parts if all((whole // part / by).denominator == 1 for by in factors))
    return next((step for step in fits if STORY % step == 0), whole)


@dataclass(frozen=True)
class Variant:
    """One way of guessing: how far beyond thresholds, whether labels of one selector are given to all, and a quiet twin."""

    reach: float = 1.15
    spread: bool = False
    twin: bool = False


VARIANTS = (
    *(Variant(reach) for reach in REACHES),
    *(Variant(reach, spread=True) for reach in REACHES[:2]),
    Variant(1.15, twin=True),
    Variant(3.0, spread=True, twin=True),
)


def generate(tree: Tree, when: Layout, variant: Variant) -> list[Series]:
    """Return the series of one rule; the same labels never twice."""
    plans = [_aimed(tree, want, when, variant) for want in (False, True, False)]
    labels = _labels(tree, variant.spread)
    flows = {key for node in tree.walk() if node.kind is Kind.CALL and node.name in ("rate", "increase") for key in keys(node)}
    found: dict[tuple[tuple[str, str], ...], Series] = {}
    for key in keys(tree):
        for series in _of([plan.get(key, Wish(Shape.LEVEL, 1.0)) for plan in plans], labels[key], when, variant):
            found.setdefault(tuple(sorted(series.labels.items())), replace(series, flow=key in flows))
    return list(found.values())


def _aimed(tree: Tree, want: bool, when: Layout, variant: Variant) -> dict[Key, Wish]:
    aim = Aim(variant.reach, when.step / 1000)
    aim.truth(tree, want)
    return aim.wishes


def _of(wishes: Sequence[Wish], labels: Mapping[str, str], when: Layout, variant: Variant) -> Iterator[Series]:
    if any(wish.shape is Shape.BUCKETS for wish in wishes):
        yield from _buckets(wishes, labels, when)
        return
    most = max(wish.copies if wish.shape is not Shape.GONE else 0 for wish in wishes)
    for copy in range(max(1, most)):
        mine = [wish if copy < wish.copies else Wish(Shape.GONE) for wish in wishes]
        yield Series({**labels, **({"copy": str(copy)} if copy else {})}, tuple(_values(mine, when)))
    if variant.twin:
        yield Series({**labels, "instance": "twin"}, tuple(_values([wishes[0]] * 3, when)))


def _buckets(wishes: Sequence[Wish], labels: Mapping[str, str], when: Layout) -> Iterator[Series]:
    goals = [abs(wish.value.real) for wish in wishes if wish.shape is Shape.BUCKETS]
    bounds = sorted({bound for goal in goals for bound in (goal / 2, goal, goal * 2)} - {0.0})
    for bound in (*bounds, float("inf")):
        slopes = [Wish(Shape.SLOPE, 1.0 if abs(wish.value.real) <= bound else 0.0) for wish in wishes]
        le = "+Inf" if bound == float("inf") else repr(bound)
        yield Series({**labels, "le": le}, tuple(_values(slopes, when)))


def _values(wishes: Sequence[Wish], when: Layout) -> Iterator[float | None]:
    at, now = 0, 0.0
    for wish, samples in zip(wishes, when.phases, strict=True):
        for number in range(samples):
            moved = _moved(wish, now, number, at, when)
            yield moved
            now = now if moved is None else moved
            at += 1


def _moved(wish: Wish, now: float, number: int, at: int, when: Layout) -> float | None:
    seconds = when.step / 1000
    if wish.shape is Shape.GONE:
        return None
    if wish.shape is Shape.SLOPE:
        return now + wish.value.real * seconds
    if wish.shape is Shape.FALL:
        return wish.start + wish.value.real * seconds * number
    if wish.shape is Shape.FLIP:
        return now + 1.0
    if wish.shape is Shape.SAW:
        return float(1 + at % 2)
    return wish.value.real + wish.value.imag * (when.start / 1000 + at * seconds)


def _labels(tree: Tree, spread: bool) -> dict[Key, dict[str, str]]:
    own = {key: matched(key) for key in keys(tree)}
    shared = {label for node in tree.walk() for label in node.labels} | (
        {label for each in own.values() for label in each} if spread else set()
    )
    known = {label: value for each in reversed(own.values()) for label, value in each.items()}
    found: dict[Key, dict[str, str]] = {}
    for key, labels in own.items():
        refused = {matcher.label for matcher in key[1]}
        common = {"instance": "i", "job": known.get("job", "j")}
        common |= {label: known.get(label, "v") for label in sorted(shared - {"le", "__name__"})}
        mine = {"__name__": key[0] or "any", **{name: text for name, text in common.items() if name not in refused}, **labels}
        if mine in found.values():
            mine |= {label: "other" for label in sorted(shared & set(known)) if label not in labels}
        found[key] = {name: text for name, text in mine.items() if text}
    return found


def matched(key: Key) -> dict[str, str]:
    """Return labels that a selector's matchers select, those with an empty value included."""
    found: dict[str, str] = {}
    for matcher in key[1]:
        if matcher.op in ("=", "=~"):
            found[matcher.label] = matcher.value if matcher.op == "=" else matching(matcher.value)
        elif not found.get(matcher.label):
            found[matcher.label] = avoiding(matcher.value if matcher.op == "!~" else f"(?:{_escaped(matcher.value)})")
    return found


def _escaped(text: str) -> str:
    return "".join(f"\\{letter}" if not letter.isalnum() else letter for letter in text)
