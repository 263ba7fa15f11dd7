"""Writes every request of a Locust process to a file, and holds its users back until they are let go.

Locust itself imports this file, beside the user's locustfile; nothing else may.
"""

from __future__ import annotations

import csv
import os
import signal
import sys
from pathlib import Path
from typing import Any

import gevent
from locust import events  # noqa: TID251 - this file runs inside the locust process only

_FOLDER = Path(os.environ["OBSCHECK_LOAD"])
# Line buffered: whoever reads the log sees whole requests.
_LOG = csv.writer((_FOLDER / "requests.csv").open("a", buffering=1, encoding="utf-8", newline=""), lineterminator="\n")


def write(
    *,
    request_type: str,
    name: str,
    response_time: float,
    response_length: int,
    exception: BaseException | None,
    start_time: float,
    response: Any = None,
    **_: Any,
) -> None:
    """Write one request that has ended."""
    seconds = response_time / 1000
    status = getattr(response, "status_code", 0) or 0
    error = " ".join(str(exception).split()) if exception else ""
    _LOG.writerow([f"{start_time + seconds:.6f}", request_type, name, status, f"{seconds:.6f}", response_length or 0, error])


def hold(**_: Any) -> None:
    """Say that all is imported, and wait until the users may start."""
    (_FOLDER / "ready").write_text("ready\n", encoding="utf-8")
    # Locust listens to the signal only once the users run.
    ended = gevent.signal_handler(signal.SIGTERM, sys.exit, 0)
    while not (_FOLDER / "go").stat().st_size:
        gevent.sleep(0.02)
    ended.cancel()


events.request.add_listener(write)  # type: ignore[no-untyped-call] # Locust has no types there
events.init.add_listener(hold)  # type: ignore[no-untyped-call]
