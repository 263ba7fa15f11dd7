"""redis_exporter: what a Redis says of itself, as metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_obscheck.components._exporter import ExporterClient, exporter_client, flags, program
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

# No module proxy has it: it is not among the programs that the harness builds.
NAMES = ("redis_exporter", "prometheus-redis-exporter")
ADVICE = "install the package prometheus-redis-exporter, or put a release of redis_exporter there"


@dataclass(frozen=True)
class RedisExporter:
    """Exposes the metrics of the Redis or Valkey at ``address``. ``args``: production's flags.

    Without that Redis it answers all the same, with ``redis_up 0``. With ``depends_on: [redis]`` its way goes through
    toxiproxy.
    """

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ()

    address: str = "${redis.address}"
    args: tuple[str, ...] = ()

    def facts(self, place: Place) -> Facts:
        """Return nothing: it has no configuration file."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""
        address = f"--redis.addr=redis://{place.fill(self.address)}"
        return Launch((program(*NAMES, advice=ADVICE), address, *flags(place, self.args, ("redis.addr",))), place.folder)

    def connect(self, place: Place) -> ExporterClient:
        """Return a client that knows whether it answers."""
        return exporter_client(place, "/health")
