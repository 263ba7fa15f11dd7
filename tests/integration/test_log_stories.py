"""Stories about logs, on a real Loki: lines are found as they are written, and their loss on the way is noticed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Loki is not among the usual programs: its build takes minutes.
pytestmark = [pytest.mark.integration, pytest.mark.long]

STACK = """components:
  loki: {}
  toxiproxy: {}
  shipper: {members: [shop], labels: {env: test}, depends_on: [loki]}
services:
  shop:
    command: [python, -u, shop.py, "${port.http}"]
"""
FOUND = """name: what the shop says is found
expect:
  - logs: {labels: {service_name: shop, env: test}, level: error}
    eventually: 0s .. 3s
  - logs: {query: '{service_name="shop"} |= "sold" | json | user_id="2"'}
    eventually: 0s .. 3s
  - logs: {contains: sold, matches: 'number.: [0-9]+', json: {user.id: "~[01]"}, is: "> 3", over: 1s}
    eventually: 0s .. 3s
  - logs: {level: fatal}
    never: 0s .. 2s
  - logs: {contains: sold}
    never: 0s .. 2s
  - logs: {query: '{service_name="shop" |= "sold"'}
    never: 0s .. 2s
"""
LOST = """name: a store of logs that cannot be reached is noticed, and loses nothing
faults:
  - down: {to: loki}
    from: 1s
    until: 6s
expect:
  - logs: {contains: sold, is: "== 0", over: 1s}
    within: 5s
    after: down
  - logs: {contains: sold, is: "> 5", over: 1s}
    within: 6s
    after: cure of down
"""


@pytest.fixture
def shop(bare_project: Any, talking_shop: str, obs_program: Callable[[str], Path]) -> Any:
    """Return a shop that logs ten lines a second, one of them an error, with a shipper and a Loki."""
    for name in ("loki", "toxiproxy-server"):
        obs_program(name)
    bare_project.write("stack/stack.yaml", STACK)
    bare_project.write("stack/shop.py", talking_shop)
    return bare_project


def test_lines_are_found_counted_and_missed(shop: Any) -> None:
    shop.write("scenarios/found.obs.yaml", FOUND)

    said = shop.pytest("--obs-stack", "-q")

    assert (said.code, said.marks) == (1, ["✓", "✓", "✓", "✓", "✗", "?"]), said.out
    assert "syntax error" in said
    assert shop.left() == ([], [])


def test_lines_that_do_not_arrive_are_noticed_and_come_later(shop: Any) -> None:
    shop.write("scenarios/lost.obs.yaml", LOST)

    said = shop.pytest("--obs-stack", "-q")

    assert said.code == 0, said.out
    assert shop.left() == ([], [])


RULES = """namespace: shop
groups:
  - name: logs
    interval: 1s
    rules:
      - {alert: NothingSold, expr: 'sum(count_over_time({service_name="shop"} |= "error" [10s])) > 0', for: 2s}
      - {alert: Never, expr: 'sum(count_over_time({service_name="shop"} |= "nobody says this" [10s])) > 0'}
"""
PAGED = """name: a line of a log pages
expect:
  - notification: {sink: webhook, labels: {alertname: NothingSold}}
    eventually: 0s .. 15s
  - notification: {sink: webhook, labels: {alertname: Never}}
    never: 0s .. 5s
  - alert: {name: NothingSold, state: pending}
    eventually: 0s .. 15s
  - alert: {name: NothingSold}
    eventually: 0s .. 15s
  - alert: {name: Never}
    never: 0s .. 5s
"""


def test_rules_in_logql_are_evaluated_by_lokis_own_ruler(shop: Any) -> None:
    ruled = (
        '  loki: {rules: [../loki/*.yml], alertmanager: "http://${alertmanager.address}"}\n  alertmanager: {config: am.yml}\n'
    )
    prometheus = "  prometheus: {config: prometheus.yml}\n"
    shop.write("stack/stack.yaml", STACK.replace("  loki: {}\n", ruled + prometheus))
    shop.write("stack/prometheus.yml", "global: {scrape_interval: 1s}\n")
    receiver = "receivers: [{name: hook, webhook_configs: [{url: http://hook.example/x}]}]\n"
    shop.write("stack/am.yml", f"route: {{receiver: hook, group_wait: 100ms, group_interval: 1s}}\n{receiver}")
    shop.write("loki/rules.yml", RULES)
    shop.write("scenarios/paged.obs.yaml", PAGED)

    said = shop.pytest("--obs-stack", "-q")

    assert (said.code, said.out.count("✓")) == (0, 5), said.out


WHY = """namespace: shop
groups:
  - name: logs
    interval: 1s
    rules:
      - {alert: NoLabel, expr: 'sum(count_over_time({service="shop"}[10s])) > 0'}
      - {alert: NoStream, expr: 'sum(count_over_time({service_name="shopp"}[10s])) > 0'}
      - {alert: NoLine, expr: 'sum(count_over_time({service_name="shop"} |= "sold" |= "nobody says this" [10s])) > 0'}
      - {alert: TooFew, expr: 'sum(count_over_time({service_name="shop"} |= "sold" [1s])) > 500'}
"""
QUIET = "name: alerts on lines stay quiet\nexpect:\n" + "".join(
    f"  - alert: {{name: {name}}}\n    eventually: 0s .. 3s\n" for name in ("NoLabel", "NoStream", "NoLine", "TooFew")
)


def test_why_an_alert_on_lines_stayed_quiet_is_told(shop: Any) -> None:
    shop.write("stack/stack.yaml", STACK.replace("loki: {}", "loki: {rules: [../loki/*.yml]}"))
    shop.write("loki/rules.yml", WHY)
    shop.write("scenarios/quiet.obs.yaml", QUIET)

    said = shop.pytest("--obs-stack", "-q")

    assert "no stream has a label 'service'; did you mean 'service_name'? (../loki/rules.yml:6)" in said, said.out
    assert "no stream has service_name=\"shopp\"; did you mean 'shop'? (../loki/rules.yml:7)" in said, said.out
    nobody = (
        r'no line of {service_name="shop"} |= "sold" passes |= "nobody says this" \(there are \d\d+\) \(../loki/rules.yml:8\)'
    )
    assert re.search(nobody.replace("{", r"\{").replace("|", r"\|"), said.out), said.out
    few = r'sum(count_over_time({service_name="shop"} |= "sold" [1s])) never went above'
    assert re.search(rf"{re.escape(few)} \d+; the rule wants > 500 \(../loki/rules.yml:9\)", said.out), said.out


FULL = """name: a full disk of Loki is survived, and lines come again
faults:
  - full_disk: {component: loki, size: 16MB}
    from: 1s
    until: 8s
expect:
  - logs: {contains: sold, is: "> 5", over: 1s}
    within: 15s
    after: cure of full_disk
"""


@pytest.mark.usefixtures("may_mount")
def test_a_full_disk_of_loki_is_survived(shop: Any) -> None:
    shop.write("scenarios/full.obs.yaml", FULL)

    said = shop.pytest("--obs-stack", "-q")

    assert (said.code, "0KB left of 16MB" in said) == (0, True), said.out
    assert shop.left() == ([], [])
