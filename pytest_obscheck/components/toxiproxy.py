"""Carries the connections between members so that they can be harmed: toxiproxy, one proxy for each edge."""

from __future__ import annotations

import json
import math
import re
import socket
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote

from pytest_obscheck.clock import SystemClock
from pytest_obscheck.components import _connections
from pytest_obscheck.components._http import Http
from pytest_obscheck.errors import FaultFailed, LookFailed
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

_ONE_AT_A_TIME = threading.Lock()
"""toxiproxy-python keeps its server's address in class attributes, so two servers must take turns."""
_TIMEOUT = 6.0
"""Seconds for one answer; toxiproxy itself waits 5 s for a stuck connection when a toxic is taken off."""
_CLOSING = 0.05
"""Seconds that a probe waits for its connection to end in the orderly way."""
_QUESTION = b"\0\0\0\x08\x04\xd2\x16\x2f\r\nobscheck"
"""PostgreSQL's SSLRequest, which it answers with one letter. Redis sees an empty line, then a command that it lacks."""
_METRIC = re.compile(r'^toxiproxy_proxy_received_bytes_total\{direction="upstream",.*proxy="(.*?)",.*\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Toxiproxy:
    """Shopify's toxiproxy, with a proxy for each edge of the network."""

    @property
    def ports(self) -> tuple[str, ...]:
        """Return its one port: the API's. Its proxies listen where the network says."""
        return ("http",)

    @property
    def after(self) -> tuple[str, ...]:
        """Return nothing: it waits for nobody."""
        return ()

    def facts(self, place: Place) -> Facts:
        """Return nothing: it has no configuration of the user's."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it with all its proxies."""
        host, port = place.addresses["http"].rsplit(":", 1)
        edges = place.network.edges.items()
        proxies = [{"name": name, "listen": ours, "upstream": theirs, "enabled": True} for name, (ours, theirs) in edges]
        argv = ("toxiproxy-server", "-host", host, "-port", port, "-config", "toxiproxy.json", "-proxy-metrics")
        return Launch(argv, place.folder, files={"toxiproxy.json": json.dumps(proxies, indent=2)})

    def connect(self, place: Place) -> ToxiproxyClient:
        """Return a client that can harm the edges."""
        return ToxiproxyClient(place.addresses["http"], place.network.edges)


@dataclass(frozen=True)
class ToxiproxyClient:
    """Harms edges through toxiproxy-python, and reads back what was set; ``FaultFailed`` where the two differ."""

    address: str
    network: Mapping[str, tuple[str, str]]
    _probed: Counter[str] = field(default_factory=Counter, repr=False)

    @cached_property
    def _http(self) -> Http:
        return Http("toxiproxy", f"http://{self.address}")

    def ready(self) -> bool:
        """Whether every edge has its proxy."""
        # Not through the library, which takes 0.1 s to import: only stories with a network fault should pay for that.
        try:
            proxies = self._http.json("/proxies")
        except LookFailed:
            return False
        return all(proxies.get(edge, {}).get("enabled") for edge in self.network)

    def close(self) -> None:
        """Give up the connection to it; the library keeps none."""
        self._http.close()

    def edges(self) -> Sequence[str]:
        """Return the names of all edges."""
        return list(self.network)

    def add(self, edge: str, toxic: Mapping[str, Any]) -> None:
        """Add a toxic and read it back."""
        self._ask("post", f"{_path(edge)}/toxics", json=dict(toxic))
        found = self._toxic(edge, toxic["name"])
        wrong = "none" if found is None else _difference(toxic, found)
        if wrong:
            raise FaultFailed(f"{edge}: toxiproxy was told {_plain(toxic)} and has {wrong}; the toxic did not take hold")

    def remove(self, edge: str, name: str) -> None:
        """Remove a toxic; nothing where there is none."""
        if name not in self.toxics(edge):
            return
        self._ask("delete", f"{_path(edge)}/toxics/{quote(name, safe='')}")
        if name in self.toxics(edge):
            raise FaultFailed(f"{edge}: toxiproxy was told to remove {name!r} and still has it; the toxic is not gone")

    def toxics(self, edge: str) -> Sequence[str]:
        """Return the names of the toxics that the edge has now."""
        return [toxic["name"] for toxic in self._ask("get", f"{_path(edge)}/toxics")]

    def enable(self, edge: str, on: bool) -> None:
        """Let an edge carry connections, or refuse them all; read back."""
        if self.enabled(edge) is on:
            return
        self._ask("post", _path(edge), json={"enabled": on})
        if self.enabled(edge) is not on:
            raise FaultFailed(f"{edge}: toxiproxy was told enabled={on} and has enabled={not on}; the edge is as it was")

    def enabled(self, edge: str) -> bool:
        """Whether the edge carries connections."""
        return bool(self._ask("get", _path(edge))["enabled"])

    def exchange(self, edge: str, size: int, timeout: float) -> float | None:
        """Send a probe that HTTP, Redis, PostgreSQL and most others answer, or close on, without further effect.

        PostgreSQL closes on what it does not know, and no latency delays that: the probe begins with its question about TLS,
        and goes on with a line on which the others answer an error. Returns the seconds from sending it to the first byte back
        or an orderly close; ``None`` where the connection was refused or reset, or nothing came in ``timeout`` seconds.
        """
        host, port = self.network[edge][0].rsplit(":", 1)
        probe = _QUESTION.ljust(size - 4) + b"\r\n\r\n"
        try:
            with socket.create_connection((host, int(port)), timeout=timeout) as connection:
                self._probed[edge] += len(probe)
                return _answered(connection, probe)
        except OSError:
            return None

    def traffic(self, edge: str) -> int:
        """Return the bytes that callers sent through the edge so far, the harness's own probes left out."""
        # Open connections first: one that ends in between is counted twice, not missed.
        flowing = _connections.received(self.network[edge][0])
        metrics = self._send("get", "/metrics").content.decode()
        ended = {name: float(value) for name, value in _METRIC.findall(metrics)}
        return max(0, flowing + round(ended.get(edge, 0)) - self._probed[edge])

    def _toxic(self, edge: str, name: str) -> Mapping[str, Any] | None:
        toxics = self._ask("get", f"{_path(edge)}/toxics")
        return next((toxic for toxic in toxics if toxic["name"] == name), None)

    def _ask(self, method: str, path: str, **kwargs: Any) -> Any:
        answer = self._send(method, path, **kwargs)
        return answer.json() if answer.content else None

    def _send(self, method: str, path: str, **kwargs: Any) -> Any:
        # See ``ready``.
        import requests  # noqa: PLC0415
        from toxiproxy.api import APIConsumer  # noqa: PLC0415
        from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists  # noqa: PLC0415

        host, port = self.address.rsplit(":", 1)
        with _ONE_AT_A_TIME:
            APIConsumer.host, APIConsumer.port = host, int(port)
            try:
                # The environment's proxies must not be asked; an empty one means none.
                answer = getattr(APIConsumer, method)(path, timeout=_TIMEOUT, proxies={"http": ""}, **kwargs)
            except (InvalidToxic, NotFound, ProxyExists) as error:
                raise _failed(method, path, error.args[0].decode().strip()) from error
            except requests.RequestException as error:
                raise _failed(method, path, f"nothing answers at {self.address} ({type(error).__name__})") from error
        if not answer.ok:
            raise _failed(method, path, f"{answer.status_code} {answer.text.strip()}")
        return answer


def _failed(method: str, path: str, why: str) -> FaultFailed:
    return FaultFailed(f"toxiproxy: {method.upper()} {unquote(path)} failed: {why}")


def _path(edge: str) -> str:
    return f"/proxies/{quote(edge, safe='')}"


def _answered(connection: socket.socket, probe: bytes) -> float:
    clock = SystemClock()
    start = clock.now()
    connection.sendall(probe)
    connection.recv(1)
    took = clock.now() - start
    _end(connection)
    return took


def _end(connection: socket.socket) -> None:
    # An orderly end makes toxiproxy count the probe before anybody asks for the traffic.
    connection.settimeout(_CLOSING)
    try:
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    except OSError:
        return


def _difference(told: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    same = all(found.get(key) == told[key] for key in ("type", "stream", "attributes"))
    # toxiproxy keeps the toxicity as a 32-bit float.
    near = math.isclose(found.get("toxicity", 1.0), told.get("toxicity", 1.0), rel_tol=1e-6)
    return "" if same and near else _plain(found)


def _plain(toxic: Mapping[str, Any]) -> str:
    return f"{toxic['type']} {dict(toxic['attributes'])} {toxic['stream']} toxicity {toxic['toxicity']:g}"
