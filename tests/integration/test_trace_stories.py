"""Stories about traces, the same on every store of them: spans are found by their shape, and the service outlives its store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.components.zipkin import fetched
from pytest_obscheck.toolchain import find

# Jaeger and Tempo are not among the usual programs: their builds take minutes.
pytestmark = [pytest.mark.integration, pytest.mark.long]

STACK = """components:
  STORE: {}
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
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://${STORE.address}"
      OTEL_BSP_SCHEDULE_DELAY: "200"
    depends_on: [payments, STORE]
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
    eventually: 3s .. 5s
  - traces: {service: nobody}
    eventually: 3s .. 5s
"""
BLIND = """name: a store of traces that cannot be reached is noticed, and checkout goes on
load:
  - locust: {file: loads/checkout.py, users: 5}
    from: 0s
    until: 6s
faults:
  - down: {to: STORE}
    from: 1s
    until: 8s # its SDK tries again for longer than a look takes: what came later would count
expect:
  - traces: {service: checkout, kind: server}
    never: 2s .. 3s
  - health: {service: checkout, path: /health/liveness, status: 200, faster: 500ms}
    always: 1s .. 5s
"""


@pytest.fixture(params=["jaeger", "tempo"])
def store(request: pytest.FixtureRequest, obs_program: Callable[[str], Path]) -> str:
    """Return the name of a store of traces that takes OTLP, after making sure that it is there."""
    obs_program(request.param)
    return str(request.param)


@pytest.fixture
def shop(project: Any, store: str) -> Any:
    """Return the shipped shop with a store of traces in place of its monitoring."""
    project.write("stack/stack.yaml", STACK.replace("STORE", store))
    return project


def test_spans_are_found_by_their_shape(shop: Any) -> None:
    shop.write("scenarios/traces.obs.yaml", STORY)

    said = shop.pytest("--obs-stack", "-q", "scenarios/traces.obs.yaml")

    assert (said.code, said.marks) == (1, ["✓", "✓", "✓", "✓", "✗", "✗"]), said.out
    assert "no such span came; spans of checkout were: " in said
    assert "no span of 'nobody' came at all" in said
    assert shop.left() == ([], [])


def test_the_service_goes_on_without_its_store_of_traces(shop: Any, store: str) -> None:
    shop.write("scenarios/blind.obs.yaml", BLIND.replace("STORE", store))

    said = shop.pytest("--obs-stack", "-q", "scenarios/blind.obs.yaml")

    assert said.code == 0, said.out


TELLING = """components:
  STORE: {}
services:
  shop:
    command: [python, -u, shop.py, "${port.http}", "http://${STORE.address}PATH"]
    depends_on: [STORE]
"""
SHOP = """import http.server, json, sys, threading, time, urllib.request

def zipkin(trace, number, now):
    where = {"traceId": trace, "localEndpoint": {"serviceName": "Shop"}}
    server = {"id": trace, "kind": "SERVER", "name": "POST /buy", "timestamp": now - 90000, "duration": 80000, **where}
    client = {"id": f"{number:015x}f", "parentId": trace, "kind": "CLIENT", "name": "POST", "timestamp": now - 80000,
              "duration": 70000, "tags": {"error": "503", "number": "7"}, **where}
    return [server, client]

def otlp(trace, number, now):
    server = {"traceId": trace * 2, "spanId": trace, "kind": 2, "name": "POST /buy",
              "startTimeUnixNano": f"{now - 90000}000", "endTimeUnixNano": f"{now - 10000}000"}
    client = {"traceId": trace * 2, "spanId": f"{number:015x}f", "parentSpanId": trace, "kind": 3, "name": "POST",
              "startTimeUnixNano": f"{now - 80000}000", "endTimeUnixNano": f"{now - 10000}000", "status": {"code": 2},
              "attributes": [{"key": "number", "value": {"intValue": "7"}}]}
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "Shop"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [server, client]}]}]}

