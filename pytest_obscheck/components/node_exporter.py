"""node_exporter: what the machine's kernel says of its disks, memory and processors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_obscheck.components._flags import kept
from pytest_obscheck.components._http import Http
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place


@dataclass(frozen=True)
class NodeExporter:
    """Exposes the metrics of this machine. ``args``: production's flags, the address it listens on left out."""

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ()

    args: tuple[str, ...] = ()

    def facts(self, place: Place) -> Facts:
        """Return nothing: it has no configuration file."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""
        args = tuple(place.fill(arg) for arg in self.args)
        flags = kept(args, ("web.listen-address", "web.config.file"))
        return Launch(("node_exporter", f"--web.listen-address={place.addresses['http']}", *flags), place.folder)

    def connect(self, place: Place) -> NodeExporterClient:
        """Return a client that knows whether it answers."""
        return NodeExporterClient(Http(place.name, f"http://{place.addresses['http']}"))


@dataclass
class NodeExporterClient:
    """Asks one node_exporter."""

    http: Http

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()

    def ready(self) -> bool:
        """Whether it answers; its front page is asked for, since ``/metrics`` makes it collect everything."""
        return self.http.ok("/")
