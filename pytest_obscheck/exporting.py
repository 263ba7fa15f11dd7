"""What a live Prometheus knows of a target's series, put together as the exposition of that target.

Federation has the samples, the query API native histograms, and others of its answers exemplars and types. Native histograms
stand there in promtool's notation, for no text has one of theirs; a synthetic target reads it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.inbox.exposition import NAME_LABEL, number_text, sample
from pytest_obscheck.synthetic.exposition import head, shown
from pytest_obscheck.synthetic.histogram import from_api

_SAMPLE = re.compile(r"(?P<name>[^{\s]+|)(?:\{(?P<labels>.*)\})? (?P<value>\S+)(?: -?\d+)?")
_QUOTED = re.compile(r'\s*("(?:\\.|[^"\\])*")\s*(?:,|$)')
"""A metric's name where it stands among the labels, for it has characters that were not allowed once."""
_LABEL = re.compile(r'(?P<name>[^=,{}"]+|"(?:\\.|[^"\\])*")=(?P<value>"(?:\\.|[^"\\])*")')
_TYPE = re.compile(r'# TYPE (?P<name>\S+|"(?:\\.|[^"\\])*") untyped')
_PARTS = re.compile(r"_(bucket|sum|count|total)$")

Series = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Known:
    """What there is besides samples. ``names``: the labels that scraping adds, which the target itself does not show.

    ``exemplars``: by the labels that the target shows; ``kinds``: the type of a metric, by its name.
    """

    names: frozenset[str]
    exemplars: Mapping[Series, str] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)

    def own(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the labels that the target itself shows, its name first."""
        named = {NAME_LABEL: labels[NAME_LABEL]} if NAME_LABEL in labels else {}
        return named | {name: value for name, value in labels.items() if name not in (*self.names, NAME_LABEL)}

    def exemplar(self, labels: Mapping[str, str]) -> str:
        """Return what follows a sample: its exemplar, or nothing."""
        found = self.exemplars.get(frozenset(self.own(labels).items()), "")
        return f" # {found}" if found else ""

    def kind(self, name: str) -> tuple[str, str]:
        """Return the name and type of the family of a series; ``untyped`` where nobody knows it."""
        base = _PARTS.sub("", name)
        family = name if name in self.kinds else base if base in self.kinds else name
        return family, self.kinds.get(family, "untyped")


def kinds(metadata: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, str]:
    """Return the type of each metric, from ``/api/v1/metadata``."""
    return {name: each[0]["type"] for name, each in metadata.items() if each and each[0]["type"] != "unknown"}


def exemplars(found: Iterable[Mapping[str, Any]], names: frozenset[str]) -> dict[Series, str]:
    """Return the newest exemplar of each series as OpenMetrics writes it, from ``/api/v1/query_exemplars``."""
    read = {}
    for each in found:
        newest = max(each["exemplars"], key=lambda seen: float(seen["timestamp"]))
        told = shown({NAME_LABEL: "x", **newest["labels"]}).decode()[1:] or "{}"
        own = {name: value for name, value in each["seriesLabels"].items() if name not in names}
        read[frozenset(own.items())] = f"{told} {number_text(float(newest['value'])).decode()}"
    return read


def exposition(federated: str, queried: Iterable[Mapping[str, Any]], known: Known) -> str:
    """Return what the target itself exposes: without the labels that scraping adds, without timestamps."""
    lines = [*_plainly(federated.splitlines(), known), *_native(queried, known)]
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def _plainly(lines: Sequence[str], known: Known) -> Iterator[str]:
    for line in lines:
        found, typed = _SAMPLE.fullmatch(line), _TYPE.fullmatch(line)
        if typed:
            yield head(*known.kind(typed["name"].strip('"'))).decode().rstrip()
        elif line.startswith("#") or not found:
            yield from [line] if line.startswith("# ") else []
        elif found["name"] not in ("up", "ALERTS") and not found["name"].startswith("scrape_"):
            read = sample(line.encode())
            yield f"{_series(found, known)} {found['value']}{known.exemplar(read.labels) if read else ''}"


def _series(found: re.Match[str], known: Known) -> str:
    quoted = _QUOTED.match(found["labels"] or "")
    kept = [quoted[1]] if quoted else []
    kept += [each[0] for each in _LABEL.finditer(found["labels"] or "") if each["name"].strip('"') not in known.names]
    return f"{found['name']}{{{','.join(kept)}}}" if kept else str(found["name"])


def _native(queried: Iterable[Mapping[str, Any]], known: Known) -> Iterator[str]:
    for each in queried:
        # One with custom buckets is federated as the classic one that it was.
        made = from_api(each["histogram"][1]) if "histogram" in each else None
        if made:
            name, kind = known.kind(each["metric"][NAME_LABEL])
            yield head(name, "gauge" if kind.startswith("gauge") else "histogram").decode().rstrip()
            yield f"{shown(known.own(each['metric'])).decode()} {made}{known.exemplar(each['metric'])}"
