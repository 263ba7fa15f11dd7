"""Filebeat: follows files and ships their lines, as the user's own filebeat.yml says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pytest_obscheck.components._asking import ServiceClient, asking
from pytest_obscheck.components._beats import NO_STORE, check, derive, hosts
from pytest_obscheck.components._files import Reader, local
from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

CONFIG = "filebeat.yml"


@dataclass(frozen=True)
class Filebeat:
    """Ships by ``config``, the user's filebeat.yml, what members log, to the member whose production name its output has.

    ``logs``: path of an input → the member whose log stands there, as in ``{/var/log/shop/*.log: checkout}``; files in
    ``mounts`` are read, too, and no others. The output (Elasticsearch or Logstash) leads to the member with the name of a host
    (``hosts: [es.shop.example:9200]`` there), through toxiproxy with ``depends_on``. ``environment``: what each ``${NAME}``
    stands for. ``settings`` win over what the file says. What it read, sent and lost is at ``/stats``. ``version``: what
    production runs.
    """

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ("elasticsearch", "logstash", "opensearch")

    config: str
    logs: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    def facts(self, place: Place) -> Facts:
        """Return what was read; ``ConfigError`` where nothing of the stack would be read, or sent."""
        reader = Reader(place)
        document = reader.open(local(place, place.home, self.config))
        if document is not None:
            check(reader, document, self.logs)
        reader.done()
        return Facts(files=reader.files)

    def launch(self, place: Place) -> Launch:
        """Return how to start it on the working copy of its file; ``ConfigError`` where its output leads nowhere."""
        environment = {name: place.fill(value) for name, value in self.environment.items()}
        document = place.open(local(place, place.home, self.config))
        name = Reader(place).name(document)
        if not derive(document, place, self.logs, environment):
            where = f"{name}:{document.line(*next(spot for _, spot, _ in hosts(document)))}"
            raise ConfigError([Problem(where, "no host of the output leads to a member of the stack", NO_STORE)])
        argv = ("filebeat", "-e", "--strict.perms=false", *self._paths(place), *self._settings(place))
        files, originals = {CONFIG: document.text()}, {CONFIG: name}
        return Launch(argv, place.folder, environment=environment, files=files, originals=originals)

    def connect(self, place: Place) -> ServiceClient:
        """Return a client that knows what it says of itself."""
        return asking(place.name, place.addresses["http"], "/stats")

    def _paths(self, place: Place) -> tuple[str, ...]:
        folders = {"home": place.folder, "data": place.folder / "data", "logs": place.folder / "logs"}
        flags = [word for name, path in folders.items() for word in (f"--path.{name}", str(path))]
        return ("-c", str(place.folder / CONFIG), *flags)

    def _settings(self, place: Place) -> tuple[str, ...]:
        host, port = place.addresses["http"].rsplit(":", 1)
        ours = {"http.enabled": "true", "http.host": host, "http.port": port}
        settings = {**{name: place.fill(value) for name, value in self.settings.items()}, **ours}
        return tuple(word for name, value in settings.items() for word in ("-E", f"{name}={value}"))