def talk():
    shape = otlp if sys.argv[2].endswith("/v1/traces") else zipkin
    for number in range(1, 10000):
        spans = json.dumps(shape(f"{number:016x}", number, int(time.time() * 1e6))).encode()
        request = urllib.request.Request(sys.argv[2], spans, {"Content-Type": "application/json"})
        urllib.request.urlopen(request).close()
        time.sleep(0.2)

threading.Thread(target=talk, daemon=True).start()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
SEEN = """name: what the shop tells a store of traces is found
expect:
  - traces: {service: Shop, name: POST /buy, kind: server, longer: 70ms, child: {kind: client, failed: true}}
    eventually: 0s .. 2s
  - traces: {service: Shop, kind: client, attributes: {number: "7"}, shorter: 75ms}
    eventually: 0s .. 2s
  - traces: {service: Shop, failed: true, kind: server}
    never: 0s .. 2s
  - traces: {service: Shop, kind: client, child: {kind: server}}
    never: 0s .. 2s
  - traces: {service: Shop, kind: client}
    never: 0s .. 2s
  - traces: {service: Shop, longer: 85ms}
    eventually: 0s .. 2s
"""


@pytest.fixture
def telling(bare_project: Any) -> Callable[[str], Any]:
    """Return a function that gives a shop which tells a store of traces, by its name, always the same."""

    def made(store: str) -> Any:
        _there(store)
        path = "/api/v2/spans" if store == "zipkin" else "/v1/traces"
        bare_project.write("stack/stack.yaml", TELLING.replace("STORE", store).replace("PATH", path))
        bare_project.write("stack/shop.py", SHOP)
        return bare_project

    return made


@pytest.mark.parametrize("store", ["jaeger", "tempo", "zipkin"])
def test_one_story_has_the_same_verdicts_on_every_store(telling: Callable[[str], Any], store: str) -> None:
    shop = telling(store)
    shop.write("scenarios/seen.obs.yaml", SEEN)

    said = shop.pytest("--obs-stack", "-q")

    assert (said.code, said.marks) == (1, ["✓", "✓", "✓", "✓", "✗", "✗"]), said.out
    assert "no such span came; spans of Shop were: " in said
    assert shop.left() == ([], [])


QUERIED = """name: what the shop tells is found by TraceQL
expect:
  - traces: {query: '{ resource.service.name = "Shop" && kind = server } >> { status = error && duration > 60ms }'}
    eventually: 0s .. 2s
  - traces: {query: '{ span.number > 6 && nestedSetParent > 0 }'}
    eventually: 0s .. 2s
  - traces: {query: '{ name = "no such name" }'}
    never: 0s .. 2s
  - traces: {query: '{ kind = client } >> { kind = server }'}
    eventually: 0s .. 2s
  - traces: {query: '{ name = }'}
    eventually: 0s .. 2s
"""


def test_spans_are_found_by_traceql_and_a_mistake_in_it_is_shown_with_its_position(telling: Callable[[str], Any]) -> None:
    shop = telling("tempo")
    shop.write("scenarios/queried.obs.yaml", QUERIED)

    said = shop.pytest("--obs-stack", "-q", "scenarios/queried.obs.yaml")

    assert (said.code, said.marks) == (1, ["✓", "✓", "✓", "✗", "?"]), said.out
    assert "tempo answered '{ name = }' with 400: " in said
    assert "line 1, col 10" in said


def test_a_store_that_knows_no_traceql_says_what_would(telling: Callable[[str], Any]) -> None:
    shop = telling("jaeger")
    shop.write("scenarios/queried.obs.yaml", QUERIED)

    said = shop.pytest("--obs-stack", "-q", "scenarios/queried.obs.yaml")

    assert (said.code, said.marks) == (1, ["?"] * 5), said.out
    assert "no member of the stack holds traces and evaluates TraceQL; add one to stack.yaml: tempo" in said


def _there(store: str) -> None:
    """Make sure that a store of traces is on this machine."""
    if store == "zipkin":
        fetched(Path.home())
    else:
        find(store)
