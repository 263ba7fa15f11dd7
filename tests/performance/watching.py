"""What the harness costs while it watches: CPU of one core, its own and the inbox's, for twenty claims over twenty seconds.

Run it: ``python tests/performance/watching.py`` (about 35 seconds). Every claim has evidence five times a second.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, a_project, cpu_seconds, tell

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.supervisor import below, processes

SECONDS = 20.0
LIMIT = 5.0
"""Per cent of one core."""
CLOCK = SystemClock()
ALERTS = ("CheckoutSlow", "HighErrorRate", "ServiceDown")
EXPRESSIONS = (
    "sum(rate(http_requests_total[1s]))",
    "job:checkout_latency_seconds:p95_rate1s",
    "job:http_requests_errors:ratio_rate1s",
    "instance:node_filesystem_usage:ratio",
    "node_load1",
    'sum by (status) (http_requests_total{endpoint="/health/readiness"})',
)
TARGETS = ("checkout-1.shop.example:8080", "payments-1.shop.example:8081", "node-1.shop.example:9100")


def claims() -> Iterator[str]:
    """Yield twenty expectations that never hold, so that none is settled before its window ends."""
    for name in ALERTS:
        yield f"alert: {{name: {name}}}"
        yield f"alert: {{name: {name}, state: pending}}"
    yield from (f"resolved: {{name: {name}}}" for name in ALERTS[:2])
    yield from (f"metric: {{expr: '{expr}', is: '< -1'}}" for expr in EXPRESSIONS)
    yield from (f"scraped: {{target: '{target}', up: false}}" for target in TARGETS)
    yield from (f"notification: {{sink: {sink}}}" for sink in ("pagerduty", "slack"))
    yield "health: {service: checkout, path: /health/liveness, status: 503}"


def story() -> str:
    """Return the story."""
    expect = "".join(f"  - {claim}\n    never: 0s .. {SECONDS + 3:g}s\n" for claim in claims())
    return f"name: twenty claims and nothing happens\nexpect:\n{expect}"


def zero(journal: Path) -> bool:
    """Whether the story has begun."""
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    return any(json.loads(line)["kind"] == "zero" for line in lines[:200])


def watch(home: Path) -> tuple[float, float]:
    """Play the story; return the CPU seconds of the harness and of the inbox during twenty seconds of it."""
    (home / "scenarios" / "twenty.obs.yaml").write_text(story(), encoding="utf-8")
    options = ["-q", "-p", "no:cacheprovider", "--obs-stack", "--obs-report=report"]
    command = [sys.executable, "-m", "pytest", *options, "scenarios/twenty.obs.yaml"]
    with subprocess.Popen(command, cwd=home, stdout=subprocess.PIPE, text=True) as run:
        assert until(CLOCK, lambda: zero(home / "report" / "scenarios-twenty.ndjson"), 30.0), run.communicate()[0]
        CLOCK.sleep(1.0)
        inbox = next(pid for pid in below(run.pid, processes()) if b"pytest_obscheck.inbox" in command_line(pid))
        before = cpu_seconds(run.pid), cpu_seconds(inbox)
        CLOCK.sleep(SECONDS)
        after = cpu_seconds(run.pid), cpu_seconds(inbox)
        out, _ = run.communicate()
    assert run.returncode == 0, out
    return after[0] - before[0], after[1] - before[1]


def command_line(pid: int) -> bytes:
    """Return the words with which a process was started, a zero byte after each; nothing where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def figures() -> Iterator[Figure]:
    """Yield the figure of watching."""
    assert len(list(claims())) == 20
    with a_project() as home:
        harness, inbox = (100 * spent / SECONDS for spent in watch(home))
    shown = f"{harness + inbox:.1f} % (harness {harness:.1f} %, inbox {inbox:.1f} %)"
    yield Figure("watching 20 claims, CPU of one core", shown, f"<= {LIMIT:g} %", harness + inbox <= LIMIT)


if __name__ == "__main__":
    sys.exit(tell(figures()))
