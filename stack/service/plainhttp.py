"""HTTP with the standard library alone, for programs that must start at once or have their main thread elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import Any

Answer = tuple[int, str, str]
"""Status code, content type and body."""


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


def serve(routes: Routes, port: int, host: str = "127.0.0.1") -> Server:
    """Return a server that listens there; port 0 takes any."""
    return Server((host, port), partial(Handler, routes))
