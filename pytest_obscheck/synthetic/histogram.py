"""Native histograms: promtool's notation of them, and sums that are Prometheus's own to the last bit.

https://prometheus.io/docs/specs/native_histograms/; the sums repeat ``model/histogram/float_histogram.go`` of Prometheus.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Buckets = Mapping[int, float]

_LIKE = "write it like '{{schema:0 sum:5 count:4 buckets:[1 2 1]}}'"
_NUMBER = r"-?(?:[0-9][0-9._]*(?:[eE][-+]?[0-9][0-9._]*)?|[iI][nN][fF]|[nN][aA][nN])"
_WHOLE = r"-?[0-9]+"
_LIST = rf"\[{_NUMBER}(?: +{_NUMBER})* *\]"
_FIELDS = {
    "schema": _WHOLE, "sum": _NUMBER, "count": _NUMBER, "z_bucket": _NUMBER, "z_bucket_w": _NUMBER.removeprefix("-?"),
    "buckets": _LIST, "offset": _WHOLE, "n_buckets": _LIST, "n_offset": _WHOLE, "custom_values": _LIST,
    "counter_reset_hint": "unknown|reset|not_reset|gauge",
}  # fmt: skip
_FIELD = re.compile("|".join(rf"(?:{name}:(?:{value}))" for name, value in _FIELDS.items()), re.IGNORECASE)
_SCHEMAS = range(-4, 9)
_PROBLEMS: tuple[tuple[str, Callable[[Mapping[str, str]], bool]], ...] = (
    (
        (
            "has custom buckets, which no format of a scrape carries; Prometheus makes them of a classic histogram:"
            " write its _bucket, _sum and _count with `type: histogram`, and"
            " `convert_classic_histograms_to_nhcb: true` into prometheus.yml"
        ),
        lambda read: "custom_values" in read or read.get("schema") == "-53",
    ),
    (
        "says whether a counter was reset, which Prometheus finds out by itself from what it scrapes; leave the hint out",
        lambda read: read.get("counter_reset_hint", "").lower() in ("reset", "not_reset"),
    ),
    ("has a schema that there is not; it is from -4 to 8", lambda read: int(read.get("schema", "0")) not in _SCHEMAS),
)


@dataclass(frozen=True)
class Histogram:
    """One native histogram. Counts of buckets by index; ``zero`` within ``width`` of 0; ``gauge``: it may also fall."""

    schema: int = 0
    sum: float = 0.0
    count: float = 0.0
    zero: float = 0.0
    width: float = 0.0
    positive: Buckets = field(default_factory=dict)
    negative: Buckets = field(default_factory=dict)
    gauge: bool = False

    def __add__(self, other: Histogram) -> Histogram:
        """Return the sum, in the coarser of both schemas and with the wider zero bucket."""
        mine, zero = _level(self, other)
        theirs = replace(other, zero=zero)
        schema = min(mine.schema, theirs.schema)
        made = replace(
            mine, schema=schema, sum=mine.sum + theirs.sum, count=mine.count + theirs.count, zero=mine.zero + theirs.zero
        )
        positive = made.joined(mine.coarse(mine.positive, schema), theirs.coarse(theirs.positive, schema))
        negative = made.joined(mine.coarse(mine.negative, schema), theirs.coarse(theirs.negative, schema))
        return replace(made, positive=positive, negative=negative)

    def joined(self, mine: Buckets, theirs: Buckets) -> Buckets:
        """Return the buckets of a side with more of them; what claims to be within the zero bucket is lost."""
        more = {index: count for index, count in theirs.items() if not self.width or self.bound(index) > self.width}
        return {**mine, **{index: mine.get(index, 0.0) + count for index, count in more.items()}}

    def __mul__(self, factor: float) -> Histogram:
        """Return it so many times over; -1 times is what undoes adding it."""
        sides = [{index: count * factor for index, count in side.items()} for side in (self.positive, self.negative)]
        single = {name: getattr(self, name) * factor for name in ("sum", "count", "zero")}
        return replace(self, **single, positive=sides[0], negative=sides[1])

    def bound(self, index: int) -> float:
        """Return the upper end of a bucket; its lower one is that of the bucket before."""
        try:
            return float(2.0 ** (index * 2.0**-self.schema))
        except OverflowError:
            return math.inf

    def coarse(self, side: Buckets, schema: int) -> Buckets:
        """Return the buckets of a side as a lower schema has them."""
        found: dict[int, float] = {}
        for index in sorted(side):
            wide = ((index - 1) >> (self.schema - schema)) + 1
            found[wide] = found.get(wide, 0.0) + side[index]
        return found

    def widened(self, width: float) -> Histogram:
        """Return it with a zero bucket that is at least so wide, up to the end of what it cuts into."""
        inside = True
        while inside:
            within = [self._within(side, width) for side in (self.positive, self.negative)]
            reach = [self.bound(index) for side in within for index in side if side[index]]
            inside = max(reach, default=width) > width
            width = max([width, *reach])
        zero = self.zero
        for count in (count for side in within for count in side.values()):
            zero += count
        left = [
            {index: count for index, count in side.items() if index not in gone}
            for side, gone in zip((self.positive, self.negative), within, strict=True)
        ]
        return replace(self, zero=zero, width=width, positive=left[0], negative=left[1])

    def _within(self, side: Buckets, width: float) -> Buckets:
        return {index: side[index] for index in sorted(side) if self.bound(index - 1) < width}

    def __str__(self) -> str:
        """Return it in promtool's notation."""
        words = [f"schema:{self.schema}", f"sum:{_text(self.sum)}", f"count:{_text(self.count)}"]
        words += [f"z_bucket:{_text(self.zero)}"] if self.zero else []
        words += [f"z_bucket_w:{_text(self.width)}"] if self.width else []
        words += [*_listed("", self.positive), *_listed("n_", self.negative)]
        return f"{{{{{' '.join([*words, *(['counter_reset_hint:gauge'] if self.gauge else [])])}}}}}"


