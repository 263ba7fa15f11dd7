"""Grafana: the team's own provisioning, with every way out leading through the harness's proxy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import ClassVar

from pytest_obscheck.components._files import Reader, local
from pytest_obscheck.components._grafanaclient import GrafanaClient
from pytest_obscheck.components._provisioning import KINDS, Provisioning, read
from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import PROGRAM_HOME, Launch, Place

_QUICK = {
    "GF_AUTH_ANONYMOUS_ENABLED": "true",
    "GF_AUTH_ANONYMOUS_ORG_ROLE": "Admin",
    "GF_ANALYTICS_REPORTING_ENABLED": "false",
    "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
    "GF_NEWS_NEWS_FEED_ENABLED": "false",
    # Which evaluations it missed is told there alone.
    "GF_METRICS_ENABLED": "true",
    # Five hundred migrations, each waiting for the disk, take 15 s on a busy machine; this database is thrown away.
    "GF_DATABASE_URL": "sqlite3://run/?_sync=OFF",
    # Its notifier starts before contact points are provisioned, and would not know them for a minute.
    "GF_UNIFIED_ALERTING_ALERTMANAGER_CONFIG_POLL_INTERVAL": "500ms",
    # Why it ended is then among its last lines.
    "GF_LOG_LEVEL": "error",
    "GF_LOG_MODE": "console",
    "GF_SMTP_ENABLED": "true",
    "GF_SMTP_SKIP_VERIFY": "true",
}
_EMPTY = {f"provisioning/{kind}/nothing": "" for kind in (*KINDS, "notifiers", "plugins")}
"""It calls it an error where one of its folders is not there."""


@dataclass(frozen=True)
class Grafana:
    """Provisions data sources, dashboards, alert rules and contact points; runs queries of panels, evaluates its own rules.

    ``provisioning``: the folder of its files, relative to stack.yaml. ``home``: where its ``public`` and ``conf`` are, unless
    above the program as in its archives, packages and images. ``environment``: production's settings (``GF_…``) and what the
    files call by ``$NAME``. Whoever comes may do everything: it listens on loopback. Its rules keep to the clock, at no speed.
    """

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ("inbox",)

    provisioning: str = "grafana/provisioning"
    home: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    def facts(self, place: Place) -> Facts:
        """Return its alerts, the ways out of its contact points and its policies; ``ConfigError`` with every problem."""
        reader = Reader(place)
        if find_spec("grafana_client") is None:
            reader.problems.append(Problem(place.name, "its client is not installed", "pip install 'pytest-obscheck[grafana]'"))
        found = self._read(reader)
        found.check()
        ways = found.routes()
        reader.done()
        return Facts(
            alerts=found.alerts(),
            routes=ways,
            branches=found.branches(),
            files=reader.files,
            notes=tuple(reader.notes),
            secrets=tuple(reader.hidden),
        )

    def launch(self, place: Place) -> Launch:
        """Return how to start it, with all it writes in its folder; ``ConfigError`` where its rules cannot follow a speed."""
        reader = Reader(place)
        found = self._read(reader)
        reader.done()
        if place.speed.changes and found.alerts():
            raise ConfigError([Problem(f"{place.name}: alerting", "Grafana's rules keep to the clock", "play it at speed 1")])
        argv = ("grafana", "server", f"--homepath={self.home or PROGRAM_HOME}")
        settings = {name: place.fill(text) for name, text in self.environment.items()}
        files, originals = {**_EMPTY, **found.copies()}, found.originals()
        return Launch(argv, place.folder, environment={**settings, **_own(place)}, files=files, originals=originals)

    def connect(self, place: Place) -> GrafanaClient:
        """Return a client that runs the queries of panels, and knows its rules."""
        return GrafanaClient(place.name, place.addresses["http"], self._read(Reader(place)).wanted())

    def _read(self, reader: Reader) -> Provisioning:
        return read(reader, local(reader.place, reader.place.home, self.provisioning))


def _own(place: Place) -> dict[str, str]:
    """Return the settings that are the harness's: where things are, and that nothing leaves but through the proxy."""
    host, port = place.addresses["http"].rsplit(":", 1)
    return {
        **_QUICK,
        "GF_SERVER_HTTP_ADDR": host,
        "GF_SERVER_HTTP_PORT": port,
        "GF_PATHS_DATA": f"{place.folder}/data",
        "GF_PATHS_LOGS": f"{place.folder}/logs",
        "GF_PATHS_PLUGINS": f"{place.folder}/plugins",
        "GF_PATHS_PROVISIONING": f"{place.folder}/provisioning",
        "GF_SMTP_HOST": place.network.smtp,
        "HTTP_PROXY": place.network.proxy,
        "HTTPS_PROXY": place.network.proxy,
        "SSL_CERT_FILE": str(place.network.ca_file),
    }
