"""promtool's ``input_series`` notation: text → labels and samples, the very same that promtool's unit tests make of it.

https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series, and the grammar in
``promql/parser/generated_parser.y`` of Prometheus, whose every sum and reading of a number is repeated here.
"""

from __future__ import annotations

import math
import re
from array import array
from bisect import bisect
from collections.abc import Iterator, Mapping, MutableSequence
from dataclasses import dataclass
from itertools import accumulate, islice, repeat
from typing import Any

from pytest_obscheck.synthetic.histogram import Histogram, Value, exposable, histogram

LOOKBACK = 300.0
"""Seconds for which a sample is seen by instant queries: promtool's lookback delta, which cannot be set."""

MOST = 5_000_000
"""Samples that one series may have."""

NAME = "__name__"
VALUE, OMITTED, STALE = 0, 1, 2

_LIKE = "write it like '5', '1x10', '0+10x100', '-1.5', '_', '_x3' or 'stale'"
_NUMBER = r"[0-9.][0-9._]*(?:[eE][-+]?[0-9][0-9._]*)?|(?:[iI][nN][fF]|[nN][aA][nN])(?!x)"
_ITEM = re.compile(
    rf"(?P<blank>_)(?:x(?P<gap>[0-9]+))?"
    rf"|(?P<value>stale(?!x)|[-+]?(?:{_NUMBER}))(?:(?P<step>[-+](?:{_NUMBER}))?x(?P<times>[0-9]+))?"
)
_HISTOGRAM = r"\{\{[^{}]*\}\}"
_NATIVE = re.compile(rf"(?P<value>{_HISTOGRAM})(?:(?:(?P<sign>[-+])(?P<step>{_HISTOGRAM}))?x(?P<times>[0-9]+))?")
_ITEMS = re.compile(rf"(?:{_HISTOGRAM}|\S)+")
_STRING = r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`]*`"
_IDENTIFIER = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SERIES = re.compile(rf"\s*({_IDENTIFIER.pattern})?\s*(?:\{{((?:{_STRING}|[^\"'`}}])*)\}})?\s*", re.DOTALL)
_LABEL = re.compile(rf"\s*(?:([a-zA-Z_][a-zA-Z0-9_]*)|({_STRING}))\s*(=)?\s*({_STRING})?\s*(,|$)", re.DOTALL)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


class Line:
    """``count`` samples of a kind: a value, and each next one a step more. What nobody asks for is never added up."""

    def __init__(self, kind: int, count: int, value: Value = math.nan, step: Value | None = None) -> None:
        """Begin at a value."""
        self.kind, self.count, self.first = kind, count, value
        self._seen: MutableSequence[Any] = [value] if isinstance(value, Histogram) else array("d", [value])
        # Adding up, as promtool does, is not multiplying: 0.1 ten times is not 1.
        sums: Iterator[Any] = accumulate(repeat(step), initial=value)
        self._next = islice(sums, 1, None) if step is not None else None

    def at(self, number: int) -> Value:
        """Return the sample of that number, from 0."""
        if self._next is None:
            return self.first
        self._seen.extend(islice(self._next, max(0, number + 1 - len(self._seen))))
        found: Value = self._seen[number]
        return found

    def between(self, number: int, part: float) -> Value:
        """Return what a counter has that part of the way to the next sample: it grows evenly, and not all at once."""
        here, after = self.at(number), self.at(min(number + 1, self.count - 1))
        if isinstance(here, Histogram) or isinstance(after, Histogram) or not after > here:
            return here
        return here + (after - here) * part


@dataclass(frozen=True)
class Samples:
    """Samples at 0, 1, 2 … intervals, line by line; ``ends`` are the numbers of the samples after each line."""

    lines: tuple[Line, ...]
    ends: tuple[int, ...]

    @property
    def native(self) -> bool:
        """Whether there is a native histogram among them."""
        return any(isinstance(line.first, Histogram) for line in self.lines)

    @property
    def gauge(self) -> bool:
        """Whether there is one among them that says of itself that it may also fall."""
        return any(isinstance(line.first, Histogram) and line.first.gauge for line in self.lines)

    def at(self, time: float, interval: float, *, evenly: bool = False) -> Value | None:
        """Return what an instant query sees at a second of the series' own time, before 0 what it sees at 0; ``None``: nothing.

        A sample is seen until the next one, a stale mark, or the end of the lookback, as in promtool. What grows ``evenly``
        (a counter) has between two samples of a line what lies between them: scrapes that come as often as samples change
        would else count a step twice or not at all, for a millisecond earlier or later.
        """
        # A scrape that comes at the very instant of a sample shall not miss it for the rounding of a product.
        last = min(len(self) - 1, math.floor(max(time, 0.0) / interval + 1e-9))
        which = bisect(self.ends, last)
        while which >= 0 and self.lines[which].kind == OMITTED:
            which -= 1
            last = self.ends[which] - 1
        if which < 0 or self.lines[which].kind != VALUE or max(time, 0.0) - last * interval >= LOOKBACK:
            return None
        line, number = self.lines[which], last - self.ends[which] + self.lines[which].count
        part = max(time, 0.0) / interval - last
        return line.between(number, part) if evenly and part > 1e-9 else line.at(number)

    def __len__(self) -> int:
        """Return how many there are, those that are left out among them."""
        return self.ends[-1]


