"""What a rule would have found at instants at which it was not evaluated: it is evaluated when the story is over."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pytest_obscheck.capabilities import AnswersPromQL
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.speed import Speed, rewrite

_NAME = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(\s*[\[{])?")


def written_out(expr: str, recordings: Mapping[str, str]) -> str:
    """Return an expression that reads no recording rule: what they record is missing where they were not evaluated.

    ``ValueError`` where it reads a range of what is recorded, or series of it with certain labels only.
    """

    def inside(found: re.Match[str]) -> str:
        name, more = found.groups()
        if name not in recordings:
            return found[0]
        if more:
            raise ValueError(f"{found[0]!r} cannot be written out")
        others = {other: expr for other, expr in recordings.items() if other != name}
        return f"({written_out(recordings[name], others)})"

    return _NAME.sub(inside, expr)


def held(
    prometheus: AnswersPromQL | None, expr: str, recordings: Mapping[str, str], speed: Speed, span: tuple[float, float, float]
) -> dict[str, Any]:
    """Return ``held``: the Unix seconds at which an expression has a result; nothing where that cannot be told.

    ``prometheus``: who evaluates the rule, if that one answers. ``span``: from when to when, and how many seconds apart.
    """
    if prometheus is None:
        return {}
    try:
        found = prometheus.query_range(rewrite(written_out(expr, recordings), speed), *span)
    except (ValueError, LookFailed):
        return {}
    return {"held": sorted({at for series in found for at, _ in series.points})}
