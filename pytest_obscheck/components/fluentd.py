"""Fluentd: takes events in and sends them on, as the user's own fluent.conf says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pytest_obscheck.components import _servers
from pytest_obscheck.components._asking import ServiceClient, asking
from pytest_obscheck.components._texts import checked, text_of
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

CONFIG = "fluent.conf"
ADVICE = "run: gem install fluentd, or install the package fluent-package of its publisher"
_MONITOR = """
# Added by the harness: what every plugin has in its buffer, and what it lost.
<source>
  @type monitor_agent
  bind {host}
  port {port}
</source>
"""


@dataclass(frozen=True)
class Fluentd:
    """Ships by ``config``, the user's fluent.conf; ``environment`` is what ``#{ENV['NAME']}`` in it stands for.

    ``ports``: ``http`` is that of its monitor agent, the others are those on which its sources listen. Buffers, retries and
    what was lost are at ``/api/plugins.json``.
    """

    after: ClassVar[tuple[str, ...]] = ("elasticsearch", "opensearch")

    config: str
    environment: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[str, ...] = ("http", "forward")

    def facts(self, place: Place) -> Facts:
        """Return nothing of its file; ``ConfigError`` where it cannot be read."""
        return checked(place, self.config)

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""
        original, text = text_of(place, self.config)
        host, port = place.addresses["http"].rsplit(":", 1)
        program = str(_servers.find("fluentd", ("/opt/fluent/bin", "/opt/td-agent/bin"), (), ADVICE))
        environment = {name: place.fill(value) for name, value in self.environment.items()}
        files = {CONFIG: text + _MONITOR.format(host=host, port=port)}
        argv = (program, "--no-supervisor", "-c", f"{place.folder}/{CONFIG}")
        return Launch(argv, place.folder, environment=environment, files=files, originals={CONFIG: original})

    def connect(self, place: Place) -> ServiceClient:
        """Return a client that knows what it says of itself."""
        return asking(place.name, place.addresses["http"], "/api/plugins.json")
