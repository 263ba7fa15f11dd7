"""Two Alertmanagers with a file each: as peers of a cluster they page once, as strangers twice, which is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

FILES = {
    "prometheus.yml": """\
global: {scrape_interval: 100ms, evaluation_interval: 100ms}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ["am-0.prod.example:9093", "am-1.prod.example:9093"]}]}]}
scrape_configs: [{job_name: api, static_configs: [{targets: ["api.prod.example:80"]}]}]
""",
    "rules.yml": "groups: [{name: g, rules: [{alert: Broken, expr: broken > 0}]}]\n",
    "am-0.yml": """\
route: {receiver: hook, group_wait: 0s, group_interval: 200ms}
receivers: [{name: hook, webhook_configs: [{url: "https://hooks.prod.example/one"}]}]
""",
    "am-1.yml": """\
# The other one is being migrated.
route: {receiver: hook, group_wait: 0s, group_interval: 200ms}
receivers: [{name: hook, webhook_configs: [{url: "https://hooks.prod.example/one"}]}]
""",
    "stack.yaml": """\
components:
  prometheus: {config: prometheus.yml}
  am-0: {type: alertmanager, config: am-0.yml, hosts: ["am-0.prod.example:9093"], args: [ARGS-1]}
  am-1: {type: alertmanager, config: am-1.yml, hosts: ["am-1.prod.example:9093"], args: [ARGS-0]}
  api: {type: synthetic, interval: 1s, hosts: ["api.prod.example:80"], series: [{series: broken, values: '0x1000'}]}
""",
}
LISTENS, JOINS = '"--cluster.listen-address=${host}:${port.cluster}"', '"--cluster.peer=${am-NUMBER.cluster}"'
PATIENT = "--cluster.settle-timeout=1s, --cluster.peer-timeout=1s"
STORY = """\
faults:
  - script: {component: api, interval: 1s, series: {broken: '1x100'}}
    from: 1s
    until: 4s
expect:
  - notification: {sink: webhook, labels: {alertname: Broken}}
    once: 1s .. 4s
  - alert: {name: Broken}
    always: 2s .. 3900ms
"""


def write(project: Any, *args: str) -> None:
    """Write the stack; ``NUMBER`` in the arguments of each Alertmanager is that of the other."""
    one, other = (", ".join(args).replace("NUMBER", number) for number in "10")
    for name, text in FILES.items():
        project.write(f"stack/{name}", text.replace("ARGS-1", one).replace("ARGS-0", other))


def pages(journal: Path) -> list[str]:
    """Return the status of everything that reached a sink."""
    events = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    looks = [event["data"].get("data", {}) for event in events if event["kind"] == "look"]
    return [each["status"] for look in looks if isinstance(look, dict) for each in look.get("arrived", ())]


PEERS = pytest.param((LISTENS, JOINS, PATIENT), 1, "\u2713", id="peers")
STRANGERS = pytest.param((LISTENS, PATIENT), 2, "\u2717", id="strangers")
RIGHT = "after 4h00m at the soonest: am-0 and am-1 send it, and would once as peers of one cluster (`--cluster.peer`)"


@pytest.mark.parametrize(("args", "count", "mark"), [PEERS, STRANGERS])
def test_peers_page_once_and_strangers_twice(
    args: tuple[str, ...], count: int, mark: str, bare_project: Any, obs_program: Callable[[str], Path]
) -> None:
    obs_program("alertmanager")
    write(bare_project, *args)
    bare_project.write("scenarios/told.obs.yaml", STORY)

    said = bare_project.pytest("--obs-stack", "--obs-report=runs", "scenarios")

    assert (said.marks, bare_project.left()) == (["\u2713", mark, "\u2713"], ([], [])), said.out
    assert ("2 times instead of once: at " in said, RIGHT in said) == (count == 2, count == 2)
    assert pages(bare_project.path / "runs/scenarios-told.ndjson").count("firing") == count
