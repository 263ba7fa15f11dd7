"""nginx-prometheus-exporter: what nginx's stub_status page says, as metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_obscheck.components._exporter import ExporterClient, exporter_client, flags
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

PROGRAM = "nginx-prometheus-exporter"


@dataclass(frozen=True)
class NginxExporter:
    """Exposes what the stub_status page at ``url`` says, of a member: ``http://${web.address}/stub_status``.

    Without that nginx it answers all the same, with ``nginx_up 0``. ``args``: production's flags.
    """

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ()

    url: str = "http://${nginx.address}/stub_status"
    args: tuple[str, ...] = ()

    def facts(self, place: Place) -> Facts:
        """Return nothing: it has no configuration file."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""
        page = f"--nginx.scrape-uri={place.fill(self.url)}"
        return Launch((PROGRAM, page, *flags(place, self.args, ("nginx.scrape-uri",))), place.folder)

    def connect(self, place: Place) -> ExporterClient:
        """Return a client that knows whether it answers."""
        return exporter_client(place)
