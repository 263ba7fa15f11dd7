"""From a change of a real rate to the page, sped up sixty times: twenty alerts, against the band that theory gives.

Run it: ``python tests/performance/band.py`` (about 30 seconds). A real process counts at its real rate on twenty lanes; each
lane begins at a random moment, so that scrapes and evaluations have twenty phases to it.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from figures import Figure, tell

from pytest_obscheck.capabilities import CatchesNotifications, ReportsHealth
from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.session import Session
from pytest_obscheck.speed import Band, firing_band
from pytest_obscheck.stack import LiveStack, read

LANES, SPEED = 20, 60
SCRAPE = EVALUATION = 15.0
RANGE, HOLD, GROUP_WAIT = 300.0, 300.0, 30.0
"""Story seconds, as production writes them."""
RATE, THRESHOLD = 20.0, 5.0
"""Events in a second of wall time: real processes do not work faster."""
GRACE = 0.1
"""Wall seconds that the way from Prometheus to the receiver takes."""
SPREAD = 8.0
CLOCK = SystemClock()

STACK = """
components:
  prometheus: {config: prometheus.yml}
  alertmanager: {config: alertmanager.yml, hosts: [alertmanager.example:9093]}
services:
  lanes:
    command: [python, lanes.py, "${port.http}"]
    ready: /
    hosts: [lanes.example:8080]
"""
PROMETHEUS = """
global: {scrape_interval: 15s, evaluation_interval: 15s}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: [alertmanager.example:9093]}]}]}
scrape_configs:
  - job_name: lanes
    static_configs: [{targets: [lanes.example:8080]}]
"""
GROUP = """
  - name: lane-{lane}
    rules:
      - {{alert: Busy, expr: 'rate(events_total{{lane="{lane}"}}[5m]) > 5', for: 5m}}
"""
ALERTMANAGER = """
route: {receiver: hook, group_by: [lane], group_wait: 30s, group_interval: 1m}
receivers:
  - name: hook
    webhook_configs: [{url: 'http://hook.example/alerts'}]
"""
SERVICE = """
import http.server, sys, time

begun = {}

class Lanes(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        now = time.time()
        if self.path.startswith("/begin/"):
            begun[int(self.path.rpartition("/")[2])] = now
        rows = [f'events_total{{lane="{lane}"}} {RATE * max(0.0, now - begun.get(lane, now))}' for lane in range(LANES)]
        page = "".join(["# TYPE events_total counter\\n", *(f"{row}\\n" for row in rows)])
        body = (str(now) if self.path.startswith("/begin/") else page).encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain; version=0.0.4")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Lanes).serve_forever()
"""


def write(home: Path) -> None:
    """Write the stack, its configuration and the service."""
    stack = home / "stack"
    stack.mkdir()
    (stack / "stack.yaml").write_text(STACK, encoding="utf-8")
    (stack / "prometheus.yml").write_text(PROMETHEUS, encoding="utf-8")
    groups = "".join(GROUP.format(lane=lane) for lane in range(LANES))
    (stack / "rules.yml").write_text(f"groups:{groups}", encoding="utf-8")
    (stack / "alertmanager.yml").write_text(ALERTMANAGER, encoding="utf-8")
    (stack / "lanes.py").write_text(f"RATE, LANES = {RATE}, {LANES}\n{SERVICE}", encoding="utf-8")


def band() -> Band:
    """Return when a page must come, in story seconds after a lane began.

    The increase over the range reaches the threshold when so much of the range is busy; rate() makes up for the part of the
    range, up to a scrape interval, that lies outside its first and last sample, and so it may be there that much earlier.
    """
    crossing = RANGE * THRESHOLD / RATE
    early = crossing * (1 - SCRAPE / RANGE)
    first, last = (firing_band(each, HOLD, SCRAPE, EVALUATION, GROUP_WAIT) for each in (early, crossing))
    return Band(first.earliest, last.latest + GRACE * SPEED)


def begin_all(stack: LiveStack) -> Mapping[str, float]:
    """Let every lane begin at a random moment; return when it did, by lane."""
    chance = random.Random()  # noqa: S311 - no secret
    begun, zero = {}, CLOCK.now()
    for lane, offset in enumerate(sorted(chance.uniform(0, SPREAD) for _ in range(LANES))):
        CLOCK.sleep(max(0.0, zero + offset - CLOCK.now()))
        begun[str(lane)] = float(stack.that(ReportsHealth, named="lanes").ask(f"/begin/{lane}", timeout=1.0).text)
    return begun


def pages(stack: LiveStack, since: float) -> dict[str, float]:
    """Return when the first page about each lane arrived, by lane."""
    found: dict[str, float] = {}
    for each in stack.that(CatchesNotifications).arrived(since, CLOCK.now()):
        found.setdefault(each.alerts[0]["labels"]["lane"], each.wall)
    return found


def measure() -> list[float]:
    """Return how many story seconds each page took; infinity where none came."""
    with tempfile.TemporaryDirectory(prefix="obscheck-figures-") as folder:
        write(Path(folder))
        session = Session(read(Path(folder) / "stack" / "stack.yaml", Path(folder)), speed=str(SPEED))
        try:
            stack, since = session.stack(), CLOCK.now()
            # The range is filled with quiet first.
            CLOCK.sleep(RANGE / SPEED + 1)
            begun = begin_all(stack)
            until(CLOCK, lambda: len(pages(stack, since)) == LANES, 2 * band().latest / SPEED)
            came = pages(stack, since)
        finally:
            session.close()
    return [(came.get(lane, float("inf")) - at) * SPEED for lane, at in begun.items()]


def figures() -> Iterator[Figure]:
    """Yield the figure of twenty pages."""
    took, wanted = measure(), band()
    inside = sum(each in wanted for each in took)
    name = f"pages of a real-rate rule at speed {SPEED} in their band"
    shown = f"{inside} of {LANES}: {min(took):.0f} s .. {max(took):.0f} s of the story"
    yield Figure(name, shown, f"all in {wanted.earliest:.0f} s .. {wanted.latest:.0f} s", inside == LANES)


if __name__ == "__main__":
    sys.exit(tell(figures()))
