"""Stories about traces, on a real Jaeger: the example service exports OTLP, and its spans are found by their shape."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.components.zipkin import fetched
from pytest_obscheck.errors import ProgramMissing

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

    assert (said.code, _marks(said)) == (1, ["✓", "✓", "✓", "✓", "✗", "✗"]), said.out
    assert "no such span came; spans of checkout were: " in said
    assert "no span of 'nobody' came at all" in said
    assert shop.left() == ([], [])


def test_the_service_goes_on_without_its_store_of_traces(shop: Any) -> None:
    shop.write("scenarios/blind.obs.yaml", BLIND)

    said = shop.pytest("--obs-stack", "-q", "scenarios/blind.obs.yaml")

    assert said.code == 0, said.out


ZIPKIN = """components:
  zipkin: {}
services:
  shop:
    command: [python, -u, shop.py, "${port.http}", "http://${zipkin.address}/api/v2/spans"]
    depends_on: [zipkin]
"""
SHOP = """import http.server, json, sys, threading, time, urllib.request

def talk():
    for number in range(1, 10000):
        now, trace = int(time.time() * 1e6), f"{number:016x}"
        where = {"serviceName": "Shop"}
        server = {"id": trace, "kind": "SERVER", "name": "POST /buy", "timestamp": now - 90000, "duration": 80000}
        client = {"id": f"{number:015x}f", "parentId": trace, "kind": "CLIENT", "name": "POST", "timestamp": now - 80000,
                  "duration": 70000, "tags": {"error": "503"}}
        spans = json.dumps([{"traceId": trace, "localEndpoint": where, **span} for span in (server, client)]).encode()
        request = urllib.request.Request(sys.argv[2], spans, {"Content-Type": "application/json"})
        urllib.request.urlopen(request).close()
        time.sleep(0.2)

threading.Thread(target=talk, daemon=True).start()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
SEEN = """name: what the shop tells zipkin is found
expect:
  - traces: {service: Shop, name: POST /buy, kind: server, longer: 70ms, child: {kind: client, failed: true}}
    eventually: 0s .. 2s
  - traces: {service: Shop, failed: true, kind: server}
    never: 0s .. 2s
  - traces: {service: Shop, kind: client}
    never: 0s .. 2s
"""


def test_the_same_claims_hold_on_a_zipkin(bare_project: Any) -> None:
    try:
        fetched(Path.home())
    except ProgramMissing as error:
        pytest.skip(str(error))
    for name, text in (("stack/stack.yaml", ZIPKIN), ("stack/shop.py", SHOP), ("scenarios/seen.obs.yaml", SEEN)):
        bare_project.write(name, text)

    said = bare_project.pytest("--obs-stack", "-q")

    assert (said.code, _marks(said)) == (1, ["✓", "✓", "✗"]), said.out
    assert bare_project.left() == ([], [])


def _marks(said: Any) -> list[str]:
    """Return the first sign of each claim's and fault's line."""
    return [line.strip()[0] for line in said.out.splitlines() if line.startswith("  ") and line.strip()[0] in "✓✗?"]
