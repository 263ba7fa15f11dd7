"""Series and a moment → the text that a scrape gets: https://prometheus.io/docs/instrumenting/exposition_formats/."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pytest_obscheck.inbox.exposition import number_text
from pytest_obscheck.synthetic.notation import NAME, Samples

CLASSIC = b"text/plain; version=0.0.4; charset=utf-8"
QUOTED = b"text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8"

_PLAIN = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("_sum", "_count")}


@dataclass(frozen=True)
class Exposed:
    """One series as a scrape shows it: the text before its value, its samples, and whether they add up, as a counter's do."""

    text: bytes
    samples: Samples
    labels: Mapping[str, str]
    adds_up: bool = False


@dataclass(frozen=True)
class Family:
    """The series of one metric, which stand together; ``head`` is its TYPE line, or nothing."""

    head: bytes
    series: tuple[Exposed, ...]


@dataclass(frozen=True)
class Page:
    """Everything that one target exposes. ``interval``: seconds between two samples, in the series' own time."""

    families: tuple[Family, ...]
    interval: float
    content_type: bytes

    def at(self, time: float) -> bytes:
        """Return the text of a scrape at a second of the series' own time; what has no sample then is not in it."""
        return self.showing(lambda each: each.samples.at(time, self.interval))

    def showing(self, value: Callable[[Exposed], float | None]) -> bytes:
        """Return the text of a scrape in which each series has this value; those that have none are not in it."""
        return b"".join(_family(family, value) for family in self.families)


def _family(family: Family, value: Callable[[Exposed], float | None]) -> bytes:
    seen = [(each.text, value(each)) for each in family.series]
    lines = [text + b" " + number_text(number) + b"\n" for text, number in seen if number is not None]
    return family.head + b"".join(lines) if lines else b""


def page(series: Iterable[tuple[Mapping[str, str], Samples, str]], interval: float) -> Page:
    """Return what exposes these series: labels, samples, and the type of the metric (``""`` for none)."""
    families: dict[tuple[str, str], list[Exposed]] = {}
    for labels, made, kind in series:
        families.setdefault((family_of(labels[NAME], kind), kind), []).append(_exposed(labels, made, kind))
    whole = tuple(Family(_head(name, kind), tuple(exposed)) for (name, kind), exposed in families.items())
    quoted = any(each.text.startswith(b"{") or b'{"' in each.text or b',"' in each.text for f in whole for each in f.series)
    return Page(whole, interval, QUOTED if quoted else CLASSIC)


def _exposed(labels: Mapping[str, str], made: Samples, kind: str) -> Exposed:
    total = any(labels[NAME].endswith(suffix) for suffix in _SUFFIXES.get(kind, ()))
    return Exposed(shown(labels), made, labels, kind == "counter" or total)


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


def _head(name: str, kind: str) -> bytes:
    shown_name = name if _PLAIN.fullmatch(name) else f'"{_escaped(name)}"'
    return f"# TYPE {shown_name} {kind}\n".encode() if kind else b""


def _name(label: str) -> str:
    return label if _PLAIN.fullmatch(label) and ":" not in label else f'"{_escaped(label)}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
