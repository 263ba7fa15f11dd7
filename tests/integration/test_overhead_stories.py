"""Stories about what something costs, on the example service: an instrumentation that takes its time is found out."""

from __future__ import annotations

from typing import Any

import pytest

# Half a minute: a per cent must be told from noise.
pytestmark = [pytest.mark.integration, pytest.mark.long]

STACK = """services:
  checkout:
    command: [python, -m, service, --port, "${port.http}"]
    environment: {INSTRUMENTATION: "on"}
    ready: /health/liveness
  plain:
    command: [python, -m, service, --port, "${port.http}"]
    ready: /health/liveness
    environment: {INSTRUMENTATION: "off"}
"""
STORY = """name: what instrumentation costs
expect:
  - overhead: {service: checkout, without: plain, below: 60%, method: POST, path: /checkout,
               json: {amount: 1}, rounds: 12, requests: 20}
    eventually: 0s .. 20s
  - overhead: {service: checkout, without: plain, below: 0%, method: POST, path: /checkout,
               json: {amount: 1}, rounds: 12, requests: 20}
    eventually: 0s .. 20s
  - overhead: {service: checkout, without: plain, below: 5%, path: /nowhere}
    eventually: 0s .. 4s
"""


def test_the_bound_decides_and_a_service_that_refuses_is_unknown(project: Any) -> None:
    project.write("stack/stack.yaml", STACK)
    project.write("scenarios/cost.obs.yaml", STORY)

    said = project.pytest("--obs-stack", "-q", "scenarios/cost.obs.yaml")

    # Whether it costs nothing at all is told from noise on a quiet machine, and unknown on a loaded one.
    assert (said.code, said.marks[0], said.marks[1] in "✗?", said.marks[2]) == (1, "✓", True, "?"), said.out
    assert "% CPU time for a request, with 95% between " in said
    assert "plain: GET /nowhere was answered with 404" in said
