"""Stories that do not disturb each other are really played at the same time; those that would are not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck import journal as journals

pytestmark = pytest.mark.integration

FILES = {
    "stack/stack.yaml": """\
components:
  prometheus: {config: prometheus.yml}
  alertmanager: {config: alertmanager.yml, hosts: [am.prod.example:9093]}
  shop:
    type: synthetic
    hosts: [shop.prod.example:8080]
    series:
      - {series: disk, values: '1x1000', type: gauge}
      - {series: queue, values: '1x1000', type: gauge}
""",
    "stack/prometheus.yml": """\
global: {scrape_interval: 200ms, evaluation_interval: 200ms}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: [am.prod.example:9093]}]}]}
scrape_configs:
  - job_name: shop
    static_configs: [{targets: [shop.prod.example:8080]}]
""",
    "stack/rules.yml": """\
groups:
  - name: shop
    rules:
      - {alert: Disk, expr: disk > 5}
      - {alert: Queue, expr: queue > 5}
""",
    "stack/alertmanager.yml": """\
route: {receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 100ms}
receivers: [{name: hook, webhook_configs: [{url: 'http://hooks.prod.example/x'}]}]
""",
    "alerts.obs.yaml": """\
name: ${row} fires and is told once
share: true
rows:
  - {row: Disk, metric: disk}
  - {row: Queue, metric: queue}
faults:
  - sample: {series: "${metric}", set: 9}
    from: 500ms
    until: 1500ms
expect:
  - alert: {name: "${row}"}
    never: 0s .. 500ms
  - alert: {name: "${row}"}
    within: 3s
    after: sample
  - notification: {sink: webhook, labels: {alertname: "${row}"}}
    once: 0s .. 4s
  - resolved: {name: "${row}"}
    within: 5s
    after: cure of sample
""",
    "calm.obs.yaml": """\
name: the queue is calm
share: true
expect:
  - alert: {name: Queue}
    never: 0s .. 2s
""",
}
FORCED = """\
import pytest_obscheck.together as decision

decision.batches = lambda stories, facts: [decision.Batch(tuple(stories))]
"""


@pytest.fixture
def shop(bare_project: Any, obs_program: Callable[[str], Path]) -> Iterator[Any]:
    """Return a project whose stack is a Prometheus, an Alertmanager and a target that is scripted."""
    for name in ("prometheus", "promtool", "alertmanager", "amtool"):
        obs_program(name)
    for name, text in FILES.items():
        bare_project.write(name, text)
    return bare_project


def spans(folder: Path) -> Mapping[str, tuple[float, float]]:
    """Return when each story's time began and ended, by the name of its journal."""
    found = {}
    for path in folder.glob("*.ndjson"):
        journal = journals.read(path)
        over = journal.last("over")
        assert journal.zero is not None
        assert over is not None
        found[path.stem] = (journal.zero, over.data["ended"])
    return found


def test_stories_that_do_not_disturb_each_other_take_less_than_the_sum_of_their_times(shop: Any) -> None:
    said = shop.pytest("--obs-stack", "-v", "--obs-report=runs", "--durations=0", "-vv", "alerts.obs.yaml", "calm.obs.yaml")
    told = spans(shop.path / "runs")
    disk, queue, calm = (told[name] for name in ("alerts.obs.yaml-Disk", "alerts.obs.yaml-Queue", "calm"))

    assert "3 passed" in said
    assert "obscheck: 2 stories at the same time: 'Disk fires and is told once', 'Queue fires and is told once'\n" in said
    assert (
        "obscheck: 'the queue is calm' waits: 'Queue fires and is told once' changes queue, on which a claim of it rests\n"
        in said
    )
    assert disk[0] == queue[0]
    assert max(disk[1], queue[1]) - disk[0] < 0.8 * (disk[1] - disk[0] + queue[1] - queue[0])
    assert calm[0] > max(disk[1], queue[1])
    assert len(re.findall(r"^[4-9]\.\d\ds call +alerts\.obs\.yaml::", said.out, re.MULTILINE)) == 2
    assert shop.left() == ([], [])


def test_stories_that_disturb_each_other_would_be_told_wrongly_at_the_same_time(shop: Any) -> None:
    shop.write("conftest.py", FORCED)
    said = shop.pytest("--obs-stack", "-q", "alerts.obs.yaml::Queue", "calm.obs.yaml")

    assert "1 failed, 1 passed" in said
    assert "the queue is calm: failed\n  ✗ alert Queue fires never in 0s .. 2.0s" in said


def test_only_what_is_selected_is_played(shop: Any) -> None:
    said = shop.pytest("--obs-stack", "-q", "--obs-report=runs", "-k", "Disk or calm")

    assert "2 passed, 1 deselected" in said
    assert sorted(spans(shop.path / "runs")) == ["alerts.obs.yaml-Disk", "calm"]
    assert "2 stories at the same time: 'Disk fires and is told once', 'the queue is calm'" in said
