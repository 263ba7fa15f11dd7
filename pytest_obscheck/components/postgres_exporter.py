"""postgres_exporter: what a PostgreSQL says of itself, as metrics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_obscheck.components._exporter import ExporterClient, exporter_client, flags, program
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

# No module proxy has it: it is not among the programs that the harness builds.
NAMES = ("postgres_exporter", "prometheus-postgres-exporter")
ADVICE = "install the package prometheus-postgres-exporter, or put a release of postgres_exporter there"


@dataclass(frozen=True)
class PostgresExporter:
    """Exposes the metrics of the PostgreSQL at ``address``, as ``user`` in ``database``. ``args``: production's flags.

    While that PostgreSQL is away it waits for it: a scrape that may not take that long sees ``up 0`` and no ``pg_up``. With
    ``depends_on: [postgresql]`` its way goes through toxiproxy.
    """

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ()

    address: str = "${postgresql.address}"
    user: str = "postgres"
    database: str = "postgres"
    args: tuple[str, ...] = ()

    def facts(self, place: Place) -> Facts:
        """Return nothing: it has no configuration file."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""
        source = f"postgresql://{self.user}@{place.fill(self.address)}/{self.database}?sslmode=disable"
        argv = (program(*NAMES, advice=ADVICE), *flags(place, self.args, ("config.file",)))
        return Launch(argv, place.folder, environment={"DATA_SOURCE_NAME": source})

    def connect(self, place: Place) -> ExporterClient:
        """Return a client that knows whether it answers."""
        return exporter_client(place)
