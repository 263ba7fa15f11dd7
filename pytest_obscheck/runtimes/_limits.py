"""What the daemon is told of the limits of a container, and what it tells of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pytest_obscheck.capabilities import QUOTA_PERIOD


def changed(controller: str, most: float, machine: int) -> Mapping[str, int]:
    """Return the words of an update that limits a container; ``machine``: the bytes of memory that there are.

    No update takes a limit of memory away again: all that the machine has is as good.
    """
    if controller == "cpu":
        return {"cpu_period": QUOTA_PERIOD, "cpu_quota": round(most * QUOTA_PERIOD) if math.isfinite(most) else -1}
    there = round(min(most, machine))
    # What it may swap besides would be more of it.
    return {"mem_limit": there, "memswap_limit": there}


def told(controller: str, inspected: Mapping[str, Any], machine: int) -> float:
    """Return the limit that the daemon tells of a container; ``inf`` where there is none."""
    host = inspected["HostConfig"]
    if controller == "cpu":
        return host["CpuQuota"] / host["CpuPeriod"] if host["CpuQuota"] > 0 else math.inf
    return host["Memory"] if 0 < host["Memory"] < machine else math.inf
