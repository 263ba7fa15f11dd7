"""Series and a moment → the text that a scrape gets: https://prometheus.io/docs/instrumenting/exposition_formats/."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from pytest_obscheck.inbox.exposition import number_text
from pytest_obscheck.synthetic.details import Created, Exemplar
from pytest_obscheck.synthetic.histogram import Histogram, Value
from pytest_obscheck.synthetic.notation import NAME, Samples

CLASSIC = b"text/plain; version=0.0.4; charset=utf-8"
QUOTED = b"text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"

_PLAIN = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}
_OWN = {"histogram": "le", "summary": "quantile"}
"""The label in which the series of one metric differ."""


@dataclass(frozen=True)
class Written:
    """One series as somebody wrote it down; ``kind``: the type of its metric, ``""`` for none."""

    labels: Mapping[str, str]
    samples: Samples
    kind: str = ""
    exemplar: Exemplar | None = None
    created: Created | None = None


@dataclass(frozen=True)
class Exposed:
    """One series as a scrape shows it: ``text`` before its value, and whether it adds up, as a counter does.

    ``metric`` are the labels that it shares with the other series of its metric, ``part`` is its suffix there. Of a native
    histogram ``classic`` is what a text shows in place of it: bucket, sum and count, unless they are series of their own.
    """

    text: bytes
    written: Written
    adds_up: bool = False
    metric: tuple[tuple[str, str], ...] = ()
    part: str = ""
    classic: tuple[bytes, ...] = ()

    def at(self, time: float, interval: float) -> Value | None:
        """Return what was written for a second of the series' own time."""
        return self.written.samples.at(time, interval, evenly=self.adds_up)

    def lines(self, value: Value | None) -> Iterator[bytes]:
        """Yield its lines in a text, without their ends; none for ``None``."""
        if isinstance(value, Histogram):
            numbers = (value.count, value.sum, value.count)
            yield from (text + b" " + number_text(number) for text, number in zip(self.classic, numbers, strict=False))
        elif value is not None:
            yield self.text + b" " + number_text(value)


Showing = Callable[[Exposed], Value | None]
"""Which value a series has in a scrape; ``None``: it is not in it."""


@dataclass(frozen=True)
class Family:
    """The series of one metric name, those of one metric side by side; ``head`` is its TYPE line, or nothing."""

    name: str
    kind: str
    head: bytes
    series: tuple[Exposed, ...]


@dataclass(frozen=True)
class Page:
    """Everything that one target exposes. ``interval``: seconds between two samples, in the series' own time.

    ``native``: there are native histograms, which need protobuf; ``detailed``: something that classic text does not show.
    """

    families: tuple[Family, ...]
    interval: float
    content_type: bytes
    native: bool = False
    detailed: bool = False

    def __iter__(self) -> Iterator[Exposed]:
        """Yield every series."""
        return (each for family in self.families for each in family.series)

    def at(self, time: float) -> bytes:
        """Return the text of a scrape at a second of the series' own time; what has no sample then is not in it."""
        return self.showing(lambda each: each.at(time, self.interval))

    def showing(self, value: Showing) -> bytes:
        """Return the text of a scrape in which each series has this value; those that have none are not in it."""
        return b"".join(_family(family, value) for family in self.families)


def _family(family: Family, value: Showing) -> bytes:
    lines = [line + b"\n" for each in family.series for line in each.lines(value(each))]
    return family.head + b"".join(lines) if lines else b""


def page(series: Iterable[Written], interval: float) -> Page:
    """Return what exposes these series."""
    families: dict[tuple[str, str], dict[object, list[Written]]] = {}
    every = list(series)
    for each in every:
        kind = each.kind or ("histogram" if each.samples.native else "")
        name = family_of(each.labels[NAME], kind)
        families.setdefault((name, kind), {}).setdefault(_metric(each.labels, kind), []).append(each)
    whole = tuple(_whole(name, kind, metrics) for (name, kind), metrics in families.items())
    texts = [text for family in whole for each in family.series for text in (each.text, *each.classic)]
    quoted = any(text.startswith(b"{") or b'{"' in text or b',"' in text for text in texts)
    native, detailed = any(each.samples.native for each in every), any(each.exemplar or each.created for each in every)
    return Page(whole, interval, QUOTED if quoted else CLASSIC, native, detailed)


def _whole(name: str, kind: str, metrics: Mapping[object, list[Written]]) -> Family:
    series = []
    for written in metrics.values():
        alone = not any(each.labels[NAME] == f"{name}_count" for each in written)
        series += [_exposed(each, name, kind, alone=alone) for each in written]
    return Family(name, kind, head(name, kind), tuple(series))


def _exposed(written: Written, name: str, kind: str, *, alone: bool) -> Exposed:
    part = written.labels[NAME].removeprefix(name)
    total = part in _SUFFIXES.get(kind, ()) or (written.samples.native and kind == "histogram" and not written.samples.gauge)
    classic = tuple(_classic(written.labels)) if alone and written.samples.native else ()
    return Exposed(shown(written.labels), written, kind == "counter" or total, _metric(written.labels, kind), part, classic)


def _classic(labels: Mapping[str, str]) -> Iterator[bytes]:
    """Yield what client libraries show of a native histogram in a text."""
    for suffix, more in (("_bucket", {"le": "+Inf"}), ("_sum", {}), ("_count", {})):
        yield shown({**labels, NAME: f"{labels[NAME]}{suffix}", **more})


def _metric(labels: Mapping[str, str], kind: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(pair for pair in labels.items() if pair[0] not in (NAME, _OWN.get(kind))))


def family_of(name: str, kind: str) -> str:
    """Return the name that the TYPE line of a series has: ``x`` for ``x_bucket`` of a histogram."""
    suffix = next((each for each in _SUFFIXES.get(kind, ()) if name.endswith(each)), "")
    return name.removesuffix(suffix)


def shown(labels: Mapping[str, str]) -> bytes:
    """Return a series as a line of a scrape begins; names that need it are quoted."""
    name, plain = labels[NAME], _PLAIN.fullmatch(labels[NAME])
    pairs = [f'{_name(label)}="{_escaped(value)}"' for label, value in labels.items() if label != NAME]
    inside = ",".join(pairs if plain else [f'"{_escaped(name)}"', *pairs])
    return f"{name if plain else ''}{{{inside}}}".replace("{}", "").encode()


def head(name: str, kind: str) -> bytes:
    """Return the TYPE line of a family; nothing for a metric of no type."""
    shown_name = name if _PLAIN.fullmatch(name) else f'"{_escaped(name)}"'
    return f"# TYPE {shown_name} {kind}\n".encode() if kind else b""


def _name(label: str) -> str:
    return label if _PLAIN.fullmatch(label) and ":" not in label else f'"{_escaped(label)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
