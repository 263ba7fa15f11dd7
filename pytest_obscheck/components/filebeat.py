"""Filebeat: follows files and ships their lines, as the user's own filebeat.yml says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pytest_obscheck.components import _servers
from pytest_obscheck.components._asking import ServiceClient, asking
from pytest_obscheck.components._texts import checked, text_of
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

CONFIG = "filebeat.yml"
ADVICE = "install the package filebeat of its publisher, or unpack a release of it"


@dataclass(frozen=True)
class Filebeat:
    """Ships by ``config``, the user's filebeat.yml; ``settings`` win over what it says, and lead it to members.

    ``settings: {output.elasticsearch.hosts: "[http://${opensearch.address}]"}``; with ``depends_on: [opensearch]`` that way
    goes through toxiproxy. What it read and what it lost is at ``/stats``.
    """

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ("elasticsearch", "logstash", "opensearch")

    config: str
    settings: Mapping[str, str] = field(default_factory=dict)

    def facts(self, place: Place) -> Facts:
        """Return nothing of its file; ``ConfigError`` where it cannot be read."""
        return checked(place, self.config)

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""
        original, text = text_of(place, self.config)
        host, port = place.addresses["http"].rsplit(":", 1)
        ours = {"http.enabled": "true", "http.host": host, "http.port": port}
        settings = {**{name: place.fill(value) for name, value in self.settings.items()}, **ours}
        program = str(_servers.find("filebeat", ("/usr/share/filebeat/bin",), (), ADVICE))
        files = ("-c", f"{place.folder}/{CONFIG}", "--path.data", f"{place.folder}/data", "--path.logs", f"{place.folder}/logs")
        flags = [word for name, value in settings.items() for word in ("-E", f"{name}={value}")]
        argv = (program, "-e", "--strict.perms=false", *files, *flags)
        return Launch(argv, place.folder, files={CONFIG: text}, originals={CONFIG: original})

    def connect(self, place: Place) -> ServiceClient:
        """Return a client that knows what it says of itself."""
        return asking(place.name, place.addresses["http"], "/")
