"""The table of figures: ``python tests/performance/table.py`` (about three minutes on an otherwise idle machine).

What depends on the machine is a ratio, or stands beside its limit. Endurance has its own command: ``endurance.py``.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import band
import delivery
import deriving
import gate
import importing
import proxy
import ready
import shop
import story
import watching
from figures import Figure, tell

HERE = Path(__file__).parent


def through_the_proxy() -> Iterator[Figure]:
    """Yield the figure of the forward proxy."""
    # It starts itself again as a target, by the name it was called by.
    sys.argv[0] = str(HERE / "proxy.py")
    with tempfile.TemporaryDirectory() as folder:
        plain, through = asyncio.run(proxy.compare(Path(folder)))
    shown = f"{through.percent:.1f} % of a core, a bare target {plain.percent:.1f} %"
    yield Figure(f"forward proxy, {proxy.RATE} scrapes/s", shown, f"<= {proxy.LIMIT:g} %", through.percent <= proxy.LIMIT)


def figures() -> Iterator[Figure]:
    """Yield every figure as soon as it is known."""
    for module in (importing, ready, story, delivery, watching, band, shop, deriving, gate):
        yield from module.figures()
    yield from through_the_proxy()


if __name__ == "__main__":
    sys.exit(tell(figures()))
