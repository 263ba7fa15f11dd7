"""A saved exposition as series of a synthetic target: each stays at the value that it was saved with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_TYPE = re.compile(r"#\s*TYPE\s+(\S+)\s+(\S+)")
_SAMPLE = re.compile(
    r'(?P<series>[a-zA-Z_:][\w:]*\s*(?:\{(?:[^"}]|"(?:\\.|[^"\\])*")*\})?)\s*(?P<value>\S+)(?:\s+-?[\d.]+)?(?:\s*#.*)?'
)
_PARTS = re.compile(r"_(bucket|sum|count|total)$")
_SAMPLES = 4000
"""How many values each series has: with one a minute, almost three days."""


def saved(text: str, types: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    """Yield the series of an exposition in the notation of a synthetic target; ``ValueError`` with the line that is none.

    Series that Prometheus makes by itself are left out, and values that are no numbers.
    """
    known: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if found := _TYPE.match(line):
            known[found[1]] = found[2] if found[2] in types else "untyped"
        if not line.strip() or line.startswith("#"):
            continue
        sample = _SAMPLE.fullmatch(line.strip())
        if sample is None:
            raise ValueError(f"line {number}: {line!r} is no sample; write it like 'x{{a=\"b\"}} 1'")
        name = re.split(r"[\s{]", sample["series"])[0]
        if name != "up" and not name.startswith("scrape_") and re.fullmatch(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?", sample["value"]):
            kind = known.get(name) or known.get(_PARTS.sub("", name), "untyped")
            yield {"series": sample["series"].strip(), "values": f"{sample['value']}x{_SAMPLES}", "type": kind}
