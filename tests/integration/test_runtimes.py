"""The same story on each runtime: the same verdict for every claim."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.container]

STORY = "scenarios/slow-dependency.obs.yaml"
STORIES = (STORY, "scenarios/dead-service.obs.yaml", "scenarios/full-disk.obs.yaml")
"""Harm to a connection, to a member and to samples."""


def claims(text: str) -> list[str]:
    """Return the lines of a report that say a verdict."""
    return [line.strip() for line in text.splitlines() if line.strip()[:1] in ("✓", "✗", "?")]


@pytest.mark.parametrize("story", STORIES)
def test_every_claim_has_the_same_verdict_as_processes_and_in_containers(project: Any, daemon: str, story: str) -> None:
    said = {
        name: project.pytest("--obs-stack", f"--obs-runtime={name}", story, DOCKER_HOST=daemon)
        for name in ("process", "container")
    }

    assert [each.code for each in said.values()] == [0, 0], "".join(each.out for each in said.values())
    assert claims(said["container"].out) == claims(said["process"].out) != []
    assert "obscheck: runtime container" in said["container"]
    assert project.left() == ([], [])


def test_a_container_that_ends_at_start_is_told_with_its_last_words(project: Any, daemon: str) -> None:
    project.edit("stack/stack.yaml", "[python, -m, service.payments]", "[python, -m, service.payment]")

    said = project.pytest("--obs-stack", "--obs-runtime=container", STORY, DOCKER_HOST=daemon)

    assert said.code == 1
    assert "payments: it ended at start (exit code 1)" in said
    assert "No module named service.payment" in said
    assert project.left() == ([], [])


@pytest.mark.parametrize("runtime", ["container", "bridge"])
def test_databases_of_this_machine_run_in_containers_that_have_no_image_of_theirs(
    project: Any, daemon: str, runtime: str
) -> None:
    claim = '  - metric: {expr: \'up{job="worker"}\', is: "== 1"}\n    eventually: 0s .. 1s\n'
    project.write("stories/shop.obs.yaml", f"name: the worker reaches PostgreSQL and Redis\nexpect:\n{claim}")

    said = project.pytest("--obs-stack=stack/stack.full.yaml", f"--obs-runtime={runtime}", "stories", DOCKER_HOST=daemon)

    assert (said.code, project.left()) == (0, ([], [])), said.out
    assert "the worker reaches PostgreSQL and Redis: passed" in said


OFF = """\
name: checkout is off its network
faults:
  - disconnect: {component: checkout}
    from: 500ms
    until: 3s
expect:
  - health: {service: payments, path: /health, status: 200}
    always: 0s .. 4s
  - health: {service: checkout, path: /health/liveness, status: 200}
    never: 1s .. 2500ms
  - notification: {sink: pagerduty, labels: {alertname: ServiceDown}}
    within: 10s
    after: disconnect
  - scraped: {target: checkout-1.shop.example:8080}
    within: 15s
    after: cure of disconnect
  - resolved: {name: ServiceDown}
    within: 15s
    after: cure of disconnect
"""


def test_a_member_is_taken_off_its_network_and_put_back_where_it_has_one(project: Any, daemon: str) -> None:
    project.write("stories/off.obs.yaml", OFF)

    said = project.pytest("--obs-stack", "--obs-runtime=bridge", "stories", DOCKER_HOST=daemon)
    refused = project.pytest("--obs-stack", "--obs-runtime=process", "stories")

    assert said.code == 0, said.out
    assert "checkout is off its network: passed" in said
    assert (refused.code, project.left()) == (1, ([], []))
    assert "stories/off.obs.yaml:3: checkout is off its network: here all members share this machine's network" in refused
