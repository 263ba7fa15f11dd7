"""Stories about errors: what the real sentry_sdk sends is found, told apart, and its loss does no harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

STACK = """components:
  sentry: {}
  toxiproxy: {}
services:
  shop:
    command: [python, -u, shop.py, "${port.http}"]
    environment: {SENTRY_DSN: "http://key@${sentry.address}/1", SHARE: "SAMPLED"}
    depends_on: [sentry]
    ready: /
"""
SHOP = """import http.server, os, socket, sys, threading, time
from urllib.parse import urlsplit
import sentry_sdk
DSN = urlsplit(os.environ["SENTRY_DSN"])
sentry_sdk.init(release="shop@7", environment="staging", traces_sample_rate=1.0, sample_rate=float(os.environ["SHARE"]),
                default_integrations=False)

def work():
    while True:
        time.sleep(0.2)
        with sentry_sdk.isolation_scope(), sentry_sdk.start_transaction(name="checkout"):
            sentry_sdk.set_tag("correlation_id", "c-9")
            sentry_sdk.add_breadcrumb(message="asked payments")
            try:
                raise RuntimeError("a bug")
            except RuntimeError:
                sentry_sdk.capture_exception()
        # The SDK tells what it lost with a flush, and forgets it where that is lost, too.
        try:
            socket.create_connection((DSN.hostname, DSN.port), 1).close()
        except OSError:
            continue
        sentry_sdk.flush(0.1)

class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

threading.Thread(target=work, daemon=True).start()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
"""
STORY = """name: the bug of the shop
faults:
  - down: {to: sentry}
    from: 2s
    until: 4s
expect:
  - error: {type: RuntimeError, message: a bug, release: shop@7, environment: staging, transaction: checkout,
            tags: {correlation_id: c-9}, breadcrumb: asked payments, sample_rate: 1.0}
    eventually: 0s .. 2s
  - error: {kind: transaction, transaction: checkout}
    eventually: 0s .. 2s
  - error: {type: RuntimeError}
    never: 2500ms .. 3900ms
  - health: {service: shop, path: /, status: 200, faster: 500ms}
    always: 0s .. 5s
  - error: {type: RuntimeError, release: shop@8}
    eventually: 0s .. 5s
  - error: {type: RuntimeError, breadcrumb: asked stock}
    eventually: 0s .. 5s
"""
SAMPLED = """name: errors that are sampled out
expect:
  - error: {type: RuntimeError}
    eventually: 0s .. 2s
"""


@pytest.fixture
def shop(bare_project: Any, obs_program: Callable[[str], Path]) -> Any:
    """Return a shop that fails five times a second, and reports it."""
    obs_program("toxiproxy-server")
    bare_project.write("stack/stack.yaml", STACK.replace("SAMPLED", "1.0"))
    bare_project.write("stack/shop.py", SHOP)
    return bare_project


def test_an_error_is_found_by_all_it_says_and_a_cut_intake_harms_nobody(shop: Any) -> None:
    shop.write("scenarios/bug.obs.yaml", STORY)

    said = shop.pytest("--obs-stack", "-q")

    assert (said.code, said.marks) == (1, ["✓"] * 5 + ["✗"] * 2), said.out
    assert "RuntimeError 'a bug' came with release 'shop@7'" in said
    assert "RuntimeError 'a bug' came with breadcrumbs 'asked payments'" in said
    assert "error: network_error" in said


def test_errors_that_are_sampled_out_are_counted(shop: Any) -> None:
    shop.write("stack/stack.yaml", STACK.replace("SAMPLED", "0.0"))
    shop.write("scenarios/sampled.obs.yaml", SAMPLED)

    said = shop.pytest("--obs-stack", "-q")

    assert said.code == 1
    assert "no event came at all; the SDK lost" in said
    assert "error: sample_rate" in said
