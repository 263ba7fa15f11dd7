"""What a series may have besides its samples: an exemplar, and when it was created."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pytest_obscheck.synthetic.notation import NAME, labels
from pytest_obscheck.when import seconds

LONGEST = 128
"""Characters that all labels of an exemplar may have: OpenMetrics says so, and Prometheus refuses more."""

_EXEMPLAR = re.compile(r"(?P<labels>\{.*\})\s*(?P<value>\S+)(?:\s+(?P<unix>\S+))?", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Exemplar:
    """One observation with labels of its own; ``unix``: its Unix second, ``None``: that of the sample it comes with."""

    labels: Mapping[str, str]
    value: float
    unix: float | None = None


@dataclass(frozen=True)
class Created:
    """When a series began: a Unix second, or a second of its own time."""

    second: float
    unix: bool


@dataclass(frozen=True)
class Moment:
    """A second of the series' own time, and ``unix``: such a second → Unix second, ``None`` before the story."""

    time: float
    unix: Callable[[float], float | None]

    def created(self, when: Created | None) -> float | None:
        """Return the Unix second at which something was created; ``None`` where it was not yet, or nobody says."""
        if when is None or (not when.unix and when.second > self.time):
            return None
        return when.second if when.unix else self.unix(when.second)

    def observed(self, seen: Exemplar, interval: float) -> float | None:
        """Return the Unix second of an exemplar: its own, or that of the newest sample, and ``None`` before the story."""
        return seen.unix if seen.unix is not None else self.unix(math.floor(self.time / interval + 1e-9) * interval)


def exemplar(text: str) -> Exemplar:
    """Return the exemplar that is written as OpenMetrics does after ``#``; ``ValueError`` where it is none."""
    found = _EXEMPLAR.fullmatch(text.strip().removeprefix("#").strip())
    if not found or not all(_NUMBER.fullmatch(found[part] or "0") for part in ("value", "unix")):
        raise ValueError(f"{text!r} is no exemplar; write it like '{{trace_id=\"4bf92f\"}} 0.43'")
    # A name of their own is what labels of an exemplar never have.
    read = {name: value for name, value in labels(f"x{found['labels']}").items() if name != NAME}
    length = sum(len(name) + len(value) for name, value in read.items())
    if length > LONGEST:
        raise ValueError(f"{text!r} has labels of {length} characters; an exemplar's may have {LONGEST} in all")
    return Exemplar(read, float(found["value"]), float(found["unix"]) if found["unix"] else None)


def created(text: str) -> Created:
    """Return when ``30s`` of a series' own time is, or a Unix second like ``1700000000.5``; ``ValueError`` where it is none."""
    if _NUMBER.fullmatch(text):
        return Created(float(text), unix=True)
    return Created(seconds(text), unix=False)
