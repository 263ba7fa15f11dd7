"""A real service that dies and comes back: a kept connection neither hides its death nor spoils its return."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.components.service import Service
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.protocols import Network, Place

pytestmark = pytest.mark.integration

SHOP = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Shop(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"open")

HTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
"""


def free() -> str:
    """Return a local address that nothing listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{bound.getsockname()[1]}"


@contextmanager
def shop(command: tuple[str, ...]) -> Iterator[None]:
    """Run the service; killed afterwards, with no chance to close its connections."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def test_a_service_that_was_killed_and_started_again_answers_at_once(tmp_path: Path) -> None:
    address = free()
    port = address.split(":")[1]
    place = Place("shop", tmp_path, tmp_path, {"http": address}, Network(), lambda _: port, lambda _: pytest.fail("no file"))
    service = Service(("${port.http}",))
    command = (sys.executable, "-c", SHOP, *service.launch(place).argv)
    client = service.connect(place)
    with shop(command):
        assert until(SystemClock(), client.ready, timeout=10)
        assert client.ask("/", 1.0).text == "open"
    with pytest.raises(LookFailed) as raised:
        client.ask("/", 1.0)
    with shop(command):
        assert until(SystemClock(), client.ready, timeout=10)
    client.close()

    assert str(raised.value) == "shop: GET / was not answered: [Errno 111] Connection refused"
