"""Logstash: takes events in, changes them and sends them on, as the user's own pipeline says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pytest_obscheck.components import _servers
from pytest_obscheck.components._asking import ServiceClient, asking
from pytest_obscheck.components._texts import checked, text_of
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

CONFIG = "pipeline.conf"
ADVICE = "install the package logstash of its publisher, or unpack a release of it"


@dataclass(frozen=True)
class Logstash:
    """Runs ``config``, the user's pipeline; ``environment`` is what the ``${NAME}`` in it stand for, and leads it to members.

    ``ports``: ``http`` is its own API, the others are those on which its inputs listen: ``${port.beats}`` in ``environment``.
    """

    after: ClassVar[tuple[str, ...]] = ("elasticsearch", "opensearch")

    config: str
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ("http", "beats")

    def facts(self, place: Place) -> Facts:
        """Return nothing of its file; ``ConfigError`` where it cannot be read."""
        return checked(place, self.config)

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""
        original, text = text_of(place, self.config)
        host, port = place.addresses["http"].rsplit(":", 1)
        program = str(_servers.find("logstash", ("/usr/share/logstash/bin",), (), ADVICE))
        files = ("-f", f"{place.folder}/{CONFIG}", "--path.data", f"{place.folder}/data", "--path.logs", f"{place.folder}/logs")
        argv = (program, *files, "--api.http.host", host, "--api.http.port", port)
        environment = {name: place.fill(value) for name, value in self.environment.items()}
        memory = {"LS_JAVA_OPTS": "-Xms256m -Xmx512m"}
        return Launch(
            argv, place.folder, environment={**memory, **environment}, files={CONFIG: text}, originals={CONFIG: original}
        )

    def connect(self, place: Place) -> ServiceClient:
        """Return a client that knows what it says of itself."""
        return asking(place.name, place.addresses["http"], "/")
