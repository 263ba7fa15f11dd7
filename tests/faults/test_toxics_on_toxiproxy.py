"""Every toxic on a real toxiproxy in front of a real server: it takes hold, is confirmed, and is gone after the cure."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.components.toxiproxy import Toxiproxy, ToxiproxyClient
from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults.bandwidth import Bandwidth
from pytest_obscheck.faults.down import Down
from pytest_obscheck.faults.latency import Latency
from pytest_obscheck.faults.limit_data import LimitData
from pytest_obscheck.faults.reset_peer import ResetPeer
from pytest_obscheck.faults.slicer import Slicer
from pytest_obscheck.faults.slow_close import SlowClose
from pytest_obscheck.faults.timeout import Timeout
from pytest_obscheck.protocols import Network, Place

pytestmark = pytest.mark.integration

EDGE = "checkout→payments"
BODY = b"paid" * 256
CLOCK = SystemClock()


class Payments(BaseHTTPRequestHandler):
    """Answers every GET with the same kilobyte, then closes."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Stack:
    """Only a toxiproxy; ``url`` leads through it."""

    proxy: ToxiproxyClient
    url: str

    def that(self, *_: Any, **__: Any) -> ToxiproxyClient:
        """Return it."""
        return self.proxy

    def get(self, timeout: float = 5.0) -> tuple[bytes, float]:
        """Return what a new connection through the edge brings, and how long that took."""
        start = CLOCK.now()
        answer = httpx.get(self.url, timeout=timeout, trust_env=False, headers={"connection": "close"})
        return answer.content, CLOCK.now() - start


