"""Jaeger: one process that takes OTLP and holds traces in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_obscheck.components._flags import kept
from pytest_obscheck.components._http import Http
from pytest_obscheck.components._jaegerspans import JaegerClient
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

LISTENS = {
    "otlp": "collector.otlp.http.host-port",
    "otlp_grpc": "collector.otlp.grpc.host-port",
    "http": "query.http-server.host-port",
    "query_grpc": "query.grpc-server.host-port",
    "collector": "collector.http-server.host-port",
    "collector_grpc": "collector.grpc-server.host-port",
    "admin": "admin.http.host-port",
    "agent": "http-server.host-port",
    "binary": "processor.jaeger-binary.server-host-port",
    "compact": "processor.jaeger-compact.server-host-port",
    "zipkin_compact": "processor.zipkin-compact.server-host-port",
}
"""Port name → the flag for its address: each of them would otherwise be open to the network."""


@dataclass(frozen=True)
class Jaeger:
    """Takes spans by OTLP over HTTP at ``${jaeger.address}``, over gRPC at ``${jaeger.otlp_grpc}``, and finds traces again.

    ``args``: production's flags, the addresses it listens on left out. ``version``: what production runs.
    """

    ports: ClassVar[tuple[str, ...]] = tuple(LISTENS)
    after: ClassVar[tuple[str, ...]] = ()

    args: tuple[str, ...] = ()
    version: str = ""

    def facts(self, place: Place) -> Facts:
        """Return nothing: it has no configuration file."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""
        listens = [f"--{flag}={place.addresses[port]}" for port, flag in LISTENS.items()]
        args = kept(tuple(place.fill(arg) for arg in self.args), tuple(LISTENS.values()))
        environment = {"SPAN_STORAGE_TYPE": "memory"}
        return Launch(("jaeger", *listens, "--log-level=warn", *args), place.folder, environment=environment)

    def connect(self, place: Place) -> JaegerClient:
        """Return a client that finds spans."""
        return JaegerClient(Http(place.name, f"http://{place.addresses['http']}"))
