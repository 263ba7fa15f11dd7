"""Loki: one process that takes log lines and finds them again, with everything in the run's folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from pytest_obscheck.components import _quick
from pytest_obscheck.components._files import Reader
from pytest_obscheck.components._http import Http
from pytest_obscheck.components._logql import LokiClient
from pytest_obscheck.components._rules import told
from pytest_obscheck.document import Document
from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

_QUICK = """\
# Written by the harness: one process, one replica, nothing shared, nothing waited for.
auth_enabled: false
analytics: {{reporting_enabled: false}}
server:
  http_listen_address: {http[0]}
  http_listen_port: {http[1]}
  grpc_listen_address: {grpc[0]}
  grpc_listen_port: {grpc[1]}
  log_level: warn
common:
  path_prefix: {folder}/data
  replication_factor: 1
  instance_addr: {grpc[0]}
  ring: {{instance_addr: {grpc[0]}, kvstore: {{store: inmemory}}}}
  storage: {{filesystem: {{chunks_directory: {folder}/data/chunks, rules_directory: {folder}/data/rules}}}}
schema_config:
  configs:
    - {{from: 2024-01-01, store: tsdb, object_store: filesystem, schema: v13, index: {{prefix: index_, period: 24h}}}}
# Without these it waits for ingesters and schedulers that there are not: 10 s until it is ready, 3 s for the first query.
ingester: {{lifecycler: {{min_ready_duration: 0s, join_after: 0s, final_sleep: 0s}}}}
frontend: {{scheduler_dns_lookup_period: 200ms}}
query_scheduler: {{use_scheduler_ring: false}}
# A line that is there now must be found now: no answer from before is given again.
query_range: {{cache_results: false, cache_index_stats_results: false}}
limits_config: {{volume_enabled: false, ingestion_rate_mb: 64, ingestion_burst_size_mb: 128}}
"""
_RULER = """\
ruler:
  storage: {{type: local, local: {{directory: {folder}/rules}}}}
  rule_path: {folder}/data/ruler
  ring: {{kvstore: {{store: inmemory}}}}
  alertmanager_url: {alertmanager}
"""
_TENANT = "fake"
"""What Loki calls the only tenant of one without authentication."""


@dataclass(frozen=True)
class Loki:
    """Takes log lines by its push API and answers LogQL, with a configuration of the harness's own.

    ``args``: flags of production that limit or shape what it takes, such as ``-validation.max-line-size=4KB``; they win over
    the harness's settings. ``version``: what production runs. ``rules``: files of rules in LogQL, which its ruler evaluates in
    wall time, so at no speed; it tells the ``alertmanager``, such as ``http://${alertmanager.address}``, which alerts fire.
    """

    ports: ClassVar[tuple[str, ...]] = ("http", "grpc")
    after: ClassVar[tuple[str, ...]] = ()

    args: tuple[str, ...] = ()
    version: str = ""
    rules: tuple[str, ...] = ()
    alertmanager: str = ""

    def facts(self, place: Place) -> Facts:
        """Return the alerts of its rules; ``ConfigError`` with every file that is not there."""
        reader = Reader(place, rules=self.rules)
        found = told(reader, self._read(reader), "1m")
        return Facts(alerts=found.alerts, files=reader.files)

    def launch(self, place: Place) -> Launch:
        """Return how to start it; ``ConfigError`` where its rules cannot follow a speed."""
        if not self.rules:
            return _quick.launch(place, "loki", _QUICK, self.ports, self.args)
        if place.speed.changes:
            raise ConfigError([Problem(f"{place.name}: rules", "Loki's ruler keeps to the clock", "play it at speed 1")])
        ruler = _RULER.replace("{alertmanager}", place.fill(self.alertmanager).replace("{", "{{") or '""')
        launch = _quick.launch(place, "loki", _QUICK + ruler, self.ports, self.args)
        read = {f"rules/{_TENANT}/{at}.yml": each.text() for at, each in enumerate(self._read(Reader(place, rules=self.rules)))}
        return replace(launch, files={**launch.files, **read})

    def connect(self, place: Place) -> LokiClient:
        """Return a client that answers LogQL, and for its rules."""
        return LokiClient(Http(place.name, f"http://{place.addresses['http']}"), bool(self.rules))

    def _read(self, reader: Reader) -> list[Document]:
        found = list(reader.stated("rule_files"))
        reader.done()
        return found
