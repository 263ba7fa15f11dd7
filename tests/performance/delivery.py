"""From fault to page: fifty faults at random moments, against the bound that the configuration gives.

Run it: ``python tests/performance/delivery.py`` (about 40 seconds). Ten targets, each with a rule group of its own, so that
scrapes and evaluations have ten phases to each other; each fault alters one target's samples as they are scraped.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, a_session, median, milliseconds, tell

from pytest_obscheck import Sample
from pytest_obscheck.capabilities import CatchesNotifications, EvaluatesRules, ScrapesTargets
from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.protocols import Delivery
from pytest_obscheck.stack import LiveStack

TARGETS, FAULTS = 10, 50
INTERVAL = 0.2
BOUND = 2 * INTERVAL
"""Seconds: one scrape, one evaluation, `for: 0s`, `group_wait: 0s`."""
GRACE = 0.05
MEDIAN = 0.65
"""Share of the bound that the median may be."""
CLOCK = SystemClock()

STACK = """
components:
  prometheus: {{config: prometheus.yml}}
  alertmanager: {{config: alertmanager.yml, hosts: [alertmanager.example:9093]}}
  node_exporter:
    hosts: [{hosts}]
    args: [--web.disable-exporter-metrics, --collector.disable-defaults, --collector.loadavg]
"""
PROMETHEUS = """
global: {{scrape_interval: 200ms, evaluation_interval: 200ms}}
rule_files: [rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: [alertmanager.example:9093]}}]}}]}}
scrape_configs:
  - job_name: node
    static_configs: [{{targets: [{hosts}]}}]
"""
GROUP = """
  - name: group-{number}
    rules:
      - alert: Loaded
        expr: node_load1{{instance="{host}"}} > 1e9
"""
ALERTMANAGER = """
route: {receiver: hook, group_by: [instance], group_wait: 0s, group_interval: 100ms}
receivers:
  - name: hook
    webhook_configs: [{url: 'http://hook.example/alerts'}]
"""


def hosts() -> list[str]:
    """Return what production calls the targets."""
    return [f"node-{number}.example:9100" for number in range(TARGETS)]


def write(home: Path) -> None:
    """Write the stack and its configuration."""
    stack, listed = home / "stack", ", ".join(hosts())
    stack.mkdir()
    groups = "".join(GROUP.format(number=number, host=host) for number, host in enumerate(hosts()))
    (stack / "stack.yaml").write_text(STACK.format(hosts=listed), encoding="utf-8")
    (stack / "prometheus.yml").write_text(PROMETHEUS.format(hosts=listed), encoding="utf-8")
    (stack / "rules.yml").write_text(f"groups:{groups}", encoding="utf-8")
    (stack / "alertmanager.yml").write_text(ALERTMANAGER, encoding="utf-8")


def delivered(stack: LiveStack, host: str) -> float:
    """Alter one target's samples; return the seconds from the moment at which that is in force to the notification."""
    fault = Sample("node_load1", target=host, set=1e10)
    fault.inject(stack)
    begun = CLOCK.now()
    try:
        assert until(CLOCK, lambda: arrived(stack, host, begun, "firing") is not None, 5.0), f"no page for {host}"
        page = arrived(stack, host, begun, "firing")
        assert page is not None
        return page.wall - begun
    finally:
        fault.heal(stack)


def arrived(stack: LiveStack, host: str, since: float, status: str) -> Delivery | None:
    """Return the first delivery about a target, ``None`` while there is none."""
    found = stack.that(CatchesNotifications).arrived(since, CLOCK.now())
    return next((each for each in found if each.status == status and each.alerts[0]["labels"]["instance"] == host), None)


def quiet(stack: LiveStack) -> bool:
    """Whether every target is up and no alert is active."""
    targets = stack.that(ScrapesTargets).targets()
    rules = [rule for group in stack.that(EvaluatesRules).rules() for rule in group["rules"]]
    evaluated = all(rule["health"] == "ok" for rule in rules)
    return evaluated and all(each["health"] == "up" for each in targets) and not any(rule["alerts"] for rule in rules)


def measure() -> list[float]:
    """Return the seconds of every delivery."""
    chance = random.Random()  # noqa: S311 - no secret
    took = []
    with tempfile.TemporaryDirectory(prefix="obscheck-figures-") as folder:
        write(Path(folder))
        with a_session(Path(folder)) as session:
            stack = session.stack()
            assert until(CLOCK, lambda: quiet(stack), 10.0)
            for number in range(FAULTS):
                CLOCK.sleep(chance.uniform(0.1, 0.1 + BOUND))
                took.append(delivered(stack, hosts()[number % TARGETS]))
    return took


def figures() -> Iterator[Figure]:
    """Yield the figures of fifty deliveries."""
    took = measure()
    late = sum(each > BOUND + GRACE for each in took)
    middle = median(took)
    name = f"fault in force to notification, {FAULTS} times"
    shown = f"min {milliseconds(min(took))}, median {milliseconds(middle)}, max {milliseconds(max(took))}"
    limit = f"every one <= {milliseconds(BOUND)} + {milliseconds(GRACE)}: {late} exceeded"
    yield Figure(name, shown, limit, late == 0)
    share = middle / BOUND
    yield Figure("  median as a share of the bound", f"{share:.2f}", f"<= {MEDIAN:g}", share <= MEDIAN)


if __name__ == "__main__":
    sys.exit(tell(figures()))
