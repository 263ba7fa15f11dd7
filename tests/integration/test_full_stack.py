"""The shop on PostgreSQL, Redis and Celery: its worker is scraped, its rules hold, and it is missed when it is dead."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.integration

STORY = """\
name: a dead worker is missed
load:
  - locust: {file: reports.py, users: 2}
    from: 0s
    until: 4s
faults:
  - kill: {component: worker}
    from: 1s
    until: 2s
expect:
  - fireable: {}
    eventually: 0s .. 1s
  - metric: {expr: 'sum(report_generation_duration_seconds_count{job="worker"})', is: ">= 1"}
    eventually: 0s .. 1s
  - alert: {name: WorkerDown, labels: {team: shop}}
    within: 2s
    after: kill
"""
REPORTS = """\
from locust import HttpUser, constant, task


class Customer(HttpUser):
    wait_time = constant(0.2)

    @task
    def order(self):
        self.client.post("/reports")
"""


def test_the_worker_of_the_full_stack_is_scraped_and_missed(project: Any) -> None:
    project.write("stories/worker.obs.yaml", STORY)
    project.write("stories/reports.py", REPORTS)

    said = project.pytest("--obs-stack=stack/stack.full.yaml", "stories")

    assert (said.code, project.left()) == (0, ([], [])), said.out
    assert "fired at" in said
    assert '{instance="worker-1.shop.example:8082", job="worker"}' in said