def samples(text: str) -> Samples:
    """Return the samples that ``values`` stands for; ``ValueError`` names the item that is none."""
    lines: list[Line] = []
    for item in _ITEMS.findall(text):
        lines += _lines(item, MOST - sum(line.count for line in lines))
    if not lines:
        raise ValueError(f"there are no samples in {text!r}; {_LIKE}")
    return Samples(tuple(lines), tuple(accumulate(line.count for line in lines)))


def _lines(item: str, room: int) -> list[Line]:
    native = _NATIVE.fullmatch(item)
    if native:
        return [_native(item, native, room)]
    found = _ITEM.fullmatch(item)
    if not found:
        raise ValueError(f"{item!r} is no sample; {_LIKE}")
    count = int(found["gap"] or 1) if found["blank"] else int(found["times"] or 0) + 1
    if count > room:
        raise ValueError(f"{item!r} makes a series longer than {MOST:,} samples; write a longer interval")
    if found["blank"]:
        return [Line(OMITTED, count)] if count else []
    if found["value"] == "stale":
        # A stale mark is one certain NaN: whatever is added to it, it is an ordinary one from then on.
        return [Line(STALE, 1), *([Line(VALUE, count - 1)] if count > 1 else [])]
    step = _number(item, found["step"]) if found["step"] else None
    return [Line(VALUE, count, _number(item, found["value"]), step)]


def _native(item: str, found: re.Match[str], room: int) -> Line:
    count = int(found["times"] or 0) + 1
    if count > room:
        raise ValueError(f"{item!r} makes a series longer than {MOST:,} samples; write a longer interval")
    value = histogram(found["value"], lambda digits: _number(item, digits))
    step = histogram(found["step"], lambda digits: _number(item, digits)) if found["step"] else None
    if step and value.schema > step.schema:
        raise ValueError(f"{item!r} adds schema {step.schema} to schema {value.schema}; a step has the same or a higher one")
    step = step * -1 if step and found["sign"] == "-" else step
    # What changes from line to line does so evenly: where both ends can be exposed, so can what is between.
    ends = [value, *([value + step * (count - 1)] if step else [])]
    wrong = next((what for end in ends if (what := exposable(end))), "")
    if wrong:
        raise ValueError(f"{item!r}: {wrong}")
    return Line(VALUE, count, value, step)


def _number(item: str, text: str) -> float:
    sign, digits = (-1.0 if text[0] == "-" else 1.0), text.lstrip("+-")
    try:
        # Go reads a whole number with a zero before it as an octal one.
        octal = re.fullmatch(r"0(_?[0-7])+", digits)
        number = float(int(digits.replace("_", ""), 8)) if octal else float(digits)
    except ValueError:
        number = math.inf
    if math.isinf(number) and digits.lower() != "inf":
        raise ValueError(f"{item!r} is no sample; {_LIKE}")
    return sign * number


def labels(text: str) -> Mapping[str, str]:
    r"""Return the labels of a series, its name as ``__name__``; ``ValueError`` where it is not written like ``x{a="b"}``."""
    found = _SERIES.fullmatch(text)
    if not found or not (found[1] or found[2]):
        raise ValueError(f"{text!r} is no series; write it like 'x' or 'x{{a=\"b\"}}'")
    pairs = _pairs(text, found[2] or "")
    named = [(NAME, found[1]), *pairs] if found[1] else pairs
    names = [name for name, _ in named]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(f"{text!r} has two labels {twice!r}; keep one of them")
    if NAME not in names:
        raise ValueError(f"{text!r} has no name; write it like 'x{{a=\"b\"}}'")
    return {name: value for name, value in named if value}


def _pairs(text: str, inside: str) -> list[tuple[str, str]]:
    pairs, at = [], 0
    while at < len(inside) and inside[at:].strip():
        found = _LABEL.match(inside, at)
        if not found or bool(found[3]) != bool(found[4]) or (found[1] and not found[3]):
            raise ValueError(f"{text!r} has labels that cannot be read at {inside[at:].strip()!r}; write them like 'a=\"b\"'")
        name = found[1] or unquoted(found[2])
        pairs.append((name, unquoted(found[4])) if found[4] else (NAME, name))
        at = found.end()
    return pairs


def unquoted(text: str) -> str:
    """Return what a quoted string of PromQL stands for; ``ValueError`` for an escape that Go does not know."""
    quote, inside = text[0], text[1:-1]
    if quote == "`":
        return inside

    def meant(found: re.Match[str]) -> str:
        code = found[1]
        if code[0] in "xuU" and len(code) > 1:
            return chr(int(code[1:], 16))
        if len(code) == 3:
            return chr(int(code, 8))
        if code != quote and code not in _ESCAPES:
            raise ValueError(f"{text!r} has an escape that PromQL does not know: '\\{code}'")
        return _ESCAPES.get(code, code)

    return _ESCAPE.sub(meant, inside)
