"""How long the panels of dashboards take: 300 in at most 10 s, on the quick stack; and their words, for a folder of your own.

Run it: ``python tests/performance/panels.py [FOLDER]`` (about 15 seconds).
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from figures import ROOT, Figure, a_project, a_session, tell

from pytest_obscheck.clock import SystemClock
from pytest_obscheck.expectations.dashboard import Panels

PANELS = 300
LIMIT = 10.0
CLOCK = SystemClock()


def figures(folder: Path, *, timed: bool) -> Iterator[Figure]:
    """Yield the words that the panels of a folder get, and the time that this many took."""
    with a_project() as home, a_session(home) as session:
        shutil.copytree(folder, home / "stack" / "panels")
        stack = session.stack()
        CLOCK.sleep(2.0)
        look = Panels("panels")
        found: list[dict[str, Any]] = []
        began = CLOCK.now()
        while not found or (timed and len(found) < PANELS):
            found.extend(look.look(stack, began, CLOCK.now()))
        took = CLOCK.now() - began
    if not timed:
        for each in found:
            yield Figure(f"{each['board']} / {each['panel']}"[:58], f"{each['word']}: {each['words']}"[:160])
    yield Figure("panels by their word", str(dict(Counter(each["word"] for each in found))))
    per = took / len(found) * PANELS
    yield Figure(f"{PANELS} panels, of {len(found)} that were run", f"{per:.1f} s", f"<= {LIMIT:g} s", per <= LIMIT)


if __name__ == "__main__":
    own = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    sys.exit(tell(figures(own or ROOT / "stack" / "grafana" / "dashboards", timed=own is None)))
