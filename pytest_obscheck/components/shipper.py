"""Ships what members log to a store of logs, as promtail or an agent would beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pytest_obscheck.components._files import log_of
from pytest_obscheck.components._http import Http
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

CONFIG = "shipper.json"
PATHS = {"loki": "/loki/api/v1/push", "elasticsearch": "/_bulk"}


@dataclass(frozen=True)
class Shipper:
    """Follows the logs of ``members`` and pushes every line to ``to`` (a member's name, or a URL of its API).

    ``api`` is that of ``loki``, or the bulk API of ``elasticsearch``, which OpenSearch has, too. Each line gets the label
    ``service_name``, the member's name, and ``labels``. What cannot be sent is kept, the newest 10,000 lines of it, and sent
    when it can be. With ``depends_on: [loki]`` the way to it goes through toxiproxy.
    """

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ("elasticsearch", "loki", "opensearch")

    members: tuple[str, ...]
    to: str = "loki"
    api: Literal["loki", "elasticsearch"] = "loki"
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse to follow nobody."""
        if not self.members:
            raise ValueError("members: there is none; write it like [checkout, payments]")

    def facts(self, place: Place) -> Facts:
        """Return nothing: it has no configuration file of the user's."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""
        url = self.to if "://" in self.to else f"http://{place.fill(f'${{{self.to}.address}}')}{PATHS[self.api]}"
        logs = {name: str(log_of(place, name)) for name in self.members}
        labels = {name: place.fill(value) for name, value in self.labels.items()}
        config = {"listen": place.addresses["http"], "url": url, "api": self.api, "logs": logs, "labels": labels}
        return Launch(("python", "-m", "pytest_obscheck.shipper", CONFIG), place.folder, files={CONFIG: json.dumps(config)})

    def connect(self, place: Place) -> ShipperClient:
        """Return a client that knows whether it follows."""
        return ShipperClient(Http(place.name, f"http://{place.addresses['http']}"))


@dataclass
class ShipperClient:
    """Asks one shipper."""

    http: Http

    def ready(self) -> bool:
        """Whether it follows its logs."""
        return self.http.ok("/metrics")

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()