Value = float | Histogram


def added(first: Value, second: Value) -> Value:
    """Return the sum of two of a kind; of others, which cannot be added, the first."""
    if isinstance(first, Histogram) and isinstance(second, Histogram):
        return first + second
    return first if isinstance(first, Histogram) or isinstance(second, Histogram) else first + second


def without(first: Value, second: Value) -> Value | None:
    """Return the first without the second; ``None`` where they are not of a kind."""
    if isinstance(first, Histogram) is not isinstance(second, Histogram):
        return None
    return added(first, second * -1)


def histogram(text: str, number: Callable[[str], float]) -> Histogram:
    """Return what ``{{…}}`` stands for; ``ValueError`` says why it is none, or none that a target can expose.

    ``number`` reads a number as Prometheus does.
    """
    read = _fields(text)
    wrong = next((what for what, is_so in _PROBLEMS if is_so(read)), None)
    if wrong:
        raise ValueError(f"{text!r} {wrong}")
    single = {name: number(read.get(name, "0")) for name in ("sum", "count", "z_bucket", "z_bucket_w")}
    positive, negative = _side(read, "", number), _side(read, "n_", number)
    gauge = read.get("counter_reset_hint", "").lower() == "gauge"
    return Histogram(
        int(read.get("schema", "0")),
        single["sum"],
        single["count"],
        single["z_bucket"],
        single["z_bucket_w"],
        positive,
        negative,
        gauge,
    )


def exposable(made: Histogram) -> str:
    """Return why Prometheus would not take this histogram from a target, or nothing."""
    counts = [made.zero, *made.positive.values(), *made.negative.values()]
    if not all(count >= 0 for count in (made.count, *counts)):
        return f"the histogram {made} counts less than nothing; begin with more, or take less away"
    if not made.count and any(counts):
        return f"the histogram {made} has something in its buckets but no count; write count:{_text(math.fsum(counts))}"
    return ""


def from_api(raw: Mapping[str, Any]) -> Histogram | None:
    """Return a histogram of the query API's JSON, as fine as its buckets are; ``None`` for one with custom buckets."""
    buckets = [(float(low), float(high), float(count)) for _, low, high, count in raw.get("buckets", ())]
    zero = next(((high, count) for low, high, count in buckets if low <= 0 <= high), (0.0, 0.0))
    sides = [[(low, high, count) for low, high, count in buckets if low > 0 and high < math.inf]]
    sides += [[(-high, -low, count) for low, high, count in buckets if high < 0 and low > -math.inf]]
    widths = {round(-math.log2(math.log2(high / low))) for side in sides for low, high, _ in side}
    schema = widths.pop() if len(widths) == 1 else 0 if not widths else None
    if schema is None:
        return None
    read = [{round(math.log2(high) * 2.0**schema): count for _, high, count in side} for side in sides]
    made = Histogram(schema, float(raw["sum"]), float(raw["count"]), zero[1], zero[0], read[0], read[1])
    # Every bound must be where the schema has one: two custom buckets can have an exponential width by chance.
    exact = all(
        math.isclose(made.bound(index), high, rel_tol=1e-9)
        for side, counts in zip(sides, read, strict=True)
        for (_, high, _), index in zip(side, counts, strict=True)
    )
    return made if exact else None


def _fields(text: str) -> dict[str, str]:
    inside = text[2:-2].rstrip(" ")
    read: dict[str, str] = {}
    at = 0
    while at < len(inside):
        found = _FIELD.match(inside, at)
        end = found.end() if found else at
        if not found or (inside[end : end + 1] not in ("", " ")):
            raise ValueError(f"{text!r} is no native histogram from {inside[at:]!r} on; {_LIKE}")
        name, _, value = found[0].partition(":")
        if name.lower() in read:
            raise ValueError(f"{text!r} has {name!r} twice; keep one of them")
        read[name.lower()] = value
        at = end + len(inside[end:]) - len(inside[end:].lstrip(" "))
    return read


def _side(read: Mapping[str, str], sign: str, number: Callable[[str], float]) -> Buckets:
    counts = [number(each) for each in read.get(f"{sign}buckets", "[]")[1:-1].split()]
    return {int(read.get(f"{sign}offset", "0")) + place: count for place, count in enumerate(counts)}


def _level(mine: Histogram, theirs: Histogram) -> tuple[Histogram, float]:
    """Return mine with a zero bucket as wide as both need, which may grow by turns, and what theirs has within it.

    Prometheus leaves the other's buckets as they are, so that a coarser schema may count some of them again; so do we.
    """
    wide = theirs
    while mine.width != wide.width:
        if mine.width > wide.width:
            wide = theirs.widened(mine.width)
        else:
            mine = mine.widened(wide.width)
    return mine, wide.zero


def _listed(sign: str, side: Buckets) -> Iterator[str]:
    if any(side.values()):
        first, last = min(side), max(side)
        yield f"{sign}buckets:[{' '.join(_text(side.get(index, 0.0)) for index in range(first, last + 1))}]"
        if first:
            yield f"{sign}offset:{first}"


def _text(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
