"""What one story takes from the start of pytest to its exit, and how much of that is the harness's own.

Run it: ``python tests/performance/story.py`` (about 40 seconds).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from figures import USUAL, Figure, a_project, median, tell

from pytest_obscheck import journal as journals
from pytest_obscheck.clock import SystemClock
from pytest_obscheck.journal import Journal
from pytest_obscheck.judge import decide
from pytest_obscheck.saved import from_data
from pytest_obscheck.when import Eventually, Within

ROUNDS = 5
STORY = "scenarios/slow-dependency.obs.yaml"
PLUGIN = ("-p", "pytest_obscheck.plugin", "-p", "no:cacheprovider")
COMMAND = [sys.executable, "-m", "pytest", "-q", *PLUGIN, "--obs-stack", "--obs-runtime=process", "--obs-report=report", STORY]
ALONE = {**USUAL, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
"""Without the plugins of others that happen to be installed, whose import is not the harness's."""
WHOLE, OWN = 8.0, 3.0
"""Seconds that the story, and the harness's own share of it, may take."""


@dataclass(frozen=True)
class Run:
    """One run: seconds from the start of the process to its exit, to time zero, and from zero until all was settled."""

    whole: float
    before: float
    told: float

    @property
    def own(self) -> float:
        """Return what is left when the story itself is taken away."""
        return self.whole - self.told


def run(home: Path) -> Run:
    """Play the story once."""
    clock = SystemClock()
    begun = clock.now()
    done = subprocess.run(COMMAND, cwd=home, env=ALONE, capture_output=True, text=True, check=False)
    whole = clock.now() - begun
    assert done.returncode == 0, done.stdout
    journal = journals.read(home / "report" / "scenarios-slow-dependency.ndjson")
    assert journal.zero is not None
    return Run(whole, journal.zero - begun, settled_at(journal))


def settled_at(journal: Journal) -> float:
    """Return the story second at which the last claim was settled: when it was seen, or when its window ended."""
    told = journal.last("scenario")
    assert told is not None
    scenario = from_data(told.data)
    ends = []
    for claim, decided in zip(scenario.claims, decide(scenario, journal), strict=True):
        at, window = decided.decision.at, decided.window
        assert window is not None
        ends.append(at if isinstance(claim.phrase, Eventually | Within) and at is not None else window.end)
    return max(ends)


def figures() -> Iterator[Figure]:
    """Yield the figures of one story."""
    with a_project() as home:
        runs = [run(home) for _ in range(ROUNDS)]
    whole = median(each.whole for each in runs)
    middle = sorted(runs, key=lambda each: each.own)[(len(runs) - 1) // 2]
    name = "the story of the slow dependency"
    yield Figure(f"{name}, from process start to exit", f"{whole:.1f} s", f"<= {WHOLE:g} s", whole <= WHOLE)
    shown = f"{middle.own:.1f} s (to time zero {middle.before:.1f} s, afterwards {middle.own - middle.before:.1f} s)"
    yield Figure("  the harness's own share", shown, f"<= {OWN:g} s", middle.own <= OWN)


if __name__ == "__main__":
    sys.exit(tell(figures()))
