"""node_exporter: what the machine's kernel says of its disks, memory and processors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_obscheck.components._exporter import ExporterClient, exporter_client, flags
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
        return Launch(("node_exporter", *flags(place, self.args)), place.folder)

    def connect(self, place: Place) -> ExporterClient:
        """Return a client that knows whether it answers."""
        return exporter_client(place)
