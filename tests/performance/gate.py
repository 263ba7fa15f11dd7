"""The gate: every alert of production proved live, from fault to page and back, and how long that takes.

Run it: ``python tests/performance/gate.py`` (about two minutes), ``--times 20`` for as many runs, whose verdicts must be equal.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import yaml
from figures import ROOT, Figure, a_project, tell

from pytest_obscheck import journal as journals
from pytest_obscheck.clock import SystemClock
from pytest_obscheck.journal import Journal
from pytest_obscheck.saved import from_data
from pytest_obscheck.speed import firing_band
from pytest_obscheck.when import seconds

STORIES = "scenarios/alerts"
WHOLE = 60.0
"""Wall seconds that the gate may take, warm."""
DELIVERED = 30.0
"""Wall seconds from a fault to the receiver, whatever the hold."""
INTERVAL = 15.0
"""Story seconds between two scrapes, and between two evaluations, of production."""
PIPELINE = 0.05
"""Wall seconds that everything takes which no interval explains: requests, scheduling, the engine itself."""
WAITS = {"critical": 15.0, "warning": 30.0, "info": 30.0}
"""``group_wait`` of the routes of production, by severity."""


@dataclass(frozen=True)
class Run:
    """One run of the gate: its seconds, its exit code, the verdict of every claim, and where the journals are."""

    took: float
    code: int
    verdicts: dict[str, list[str]]
    folder: Path


@dataclass(frozen=True)
class Page:
    """What became of one alert: wall seconds from fault to receiver, story seconds from pending to receiver, and their band."""

    alert: str
    wall: float
    story: float
    earliest: float
    latest: float

    @property
    def fits(self) -> bool:
        """Whether the page came in its band."""
        return self.earliest <= self.story <= self.latest


def run(home: Path, number: int) -> Run:
    """Play the gate once, as a user would."""
    clock, folder = SystemClock(), home / f"report-{number}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--obs-stack", "--obs-speed=auto"]
    begun = clock.now()
    done = subprocess.run([*command, f"--obs-report={folder}", STORIES], cwd=home, capture_output=True, text=True, check=False)
    took = clock.now() - begun
    if done.returncode:
        sys.stdout.write(done.stdout)
    return Run(took, done.returncode, verdicts(folder), folder)


def verdicts(folder: Path) -> dict[str, list[str]]:
    """Return the marks of the claims of each story, by the name of its report."""
    told = {path.stem: path.read_text(encoding="utf-8").splitlines() for path in sorted(folder.glob("*.txt"))}
    return {name: [line.strip()[:1] for line in lines if line[:3].strip() in ("✓", "✗", "?")] for name, lines in told.items()}


def pages(folder: Path) -> Iterator[Page]:
    """Yield what became of each alert that was to reach somebody."""
    for path in sorted(folder.glob("*.ndjson")):
        found = page(journals.read(path))
        if found is not None:
            yield found


def page(journal: Journal) -> Page | None:
    """Return what became of the alert that a story is about; ``None`` where it reaches nobody live."""
    told, plan = journal.last("scenario"), journal.last("plan")
    assert told is not None
    assert plan is not None
    scenario = from_data(told.data)
    names = [claim.expectation.name for claim in scenario.claims if hasattr(claim.expectation, "name")]
    harms = [event.wall for event in journal.of("fault", phase="injected") if event.data["name"] in ("harm", "kill")]
    arrived = [at for name in names[:1] for at in arrivals(journal, name)]
    if not harms or not arrived:
        return None
    rule = plan.data["alerts"][names[0]]
    hold = seconds(rule["for"]) if rule["for"] else 0.0
    band = firing_band(0.0, hold, INTERVAL, INTERVAL, WAITS[rule["labels"]["severity"]])
    first = min(arrived)
    slack = PIPELINE * journal.speed
    waited = (first - pending(journal, names[0], first)) * journal.speed
    return Page(names[0], first - min(harms), waited, band.earliest - slack, band.latest + slack)


def arrivals(journal: Journal, alert: str) -> list[float]:
    """Return the Unix seconds at which a receiver was told that an alert fires."""
    looks = [event.data["data"] for event in journal.of("look", key="deliveries") if "data" in event.data]
    told = [each for data in looks for each in data["arrived"] if each["status"] == "firing"]
    return [each["wall"] for each in told if any(one["labels"].get("alertname") == alert for one in each["alerts"])]


def pending(journal: Journal, alert: str, before: float) -> float:
    """Return the Unix second since when an alert was active without a pause when its page came."""
    looks = [event.data["data"] for event in journal.of("look", key="alerts") if "data" in event.data]
    series = [each for data in looks for each in data["samples"] if each["labels"]["alertname"] == alert]
    times = sorted({point[0] for each in series for point in each["points"] if point[0] <= before})
    starts = [later for earlier, later in pairwise(times) if later - earlier > 3 * INTERVAL / journal.speed]
    return float((times[:1] + starts)[-1])


def alerts() -> set[str]:
    """Return the names of production's alerts."""
    files = sorted((ROOT / "stack/production/rules").glob("*.yml"))
    groups = [group for path in files for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}


def figures(times: int = 1) -> Iterator[Figure]:
    """Yield the figures of the gate."""
    with a_project() as home:
        run(home, 0)
        runs = [run(home, number) for number in range(1, times + 1)]
        slowest = max(each.took for each in runs)
        green = all(each.code == 0 for each in runs)
        shown = f"{slowest:.1f} s, {'green' if green else 'red'}"
        yield Figure(f"the gate of {len(alerts())} alerts, warm", shown, f"<= {WHOLE:g} s", green and slowest <= WHOLE)
        same = sum(each.verdicts == runs[0].verdicts for each in runs)
        yield Figure("  the same verdicts", f"{same} of {len(runs)}", "all", same == len(runs))
        yield from delivered([each for one in runs for each in pages(one.folder)])


def delivered(found: list[Page]) -> Iterator[Figure]:
    """Yield how soon the receivers were told."""
    names = {each.alert for each in found}
    slowest = max(found, key=lambda each: each.wall)
    shown = f"max {slowest.wall:.1f} s ({slowest.alert})"
    yield Figure(f"  fault to receiver, {len(names)} alerts live", shown, f"<= {DELIVERED:g} s", slowest.wall <= DELIVERED)
    late = [f"{each.alert}: {each.story:.0f} s" for each in found if not each.fits]
    shown = f"{len(found) - len(late)} of {len(found)}"
    yield Figure("  inside its band of story time", shown, f"all; not: {', '.join(late) or 'none'}", not late)


def main() -> int:
    """Measure as often as asked, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1)
    return tell(figures(parser.parse_args().times))


if __name__ == "__main__":
    sys.exit(main())