def free() -> str:
    """Return a local address that nothing listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture(scope="module")
def payments(serving: Any) -> Iterator[str]:
    """The address of a server."""
    with serving(Payments) as server:
        yield f"127.0.0.1:{server.server_port}"


@pytest.fixture(scope="module")
def running(payments: str, tmp_path_factory: pytest.TempPathFactory, obs_program: Callable[[str], Path]) -> Iterator[Stack]:
    """A toxiproxy with one edge, started as its component says."""
    program = obs_program("toxiproxy-server")
    folder = tmp_path_factory.mktemp("toxiproxy")
    listen, addresses = free(), {"http": free()}
    network = Network(edges={EDGE: (listen, payments)})
    place = Place("toxiproxy", folder, folder, addresses, network, fill=str, open=lambda _: pytest.fail("nothing to open"))
    launch = Toxiproxy().launch(place)
    for name, text in launch.files.items():
        (Path(launch.folder) / name).write_text(text, encoding="utf-8")
    client = Toxiproxy().connect(place)
    with subprocess.Popen(
        [program, *launch.argv[1:]], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            assert until(CLOCK, client.ready, timeout=10)
            yield Stack(client, f"http://{listen}/")
        finally:
            client.close()
            process.kill()


@pytest.fixture
def stack(running: Stack) -> Stack:
    """The same toxiproxy, with nothing on its edge."""
    assert running.proxy.enabled(EDGE)
    assert not running.proxy.toxics(EDGE)
    return running


MEASURED = [
    (Latency("payments", by="200ms", jitter="10ms"), "p50 "),
    (Bandwidth("payments", rate=2), "a probe of 400 bytes took "),
    (Bandwidth("payments", rate=300), "a probe of 8192 bytes took "),
    (Timeout("payments"), "no answer within 300ms"),
    (Timeout("payments", after="200ms"), "no answer within 100ms"),
    (ResetPeer("payments"), "a probe was reset"),
    (ResetPeer("payments", after="50ms"), "a probe was reset"),
    (Down("payments"), "connections are refused"),
    (SlowClose("payments", by="300ms"), "read back from toxiproxy"),
    (LimitData("payments", bytes=100), "read back from toxiproxy"),
    (Slicer("payments", size=64, pause="1ms"), "read back from toxiproxy"),
    (Latency("payments", by="200ms", toxicity=0.3), "read back from toxiproxy, for 30% of the connections"),
]


@pytest.mark.parametrize(("fault", "words"), MEASURED, ids=str)
def test_the_harm_takes_hold_is_confirmed_and_is_gone_after_the_cure(fault: Any, words: str, stack: Stack) -> None:
    before = fault.confirm(stack)
    fault.inject(stack)
    try:
        after = fault.confirm(stack)
    finally:
        fault.heal(stack)
        fault.heal(stack)
    cured = fault.confirm(stack)

    assert [before.held, after.held, cured.held] == [False, True, False]
    assert after.words.startswith(words)
    assert stack.get()[0] == BODY


@pytest.mark.parametrize("fault", [fault for fault, _ in MEASURED], ids=str)
def test_a_toxic_that_was_taken_off_behind_our_back_is_not_confirmed(fault: Any, stack: Stack) -> None:
    fault.inject(stack)
    stack.proxy.enable(EDGE, on=True)
    for name in stack.proxy.toxics(EDGE):
        stack.proxy.remove(EDGE, name)

    assert not fault.confirm(stack).held


def harmed(fault: Any, stack: Stack) -> tuple[bytes | None, float, str]:
    """Return what a request brings while the fault is there: the body, the seconds, the error."""
    fault.inject(stack)
    start = CLOCK.now()
    try:
        return *stack.get(timeout=0.5), ""
    except httpx.HTTPError as error:
        return None, CLOCK.now() - start, type(error).__name__
    finally:
        fault.heal(stack)


def test_latency_delays_a_whole_request(stack: Stack) -> None:
    body, seconds, _ = harmed(Latency("payments", by="200ms"), stack)

    assert body == BODY
    assert seconds >= 0.2


def test_bandwidth_stretches_a_kilobyte(stack: Stack) -> None:
    body, seconds, _ = harmed(Bandwidth("payments", rate=4), stack)

    assert body == BODY
    assert seconds >= 0.2


def test_slices_arrive_one_after_the_other(stack: Stack) -> None:
    body, seconds, _ = harmed(Slicer("payments", size=128, pause="10ms"), stack)

    assert body == BODY
    assert seconds >= 0.07


def test_a_connection_that_should_end_stays(stack: Stack) -> None:
    fault = SlowClose("payments", by="200ms")
    fault.inject(stack)
    host, port = stack.url.removeprefix("http://").rstrip("/").split(":")
    start = CLOCK.now()
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while connection.recv(65536):
            pass
    fault.heal(stack)

    assert CLOCK.now() - start >= 0.2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Timeout("payments"), "ReadTimeout"),
        (Timeout("payments", after="100ms"), "RemoteProtocolError"),
        (ResetPeer("payments"), "ReadError"),
        (LimitData("payments", bytes=300), "RemoteProtocolError"),
        (Down("payments"), "ConnectError"),
    ],
    ids=str,
)
def test_a_client_sees_the_very_error_that_production_would_show(fault: Any, error: str, stack: Stack) -> None:
    assert harmed(fault, stack)[2] == error


def test_open_connections_count_as_traffic_and_probes_do_not(stack: Stack) -> None:
    start = stack.proxy.traffic(EDGE)
    for size in (22, 4000):
        assert stack.proxy.exchange(EDGE, size, 1.0) is not None
    probed = stack.proxy.traffic(EDGE)
    host, port = stack.url.removeprefix("http://").rstrip("/").split(":")
    with socket.create_connection((host, int(port))) as kept:
        kept.sendall(b"GET / HT")
        assert until(CLOCK, lambda: stack.proxy.traffic(EDGE) == start + 8, timeout=2)

    assert probed == start
    assert until(CLOCK, lambda: stack.proxy.traffic(EDGE) == start + 8, timeout=2)


def test_a_toxic_that_toxiproxy_does_not_know_fails_with_its_words(stack: Stack) -> None:
    wrong = {"name": "x", "type": "lateny", "stream": "downstream", "toxicity": 1.0, "attributes": {}}

    with pytest.raises(FaultFailed) as raised:
        stack.proxy.add(EDGE, wrong)

    expected = 'toxiproxy: POST /proxies/checkout→payments/toxics failed: {"error":"invalid toxic type","status":400}'
    assert str(raised.value) == expected


def test_an_equal_fault_at_the_same_time_fails(stack: Stack) -> None:
    fault = Latency("payments", by="5ms")
    fault.inject(stack)
    try:
        with pytest.raises(FaultFailed, match="toxic already exists"):
            fault.inject(stack)
    finally:
        fault.heal(stack)
