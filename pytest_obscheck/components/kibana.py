"""Kibana: shows what an Elasticsearch holds, and says how it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pytest_obscheck.components import _servers
from pytest_obscheck.components._asking import ServiceClient, asking
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

ADVICE = "install the package kibana of its publisher, or unpack a release of it"


@dataclass(frozen=True)
class Kibana:
    """Shows the Elasticsearch at ``address``. ``settings`` are further ones of kibana.yml.

    ``health: {service: kibana, path: /api/status, json: {status.overall.level: available}}`` says whether it can do its work.
    """

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ("elasticsearch",)

    address: str = "${elasticsearch.address}"
    settings: Mapping[str, str] = field(default_factory=dict)

    def facts(self, place: Place) -> Facts:
        """Return nothing: it has no configuration file of the user's."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""
        host, port = place.addresses["http"].rsplit(":", 1)
        settings = {
            **{name: place.fill(value) for name, value in self.settings.items()},
            "server.host": host,
            "server.port": port,
            "elasticsearch.hosts": f"http://{place.fill(self.address)}",
            "path.data": f"{place.folder}/data",
            "telemetry.optIn": "false",
        }
        program = str(_servers.find("kibana", ("/usr/share/kibana/bin",), (), ADVICE))
        root = ("--allow-root",) if os.geteuid() == 0 else ()
        return Launch((program, *root, *(f"--{name}={value}" for name, value in settings.items())), place.folder)

    def connect(self, place: Place) -> ServiceClient:
        """Return a client that knows what it says of itself."""
        return asking(place.name, place.addresses["http"], "/api/status")
