"""What the plugin costs a suite that has no stories, beside the same suite without the plugin.

Run it: ``python tests/performance/importing.py`` (some twenty seconds).
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from figures import USUAL, Figure, median, tell

LIMIT, ROUNDS = 0.010, 21
PLUGIN = ("-p", "pytest_obscheck.plugin")
ALONE = {**USUAL, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""Without what else is installed here: whatever another plugin imports, too, would cost this one nothing."""


def cost(home: Path, *words: str) -> float:
    """Return the CPU seconds of one run: importing waits for nothing, and who else is busy does not count."""
    before = used()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words]
    subprocess.run(command, cwd=home, env=ALONE, check=True, stdout=subprocess.DEVNULL)
    return used() - before


def used() -> float:
    """Return the CPU seconds of all runs so far; those of times(2) are whole ticks, of which one is the limit."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def figures() -> Iterator[Figure]:
    """Yield the figure: the median of the differences within pairs of runs, which follow one another."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "test_one.py").write_text("def test_one():\n    pass\n")
        cost(home, *PLUGIN)
        pairs = [(cost(home), cost(home, *PLUGIN)) for _ in range(ROUNDS)]
    more = median(plugged - plain for plain, plugged in pairs)
    shown = f"{more * 1000:.1f} ms, pytest alone {median(plain for plain, _ in pairs) * 1000:.0f} ms"
    yield Figure("importing the plugin, in a suite without stories", shown, f"< {LIMIT * 1000:g} ms", more < LIMIT)


if __name__ == "__main__":
    sys.exit(tell(figures()))
