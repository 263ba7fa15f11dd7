"""OpenTelemetry Collector: the user's own pipelines, between the services and the stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pytest_obscheck.components._files import Reader, local
from pytest_obscheck.components._http import Http
from pytest_obscheck.components._pipelines import check, derive
from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

CONFIG = "collector.yaml"


@dataclass(frozen=True)
class Collector:
    """Takes OTLP over HTTP at ``${collector.address}``, over gRPC at ``${collector.otlp_grpc}``, and sends on what it keeps.

    ``config``: the user's own configuration, relative to stack.yaml. Its otlp receiver listens where the harness says; an
    exporter leads to the member whose production name it has (``hosts: {tempo.example:4317: otlp_grpc}`` there), through
    toxiproxy with ``depends_on``, else it is taken out. ``environment``: what each ``${env:NAME}`` stands for. ``program``:
    the user's own build of the collector, where ``config`` needs modules that the harness's has not. Its own metrics are at
    ``${collector.metrics}``. ``version``: what production runs.
    """

    ports: ClassVar[tuple[str, ...]] = ("otlp", "otlp_grpc", "metrics", "health")
    after: ClassVar[tuple[str, ...]] = ()

    config: str
    environment: Mapping[str, str] = field(default_factory=dict)
    program: str = "collector"
    version: str = ""

    def facts(self, place: Place) -> Facts:
        """Return what was read; ``ConfigError`` with what can have no place here."""
        reader = Reader(place)
        document = reader.open(local(place, place.home, self.config))
        if document is not None:
            check(reader, document)
        reader.done()
        return Facts(files=reader.files)

    def launch(self, place: Place) -> Launch:
        """Return how to start it on the working copy of its configuration; ``ConfigError`` where that leads nowhere."""
        environment = {name: place.fill(value) for name, value in self.environment.items()}
        document = place.open(local(place, place.home, self.config))
        pipelines = document.value["service"]["pipelines"]
        emptied = derive(document, place, environment)
        name = Reader(place).name(document)
        if len(emptied) == len(pipelines):
            where = f"{name}:{document.line('exporters')}"
            right = "give a member the production name of one: hosts: {tempo.example:4317: otlp_grpc}"
            raise ConfigError([Problem(where, "no exporter leads to a member of the stack", right)])
        argv = (self.program, f"--config={place.folder}/{CONFIG}")
        files, originals = {CONFIG: document.text()}, {CONFIG: name}
        return Launch(argv, place.folder, environment=environment, files=files, originals=originals)

    def connect(self, place: Place) -> CollectorClient:
        """Return a client that knows whether it takes what is sent."""
        return CollectorClient(Http(place.name, f"http://{place.addresses['health']}"))


@dataclass
class CollectorClient:
    """Asks one collector."""

    http: Http

    def ready(self) -> bool:
        """Whether its pipelines run."""
        return self.http.ok("/")

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()
