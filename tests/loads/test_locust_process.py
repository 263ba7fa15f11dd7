"""A real Locust against a tiny server: it waits, then every request is in its log, and it ends when told."""

from __future__ import annotations

import csv
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.loads.locust import Locust
from pytest_obscheck.protocols import Network, Place

pytestmark = pytest.mark.integration

CLOCK = SystemClock()
LOCUSTFILE = """
from pathlib import Path

from locust import HttpUser, constant, events, task

@events.quitting.add_listener
def tidy(**_):
    Path("tidied").touch()

class Shopper(HttpUser):
    wait_time = constant(0.02)

    @task
    def buy(self):
        self.client.post("/checkout", name="buy, at once")

    @task
    def fail(self):
        self.client.get("/broken")
"""


class Shop(BaseHTTPRequestHandler):
    """Sells to everybody who posts."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Sell."""
        self._say(201, b"sold")

    def do_GET(self) -> None:
        """Fail."""
        self._say(500, b"")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _say(self, status: int, body: bytes) -> None:
        self.server.served.append(status)  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 201:
            self.send_header("x-correlation-id", "c-1")
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def shop() -> Iterator[Any]:
    """A server that counts what it served."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Shop) as server:
        server.daemon_threads = True
        server.served = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def started(load: Locust, here: Place) -> Iterator[subprocess.Popen[str]]:
    """Start the load's process as its launch says; it is gone afterwards."""
    launch = load.launch(here)
    for name, text in launch.files.items():
        (launch.folder / name).write_text(text, encoding="utf-8")
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(launch.folder), **launch.environment}
    with subprocess.Popen(
        [sys.executable, *launch.argv[1:]],
        cwd=launch.cwd, env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def place(folder: Path, address: str) -> Place:
    """Return where the load lives."""
    return Place("load", folder, folder, {}, Network(), lambda text: text.replace("${front.address}", address), lambda _: None)  # type: ignore[arg-type, return-value]


def written(folder: Path, text: str) -> str:
    """Return the path of a locustfile with that text."""
    file = folder / "story" / "shopper.py"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    return str(file)


def listening(pid: int) -> list[str]:
    """Return the sockets of a process that listen, as the kernel lists them."""
    inodes = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    rows = [row.split() for name in ("tcp", "tcp6") for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    return [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes]


def test_it_waits_then_logs_every_request_and_ends_well_though_some_failed(shop: Any, tmp_path: Path) -> None:
    load = Locust(written(tmp_path, LOCUSTFILE), users=4)
    here = place(tmp_path, f"127.0.0.1:{shop.server_port}")
    with started(load, here) as process:
        assert until(CLOCK, lambda: load.waiting(here), timeout=30)
        assert not until(CLOCK, lambda: bool(shop.served), timeout=0.3)
        begun = CLOCK.now()
        load.begin(here)
        assert until(CLOCK, lambda: load.requests(here).count("\n") > 20, timeout=10)
        ports = listening(process.pid)
        process.terminate()
        code = process.wait(timeout=10)

    *rows, stop = csv.DictReader(load.requests(here).splitlines())
    sold = next(row for row in rows if row["name"] == "buy, at once")
    failed = next(row for row in rows if row["name"] == "/broken")
    assert (ports, code) == ([], 0)
    assert Path(load.file).with_name("tidied").exists()
    assert len(shop.served) - 4 <= len(rows) <= len(shop.served)
    assert (sold["method"], sold["status"], sold["bytes"], sold["error"]) == ("POST", "201", "4", "")
    assert (failed["method"], failed["status"]) == ("GET", "500")
    assert (sold["id"], failed["id"]) == ("c-1", "")
    assert failed["error"].startswith("500 Server Error")
    assert begun < float(sold["end"]) < CLOCK.now()
    assert float(rows[-1]["end"]) <= float(stop["end"]) < CLOCK.now()
    assert not any(list(stop.values())[1:])
    assert 0 < float(sold["lag"]) <= float(sold["seconds"]) < 5


def begin_and_wait(load: Locust, here: Place) -> None:
    """Let a load run until it has logged two requests."""
    with started(load, here):
        load.begin(here)
        assert until(CLOCK, lambda: load.requests(here).count("\n") > 2, timeout=30)


def test_requests_that_nobody_answers_are_logged_with_status_0(tmp_path: Path) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        load = Locust(written(tmp_path, LOCUSTFILE), users=1, host=f"http://127.0.0.1:{deaf.getsockname()[1]}")
        here = place(tmp_path, "")
        begin_and_wait(load, here)

    row = next(csv.DictReader(load.requests(here).splitlines()))
    assert (row["status"], row["bytes"]) == ("0", "0")
    assert "Connection refused" in row["error"]


def test_it_ends_when_told_though_it_never_began(tmp_path: Path) -> None:
    load = Locust(written(tmp_path, LOCUSTFILE))
    here = place(tmp_path, "127.0.0.1:1")
    with started(load, here) as process:
        assert until(CLOCK, lambda: load.waiting(here), timeout=30)
        process.terminate()

        assert process.wait(timeout=10) == 0


def test_a_locustfile_that_raises_ends_the_process_with_its_words(tmp_path: Path) -> None:
    load = Locust(written(tmp_path, "raise RuntimeError('no such shop')\n"))
    here = place(tmp_path, "127.0.0.1:1")
    with started(load, here) as process:
        said, _ = process.communicate(timeout=30)

    assert process.returncode != 0
    assert "no such shop" in said
    assert not load.waiting(here)
