"""Stories about traces, on a real Jaeger: the example service exports OTLP, and its spans are found by their shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Jaeger is not among the usual programs: its build takes minutes.
pytestmark = [pytest.mark.integration, pytest.mark.long]

STACK = """components:
  jaeger: {}
  toxiproxy: {}
services:
  payments:
    command: [python, -m, service.payments]
    environment: {PORT: "${port.http}"}
    ready: /health
  checkout:
    command: [python, -m, service, --port, "${port.http}"]
    environment:
      PAYMENTS_URL: "http://${payments.address}"
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://${jaeger.address}"
      OTEL_BSP_SCHEDULE_DELAY: "200"
    depends_on: [payments, jaeger]
    ready: /health/liveness
"""
STORY = """name: a slow payment service is seen in the traces of checkout
load:
  - locust: {file: loads/checkout.py, users: 5}
    from: 0s
    until: 6s
faults:
  - latency: {to: payments, by: 800ms}
    from: 2s
    until: 5s
expect:
  - traces: {service: checkout, kind: server, longer: 700ms, child: {kind: client, longer: 700ms}}
    never: 0s .. 2s
  - traces: {service: checkout, kind: server, longer: 700ms, child: {kind: client, longer: 700ms}}
    within: 4s
    after: latency
  - traces: {service: checkout, kind: server, attributes: {http.method: ~P.*}}
    eventually: 0s .. 2s
  - traces: {service: checkout, name: no such name}
    eventually: 0s .. 2s
  - traces: {service: nobody}
    eventually: 0s .. 2s
"""
BLIND = """name: a store of traces that cannot be reached is noticed, and checkout goes on
load:
  - locust: {file: loads/checkout.py, users: 5}
    from: 0s
    until: 6s
faults:
  - down: {to: jaeger}
    from: 1s
    until: 5s
expect:
  - traces: {service: checkout, kind: server}
    never: 2s .. 3s
  - health: {service: checkout, path: /health/liveness, status: 200, faster: 500ms}
    always: 1s .. 5s
"""


@pytest.fixture
def shop(project: Any, obs_program: Callable[[str], Path]) -> Any:
    """Return the shipped shop with a Jaeger in place of its monitoring."""
    obs_program("jaeger")
    project.write("stack/stack.yaml", STACK)
    return project


def test_spans_are_found_by_their_shape(shop: Any) -> None:
    shop.write("scenarios/traces.obs.yaml", STORY)

    said = shop.pytest("--obs-stack", "-q", "scenarios/traces.obs.yaml")

    marks = [line.strip()[0] for line in said.out.splitlines() if line.startswith("  ") and line.strip()[0] in "✓✗?"]
    assert (said.code, marks) == (1, ["✓", "✓", "✓", "✓", "✗", "✗"]), said.out
    assert "no such span came; spans of checkout were: " in said
    assert "no span of 'nobody' came at all" in said
    assert shop.left() == ([], [])


def test_the_service_goes_on_without_its_store_of_traces(shop: Any) -> None:
    shop.write("scenarios/blind.obs.yaml", BLIND)

    said = shop.pytest("--obs-stack", "-q", "scenarios/blind.obs.yaml")

    assert said.code == 0, said.out
