"""What comes in at instants of its own, and what is known of the time between."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from pytest_obscheck.protocols import History

PACE = 0.2
"""Seconds between two sights of what a look found, or did not: it knows of every moment since the look before."""


def moments(history: History, data: Mapping[str, Any]) -> Iterable[float]:
    """Yield story seconds from the look before (``since``) to this one (``until``), which is the last of them."""
    since, until = history.story(data["since"]), history.story(data["until"])
    count = max(1, math.ceil((until - since) / PACE))
    return (since + (until - since) * (step + 1) / count for step in range(count))
