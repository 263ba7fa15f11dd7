"""The payments service that checkout depends on: the standard library only, so that it starts at once.

``PORT=8081 python -m service.payments``
"""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import dataclass, field
from threading import Lock
from typing import NoReturn

from service.plainhttp import Answer, Routes, Server, serve

EXPOSITION = """\
# HELP payments_total Payments by outcome.
# TYPE payments_total counter
payments_total{{status="accepted"}} {accepted}
payments_total{{status="rejected"}} {rejected}
"""


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


def create_server(port: int, host: str = "127.0.0.1") -> Server:
    """Return the service, listening there; port 0 takes any."""
    ledger = Ledger()
    routes: Routes = {
        ("GET", "/health"): _health,
        ("GET", "/metrics"): ledger.metrics,
        ("POST", "/payments"): ledger.pay,
    }
    return serve(routes, port, host)


def _end(*_: object) -> NoReturn:
    sys.exit(0)


def main() -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, _end)
    with create_server(int(os.environ.get("PORT", "8081")), os.environ.get("HOST", "127.0.0.1")) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
