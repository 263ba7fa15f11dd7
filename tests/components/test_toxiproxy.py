"""toxiproxy's component: how it is launched, and that nothing is believed that was not read back."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.capabilities import ProxiesTraffic
from pytest_obscheck.components.toxiproxy import Toxiproxy, ToxiproxyClient
from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Network, Place

EDGE = "checkout→payments"
TOXIC = {"name": "slow", "type": "latency", "stream": "downstream", "toxicity": 0.3, "attributes": {"latency": 800}}
METRICS = """\
toxiproxy_proxy_received_bytes_total{direction="downstream",listener="127.0.0.1:1",proxy="checkout→payments",upstream="x"} 7
toxiproxy_proxy_received_bytes_total{direction="upstream",listener="127.0.0.1:1",proxy="checkout→payments",upstream="x"} 1.5e+03
toxiproxy_proxy_received_bytes_total{direction="upstream",listener="127.0.0.1:2",proxy="worker→payments",upstream="x"} 9
"""


class Api(BaseHTTPRequestHandler):
    """Says 200 to everything and does nothing; ``server.has`` is what it has."""

    def do_GET(self) -> None:
        """Answer what the test put there."""
        has = self.server.has  # type: ignore[attr-defined]
        last = self.path.rsplit("/", 1)[1]
        self._say(200, METRICS if last == "metrics" else json.dumps(has["toxics" if last == "toxics" else "proxy"]))

    def do_POST(self) -> None:
        """Pretend."""
        self.rfile.read(int(self.headers["content-length"]))
        self._say(self.server.has["status"], "{}")  # type: ignore[attr-defined]

    def do_DELETE(self) -> None:
        """Pretend."""
        self._say(204, "")

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _say(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def api(serving: Any) -> Iterator[ThreadingHTTPServer]:
    """A toxiproxy that takes everything and keeps nothing."""
    with serving(Api) as server:
        server.has = {"toxics": [], "proxy": {"enabled": True}, "status": 200}
        yield server


@pytest.fixture
def client(api: ThreadingHTTPServer) -> Iterator[ToxiproxyClient]:
    """A client of it."""
    made = ToxiproxyClient(f"127.0.0.1:{api.server_port}", {EDGE: ("127.0.0.1:1", "127.0.0.1:2")})
    yield made
    made.close()


def place(**edges: tuple[str, str]) -> Place:
    """Return where a toxiproxy could live."""
    network = Network(edges=edges)
    return Place(
        "toxiproxy",
        Path("/run"),
        Path("/shop"),
        {"http": "127.0.0.1:8474"},
        network,
        str,
        lambda _: pytest.fail("nothing to open"),
    )


def test_it_is_launched_with_a_proxy_for_each_edge() -> None:
    launch = Toxiproxy().launch(place(**{EDGE: ("127.0.0.1:1", "127.0.0.1:2")}))
    expected = [{"name": EDGE, "listen": "127.0.0.1:1", "upstream": "127.0.0.1:2", "enabled": True}]

    assert launch.argv == (
        "toxiproxy-server", "-host", "127.0.0.1", "-port", "8474", "-config", "toxiproxy.json", "-proxy-metrics",
    )  # fmt: skip
    assert json.loads(launch.files["toxiproxy.json"]) == expected
    assert (Toxiproxy().ports, Toxiproxy().after, Toxiproxy().facts(place())) == (("http",), (), Facts())


def test_its_client_carries_the_traffic_of_all_edges() -> None:
    client = Toxiproxy().connect(place(**{EDGE: ("127.0.0.1:1", "127.0.0.1:2")}))

    assert isinstance(client, ProxiesTraffic)
    assert client.edges() == [EDGE]


def test_a_toxic_that_is_not_there_when_read_back_fails(client: ToxiproxyClient) -> None:
    with pytest.raises(FaultFailed) as raised:
        client.add(EDGE, TOXIC)

    told = "latency {'latency': 800} downstream toxicity 0.3"
    assert str(raised.value) == f"{EDGE}: toxiproxy was told {told} and has none; the toxic did not take hold"


def test_a_toxic_that_differs_when_read_back_fails(client: ToxiproxyClient, api: Any) -> None:
    api.has["toxics"] = [{**TOXIC, "attributes": {"latency": 8}}]

    with pytest.raises(FaultFailed) as raised:
        client.add(EDGE, TOXIC)

    expected = (
        f"{EDGE}: toxiproxy was told latency {{'latency': 800}} downstream toxicity 0.3"
        " and has latency {'latency': 8} downstream toxicity 0.3; the toxic did not take hold"
    )
    assert str(raised.value) == expected


def test_the_rounding_of_a_32_bit_float_is_no_difference(client: ToxiproxyClient, api: Any) -> None:
    api.has["toxics"] = [{**TOXIC, "toxicity": 0.30000001192092896}]

    client.add(EDGE, TOXIC)

    assert client.toxics(EDGE) == ["slow"]


def test_a_toxic_that_stays_when_removed_fails(client: ToxiproxyClient, api: Any) -> None:
    api.has["toxics"] = [TOXIC]

    with pytest.raises(FaultFailed) as raised:
        client.remove(EDGE, "slow")

    assert str(raised.value) == f"{EDGE}: toxiproxy was told to remove 'slow' and still has it; the toxic is not gone"


def test_an_edge_that_stays_open_fails(client: ToxiproxyClient) -> None:
    with pytest.raises(FaultFailed) as raised:
        client.enable(EDGE, on=False)

    assert str(raised.value) == f"{EDGE}: toxiproxy was told enabled=False and has enabled=True; the edge is as it was"


def test_a_500_is_not_passed_over_in_silence(client: ToxiproxyClient, api: Any) -> None:
    api.has["status"] = 500

    with pytest.raises(FaultFailed) as raised:
        client.add(EDGE, TOXIC)

    assert str(raised.value) == f"toxiproxy: POST /proxies/{EDGE}/toxics failed: 500 {{}}"


def test_a_toxiproxy_that_is_gone_is_not_ready_and_fails_with_its_address() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        client = ToxiproxyClient(address, {EDGE: (address, address)})

        with pytest.raises(FaultFailed) as raised:
            client.toxics(EDGE)

        expected = f"toxiproxy: GET /proxies/{EDGE}/toxics failed: nothing answers at {address} (ConnectionError)"
        assert str(raised.value) == expected
        assert not client.ready()
        assert client.exchange(EDGE, 22, 0.5) is None


def test_whether_it_is_ready_is_asked_without_the_library_which_takes_long_to_import(
    client: ToxiproxyClient, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.has["proxy"] = {EDGE: {"enabled": True}}
    monkeypatch.setitem(sys.modules, "toxiproxy.api", None)
    monkeypatch.setitem(sys.modules, "requests", None)

    assert client.ready()


def test_the_proxies_of_the_environment_are_not_asked(client: ToxiproxyClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert client.enabled(EDGE)


def test_the_traffic_of_an_edge_is_what_its_callers_sent(client: ToxiproxyClient) -> None:
    assert client.traffic(EDGE) == 1500


def test_an_edge_without_its_proxy_is_not_ready(client: ToxiproxyClient, api: Any) -> None:
    api.has["proxy"] = {EDGE: {"enabled": True}}
    assert client.ready()

    api.has["proxy"] = {}
    assert not client.ready()
