"""A story on a Prometheus that already runs: it is asked, and nothing is done to it."""

from __future__ import annotations

import json
import re
import signal
from typing import Any

import pytest

pytestmark = pytest.mark.integration

STACK = """\
components:
  prometheus:
    config: prometheus/prometheus.yml
    attached: {{url: "{url}"}}
"""
STORY = """\
name: what runs is calm
expect:
  - metric: {expr: 'up{job="payments"}', is: "== 1"}
    always: 0s .. 1s
  - alert: {name: ServiceDown}
    never: 0s .. 1s
"""
FAULTS = """\
faults:
  - kill: {component: prometheus}
    from: 0s
    until: 1s
"""


def test_a_stack_that_already_runs_is_judged_and_left_as_it_is(project: Any) -> None:
    project.write("stories/calm.obs.yaml", STORY)
    project.write("stories/harm.obs.yaml", STORY + FAULTS)
    with project.start("pytest_obscheck", "up") as running:
        lines = iter(running.stdout.readline, "")
        url = next(found[1] for line in lines if (found := re.match(r"prometheus +http=(\S+)", line)))
        project.write("stack/attached.yaml", STACK.format(url=url))
        said = project.pytest("--obs-stack=stack/attached.yaml", "--obs-report=runs", "stories")
        still = running.poll() is None
        running.send_signal(signal.SIGINT)
        running.communicate(timeout=20)

    events = [json.loads(line) for line in next((project.path / "runs").glob("*calm*.ndjson")).read_text().splitlines()]
    run = next(event for event in events if event.get("kind") == "run")
    assert (said.code, still, project.left()) == (1, True, ([], [])), said.out
    assert "1 failed, 1 passed" in said
    assert "prometheus is killed: prometheus is attached, and read-only; leave it out, or allow it with" in said
    assert abs(run["data"]["clocks_ahead"]["prometheus"]) < 1


def test_what_refuses_connections_is_told_at_once_and_leaves_nothing(project: Any) -> None:
    project.write("stories/calm.obs.yaml", STORY)
    project.write("stack/attached.yaml", STACK.format(url="http://127.0.0.1:1"))

    said = project.pytest("--obs-stack=stack/attached.yaml", "stories")

    assert (said.code, project.left()) == (1, ([], []))
    assert "prometheus: it ended at start (exit code 1)" in said
    assert "http://127.0.0.1:1 does not answer (All connection attempts failed); it must already run" in said
