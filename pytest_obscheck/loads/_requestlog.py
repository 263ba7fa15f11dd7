"""Writes every request of a Locust process to a file, and holds its users back until they are let go.

Locust itself imports this file, beside the user's locustfile; nothing else may.
"""

from __future__ import annotations

import csv
import os
import signal
import sys
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

import gevent
from locust import events  # noqa: TID251 - this file runs inside the locust process only

from pytest_obscheck.clock import SystemClock
from pytest_obscheck.loads._lag import Lag, queue

_FOLDER = Path(os.environ["OBSCHECK_LOAD"])
# Line buffered: whoever reads the log sees whole requests.
_LOG = csv.writer((_FOLDER / "requests.csv").open("a", buffering=1, encoding="utf-8", newline=""), lineterminator="\n")

_IDS = ("X-Correlation-ID", "X-Request-ID")


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
    row = [f"{start_time + seconds:.6f}", request_type, name, status, f"{seconds:.6f}", response_length or 0, error]
    _LOG.writerow([*row, correlation_id(response), f"{_LAG.of(start_time, start_time + seconds):.6f}"])


def stopped(**_: Any) -> None:
    """Write that the users have stopped: no request is sent any more, though the process needs some time to end."""
    _LOG.writerow([f"{_CLOCK.now():.6f}", *[""] * 8])


def correlation_id(response: Any) -> str:
    """Return the id under which the service speaks of the request: its answer's word goes first, for it may make a new one."""
    every = [getattr(response, "headers", None), getattr(getattr(response, "request", None), "headers", None)]
    found = (headers.get(name) for headers in every if headers for name in _IDS)
    return str(next(filter(None, found), ""))


class Hopeless:
    """Ends a load none of whose users ever gets as far as a request: their mistake is not that of the service."""

    def __init__(self, environment: Any, **_: Any) -> None:
        """Begin to count the users that fail before any request was made."""
        self._environment, self._failed = environment, 0
        environment.events.user_error.add_listener(self.count)

    def count(self, *, exception: BaseException, tb: TracebackType, **_: Any) -> None:
        """Count one; the last words of a hopeless load are where its user's own code failed."""
        self._failed += 1
        if self._failed < self._environment.parsed_options.num_users or self._environment.stats.total.num_requests:
            return
        at = traceback.extract_tb(tb)[-1]
        sys.stderr.write(f"{at.filename}:{at.lineno}: {type(exception).__name__}: {exception}; no user made any request\n")
        sys.stderr.flush()
        os._exit(1)


def hold(**_: Any) -> None:
    """Say that all is imported, and wait until the users may start."""
    (_FOLDER / "ready").write_text("ready\n", encoding="utf-8")
    # Locust listens to the signal only once the users run.
    ended = gevent.signal_handler(signal.SIGTERM, sys.exit, 0)
    while not (_FOLDER / "go").stat().st_size:
        gevent.sleep(0.02)
    ended.cancel()


_CLOCK = SystemClock()
_LAG = Lag(queue(), _CLOCK)
_LAG.follow(gevent.get_hub().loop)
events.request.add_listener(write)  # type: ignore[no-untyped-call] # Locust has no types there
events.test_stop.add_listener(stopped)  # type: ignore[no-untyped-call]
events.init.add_listener(Hopeless)  # type: ignore[no-untyped-call]
events.init.add_listener(hold)  # type: ignore[no-untyped-call]
