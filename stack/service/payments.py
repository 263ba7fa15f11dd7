"""The payments service that checkout depends on: the standard library only, so that it starts at once.

``PORT=8081 python -m service.payments``
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Lock
from typing import Any, NoReturn

EXPOSITION = """\
# HELP payments_total Payments by outcome.
# TYPE payments_total counter
payments_total{{status="accepted"}} {accepted}
payments_total{{status="rejected"}} {rejected}
"""

Answer = tuple[int, str, str]
"""Status code, content type and body."""


@dataclass
class Ledger:
    """Counts payments by outcome, for all threads."""

    accepted: int = 0
    rejected: int = 0
    _lock: Lock = field(default_factory=Lock)

    def pay(self, body: bytes) -> Answer:
        """Accept a JSON order with a positive ``amount``; 422 for anything else."""
        accepted = _amount(body) > 0
        with self._lock:
            self.accepted += accepted
            self.rejected += not accepted
            number = self.accepted
        if accepted:
            return 201, "application/json", json.dumps({"id": f"payment-{number}", "status": "accepted"})
        return 422, "application/json", json.dumps({"error": "give a JSON object with a positive amount"})

    def metrics(self, _: bytes) -> Answer:
        """Return the counts as Prometheus reads them."""
        text = EXPOSITION.format(accepted=self.accepted, rejected=self.rejected)
        return 200, "text/plain; version=0.0.4; charset=utf-8", text


def _amount(body: bytes) -> float:
    try:
        return float(json.loads(body)["amount"])
    except (ValueError, KeyError, TypeError):
        return 0.0


def _health(_: bytes) -> Answer:
    return 200, "application/json", '{"status": "healthy"}'


def _unknown(_: bytes) -> Answer:
    return 404, "application/json", '{"error": "no such path"}'


Routes = Mapping[tuple[str, str], Callable[[bytes], Answer]]
"""Method and path → what answers the body."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection, request after request."""

    protocol_version = "HTTP/1.1"
    # Headers and body leave in one segment: two would meet Nagle's algorithm and delayed acknowledgements, 40 ms each time.
    wbufsize = -1

    def __init__(self, routes: Routes, *connection: Any) -> None:
        """Keep the routes; the base class answers from here on."""
        self.routes = routes
        super().__init__(*connection)

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer()

    def log_message(self, *_: Any) -> None:
        """Say nothing: there is a metric for it."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, kind, text = self.routes.get((self.command, self.path), _unknown)(body)
        payload = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)


class Server(ThreadingTCPServer):
    """A thread for each connection. Not http.server's own class: that one asks DNS for its name when it starts."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def create_server(port: int) -> Server:
    """Return the service, listening on 127.0.0.1; port 0 takes any."""
    ledger = Ledger()
    routes: Routes = {
        ("GET", "/health"): _health,
        ("GET", "/metrics"): ledger.metrics,
        ("POST", "/payments"): ledger.pay,
    }
    return Server(("127.0.0.1", port), partial(Handler, routes))


def _end(*_: object) -> NoReturn:
    sys.exit(0)


def main() -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, _end)
    with create_server(int(os.environ.get("PORT", "8081"))) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
