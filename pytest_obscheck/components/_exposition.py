"""A saved exposition as series of a synthetic target: each stays at the value that it was saved with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_QUOTED = r'"(?:\\.|[^"\\])*"'
_TYPE = re.compile(rf"#\s*TYPE\s+(?P<name>{_QUOTED}|\S+)\s+(?P<kind>\S+)")
_NAME = re.compile(rf"\s*(?:(?P<plain>[a-zA-Z_:][\w:]*)|\{{\s*(?P<quoted>{_QUOTED})\s*[,}}])")
_SERIES = rf'(?=[a-zA-Z_:{{])(?:[a-zA-Z_:][\w:]*)?\s*(?:\{{(?:[^"}}]|{_QUOTED})*\}})?'
_SAMPLE = re.compile(rf"(?P<series>{_SERIES})\s*(?P<value>\S+)(?:\s+-?[\d.]+)?(?:\s*#.*)?")
_PARTS = re.compile(r"_(bucket|sum|count|total)$")
_SAMPLES = 4000
"""How many values each series has: with one a minute, almost three days."""


def saved(text: str, types: tuple[str, ...]) -> Iterator[Mapping[str, str]]:
    """Yield the series of an exposition in the notation of a synthetic target; ``ValueError`` with the line that is none.

    Series that Prometheus makes by itself are left out, and values that are no numbers; so are exemplars.
    """
    known: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if found := _TYPE.match(line):
            known[_unquoted(found["name"])] = found["kind"] if found["kind"] in types else "untyped"
        if not line.strip() or line.startswith("#"):
            continue
        sample = _SAMPLE.fullmatch(line.strip())
        named = _NAME.match(sample["series"]) if sample else None
        if sample is None or named is None:
            raise ValueError(f"line {number}: {line!r} is no sample; write it like 'x{{a=\"b\"}} 1'")
        name = named["plain"] or _unquoted(named["quoted"])
        if name != "up" and not name.startswith("scrape_") and re.fullmatch(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?", sample["value"]):
            kind = known.get(name) or known.get(_PARTS.sub("", name), "untyped")
            yield {"series": sample["series"].strip(), "values": f"{sample['value']}x{_SAMPLES}", "type": kind}


def _unquoted(name: str) -> str:
    """Return a metric's name, which is quoted where it has characters that were not allowed once."""
    return re.sub(r"\\(.)", r"\1", name[1:-1]) if name.startswith('"') else name
