"""Tempo: one process that takes OTLP and answers TraceQL, with everything in the run's folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pytest_obscheck.components import _quick
from pytest_obscheck.components._http import Http
from pytest_obscheck.components._traceql import TempoClient
from pytest_obscheck.components._versions import major
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

_QUICK = """\
# Written by the harness: one process, nothing shared, nothing waited for.
server:
  http_listen_address: {http[0]}
  http_listen_port: {http[1]}
  grpc_listen_address: {grpc[0]}
  grpc_listen_port: {grpc[1]}
  log_level: warn
distributor:
  receivers:
    otlp:
      protocols:
        http: {{endpoint: "{otlp[0]}:{otlp[1]}"}}
        grpc: {{endpoint: "{otlp_grpc[0]}:{otlp_grpc[1]}"}}
storage: {{trace: {{backend: local, wal: {{path: {folder}/data/wal}}, local: {{path: {folder}/data/blocks}}}}}}
memberlist: {{bind_addr: [{gossip[0]}], bind_port: {gossip[1]}, advertise_addr: {gossip[0]}}}
usage_report: {{reporting_enabled: false}}
"""
_INGESTER = """\
# Without these it is ready after 15 s, and a search finds a span 20 s after it came.
ingester:
  lifecycler: {{min_ready_duration: 0s, join_after: 0s, final_sleep: 0s}}
  flush_check_period: 200ms
  trace_idle_period: 200ms
# A trace is looked for in as many places at once, of which there is one.
query_frontend: {{trace_by_id: {{query_shards: 2}}}}
"""
_LIVE_STORE = """\
# Without these a search finds a span half a minute after it came.
query_frontend: {{query_end_cutoff: 0s}}
live_store:
  fail_on_high_lag: false
  flush_check_period: 200ms
  max_trace_idle: 200ms
  max_trace_live: 1s
  shutdown_marker_dir: {folder}/data/marker
"""


@dataclass(frozen=True)
class Tempo:
    """Takes spans by OTLP over HTTP at ``${tempo.address}``, over gRPC at ``${tempo.otlp_grpc}``, and answers TraceQL.

    Its configuration is the harness's own; ``args``: flags of production that limit or shape what it takes. ``version``: what
    production runs; Tempo 2.6 and 3 are known here.
    """

    ports: ClassVar[tuple[str, ...]] = ("otlp", "otlp_grpc", "http", "grpc", "gossip")
    after: ClassVar[tuple[str, ...]] = ()

    args: tuple[str, ...] = ()
    version: str = ""

    def facts(self, place: Place) -> Facts:
        """Return nothing: it has no configuration file of the user's."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""
        # Tempo 3 has no ingesters any more; a build that tells no version is taken for a new one.
        waiting = _INGESTER if major(place.fill("${tempo.version}")) == 2 else _LIVE_STORE
        return _quick.launch(place, "tempo", _QUICK + waiting, self.ports, self.args)

    def connect(self, place: Place) -> TempoClient:
        """Return a client that finds spans."""
        return TempoClient(Http(place.name, f"http://{place.addresses['http']}"))
