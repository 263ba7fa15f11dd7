"""A saved exposition as series of a synthetic target: each stays at the value that it was saved with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pytest_obscheck.synthetic.details import exemplar
from pytest_obscheck.synthetic.notation import NAME, labels

_QUOTED = r'"(?:\\.|[^"\\])*"'
_TYPE = re.compile(rf"#\s*TYPE\s+(?P<name>{_QUOTED}|\S+)\s+(?P<kind>\S+)")
_SERIES = rf'(?=[a-zA-Z_:{{])(?:[a-zA-Z_:][\w:]*)?\s*(?:\{{(?:[^"{{}}]|{_QUOTED})*\}})?'
_SAMPLE = re.compile(
    rf"(?P<series>{_SERIES})\s*(?P<value>\{{\{{[^{{}}]*\}}\}}|\S+)(?:\s+-?[\d.]+)?(?:\s*#\s*(?P<exemplar>.*))?"
)
_VALUE = re.compile(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?|\{\{.*\}\}")
_PARTS = re.compile(r"_(bucket|sum|count|total)$")
_CREATED = "_created"
_GROWING = ("counter", "histogram", "summary")
_SAMPLES = 4000
"""How many values each series has: with one a minute, almost three days."""


@dataclass(frozen=True)
class Saved:
    """One line of an exposition: its series as written there, and the labels and type of that."""

    series: str
    value: str
    exemplar: str
    labels: Mapping[str, str]
    kind: str

    @property
    def name(self) -> str:
        """Return the name of the series."""
        return self.labels[NAME]

    @property
    def metric(self) -> tuple[str, frozenset[tuple[str, str]]]:
        """Return what all series of one counter, histogram or summary have in common."""
        own = frozenset(pair for pair in self.labels.items() if pair[0] not in (NAME, "le", "quantile"))
        return _PARTS.sub("", self.name.removesuffix(_CREATED)), own

    @property
    def began(self) -> bool:
        """Whether it says when the others of its metric were created."""
        return self.name.endswith(_CREATED) and self.kind in _GROWING

    def written(self, created: str | None) -> Mapping[str, str]:
        """Return it in the notation of a synthetic target."""
        made = {"series": self.series, "values": f"{self.value}x{_SAMPLES}", "type": self.kind}
        # When it was observed is left out: a new one comes with each value, as with a target that runs.
        seen = self.exemplar if has_exemplars(self.name, self.kind, self.value) else ""
        made |= {"exemplar": " ".join(seen.rsplit(maxsplit=1)[:1] if exemplar(seen).unix else [seen])} if seen else {}
        return made | ({"created": created} if created else {})


def has_exemplars(name: str, kind: str, value: str) -> bool:
    """Whether series like this one can have an exemplar: counters, buckets, and native histograms."""
    return kind == "counter" or (kind == "histogram" and name.endswith("_bucket")) or "{{" in value


def grows(kind: str, value: str) -> bool:
    """Whether series like this one can say when they were created: whatever adds up."""
    return kind in _GROWING or "{{" in value


def saved(text: str, types: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    """Yield the series of an exposition in the notation of a synthetic target; ``ValueError`` with the line that is none.

    Series that Prometheus makes by itself are left out, and values that are no numbers. Native histograms stand there in
    promtool's notation, as ``obscheck targets --with-samples`` writes them.
    """
    lines = list(_lines(text, types))
    began = {each.metric: each.value for each in lines if each.began}
    for each in lines:
        if not each.began:
            yield each.written(began.pop(each.metric, None) if grows(each.kind, each.value) else None)


def _lines(text: str, types: tuple[str, ...]) -> Iterator[Saved]:
    known: dict[str, str] = {}
    # In the older format, which does not end like this, a series called so is one like any other.
    created = _CREATED if text.rstrip().endswith("# EOF") else ""
    for number, line in enumerate(text.splitlines(), 1):
        if found := _TYPE.match(line):
            known[_unquoted(found["name"])] = found["kind"] if found["kind"] in types else "untyped"
        if not line.strip() or line.startswith("#"):
            continue
        sample = _SAMPLE.fullmatch(line.strip())
        try:
            read = labels(sample["series"].strip()) if sample else {}
        except ValueError:
            read = {}
        if not sample or not read:
            raise ValueError(f"line {number}: {line!r} is no sample; write it like 'x{{a=\"b\"}} 1'")
        name = read[NAME]
        if name != "up" and not name.startswith("scrape_") and _VALUE.fullmatch(sample["value"]):
            kind = known.get(name) or known.get(_PARTS.sub("", name.removesuffix(created)), "untyped")
            yield Saved(sample["series"].strip(), sample["value"], sample["exemplar"] or "", read, kind)


def _unquoted(name: str) -> str:
    """Return a metric's name, which is quoted where it has characters that were not allowed once."""
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if name.startswith('"') else name
