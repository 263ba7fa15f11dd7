"""The gate: every alert of production proved live, from fault to page and back, and how long that takes.

Run it: ``python tests/performance/gate.py`` (about two minutes), ``--times 20`` for as many runs, whose verdicts must be equal.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from figures import ROOT, USUAL, Figure, a_project, tell

from pytest_obscheck import journal as journals
from pytest_obscheck.clock import SystemClock
from pytest_obscheck.journal import Journal
from pytest_obscheck.saved import from_data
from pytest_obscheck.speed import Band, pending_for
from pytest_obscheck.starvation import stood
from pytest_obscheck.when import instant, seconds

STORIES = "scenarios/alerts"
WHOLE = 60.0
"""Wall seconds that the gate may take, warm."""
DELIVERED = 30.0
"""Wall seconds from a fault to the receiver, whatever the hold."""
INTERVAL = 15.0
"""Story seconds between two evaluations of production."""
PIPELINE = 0.05
"""Wall seconds for which a page may be on its way on a free machine: two HTTP requests, or one and a conversation by mail."""
WAY = ("prometheus", "alertmanager", "inbox")
"""The members that a page goes through: for as long as these stand in line for a processor, it is later."""
AUDIT = "audit"
WAITS = {"critical": 15.0, "warning": 30.0, "info": 30.0, AUDIT: 30.0}
"""``group_wait`` of the routes of production: by severity, and of the audit trail, which sees all."""


@dataclass(frozen=True)
class Run:
    """One run of the gate: its seconds, its exit code, the verdict of every claim, and where the journals are."""

    took: float
    code: int
    verdicts: dict[str, list[str]]
    folder: Path


@dataclass(frozen=True)
class Page:
    """What one receiver was told of one alert: wall seconds since the fault, and story seconds since it was pending.

    ``due``: story seconds of its hold and of the wait of its route. ``stood``: wall seconds for which those on the way stood in
    line for a processor while it was on it.
    """

    alert: str
    receiver: str
    route: str
    wall: float
    story: float
    due: float
    stood: float
    speed: float

    @property
    def band(self) -> Band:
        """Return when it had to come: so much later as the way takes, which is wall time."""
        return Band(self.due, self.due + (PIPELINE + self.stood) * self.speed)

    @property
    def late(self) -> float:
        """Return how long it was on its way, or waited without reason, in waits of its route."""
        return (self.story - self.due) / WAITS[self.route]

    @property
    def fits(self) -> bool:
        """Whether it came in its band."""
        return self.story in self.band

    def __str__(self) -> str:
        """Return what came when, and when it should have come."""
        band = f"{self.band.earliest:.0f} s .. {self.band.latest:.0f} s"
        return f"{self.alert} to {self.receiver} after {self.story:.0f} s, not {band} (in line for {self.stood * 1000:.0f} ms)"


def run(home: Path, number: int) -> Run:
    """Play the gate once, as a user would."""
    clock, folder = SystemClock(), home / f"report-{number}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--obs-stack", "--obs-speed=auto"]
    begun = clock.now()
    command += [f"--obs-report={folder}", STORIES]
    done = subprocess.run(command, cwd=home, env=USUAL, capture_output=True, text=True, check=False)
    took = clock.now() - begun
    if done.returncode:
        sys.stdout.write(done.stdout)
    return Run(took, done.returncode, verdicts(folder), folder)


def verdicts(folder: Path) -> dict[str, list[str]]:
    """Return the marks of the claims of each story, by the name of its report."""
    told = {path.stem: path.read_text(encoding="utf-8").splitlines() for path in sorted(folder.glob("*.txt"))}
    return {name: [line.strip()[:1] for line in lines if line[:3].strip() in ("✓", "✗", "?")] for name, lines in told.items()}


def pages(folder: Path) -> Iterator[Page]:
    """Yield what each receiver was told of each alert that was to reach somebody."""
    for path in sorted(folder.glob("*.ndjson")):
        yield from told(journals.read(path))


def told(journal: Journal) -> Iterator[Page]:
    """Yield what each receiver was told of the alert that a story is about; nothing where it reaches nobody live."""
    said, plan = journal.last("scenario"), journal.last("plan")
    assert said is not None
    assert plan is not None
    names = [claim.expectation.name for claim in from_data(said.data).claims if hasattr(claim.expectation, "name")]
    harms = [event.wall for event in journal.of("fault", phase="injected") if event.data["name"] in ("harm", "kill")]
    for receiver, at in arrivals(journal, names[0]).items() if names and harms else ():
        since, rule = pending(journal, names[0], at), plan.data["alerts"][names[0]]
        route = AUDIT if AUDIT in receiver else rule["labels"]["severity"]
        hold = pending_for(seconds(rule["for"] or "0s"), INTERVAL)
        stood = in_line(journal, since + hold / journal.speed, at)
        waited, due = (at - since) * journal.speed, hold + WAITS[route]
        yield Page(names[0], receiver, route, at - min(harms), waited, due, stood, journal.speed)


def arrivals(journal: Journal, alert: str) -> Mapping[str, float]:
    """Return the Unix second at which each receiver was first told that an alert fires."""
    looks = [event.data["data"] for event in journal.of("look", key="deliveries") if "data" in event.data]
    firing = [each for data in looks for each in data["arrived"] if each["status"] == "firing"]
    mine = [each for each in firing if any(one["labels"].get("alertname") == alert for one in each["alerts"])]
    first: dict[str, float] = {}
    for each in sorted(mine, key=lambda each: each["wall"]):
        first.setdefault(f"{each['sink']} ({each['receiver']})", each["wall"])
    return first


def pending(journal: Journal, alert: str, before: float) -> float:
    """Return the Unix second since which an alert was active when its page came, as Prometheus says.

    A single evaluation that finds nothing begins the hold anew: near its threshold an expression may flicker.
    """
    looks = [event.data["data"] for event in journal.of("look", key="alerts") if "data" in event.data]
    rules = [rule for data in looks for rule in data.get("rules", {}).get(alert, ())]
    return max(at for rule in rules for each in rule["alerts"] if (at := instant(each["activeAt"])) <= before)


def in_line(journal: Journal, since: float, until: float) -> float:
    """Return for how many seconds those on the way stood in line between the looks around the evaluation and the arrival."""
    looks = [event for event in journal.of("look", key="queues") if "data" in event.data]
    before = next((event for event in reversed(looks) if event.wall <= since), looks[0])
    after = next((event for event in looks if event.wall >= until), looks[-1])
    between = stood(before.data["data"], after.data["data"])
    return sum(between.get(name, 0.0) for name in WAY)


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
    late = [str(each) for each in found if not each.fits]
    shown = f"{len(found) - len(late)} of {len(found)}"
    yield Figure("  inside its band of story time", shown, f"all; not: {'; '.join(late) or 'none'}", not late)
    yield quickest(found)


def quickest(found: Sequence[Page]) -> Figure:
    """Return by how much of its route's wait the quickest page of each route was late.

    What stands in line is late by chance, and the band has room for it. A wait that is twice as long makes every page late.
    """
    shares = {
        route: min(each.late for each in found if each.route == route) for route in sorted({each.route for each in found})
    }
    shown = ", ".join(f"{route} {share:.0%}" for route, share in shares.items())
    return Figure("  the quickest page of each route is late by", shown, "< 100% of its wait", max(shares.values()) < 1)


def main() -> int:
    """Measure as often as asked, print the table, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1)
    return tell(figures(parser.parse_args().times))


if __name__ == "__main__":
    sys.exit(main())
