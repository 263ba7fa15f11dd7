"""OpenSearch: one node that takes documents and finds them again, with everything in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pytest_obscheck.components._http import Http
from pytest_obscheck.components._search import SearchClient, launch
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place


@dataclass(frozen=True)
class Opensearch:
    """Takes documents by its bulk API and finds them again: one node, on plain HTTP, with nothing kept from anybody.

    ``index`` names those that hold log lines, such as ``filebeat-*``. ``settings`` are further ones of opensearch.yml; with the
    security plugin, ``plugins.security.disabled: "true"``. The program ``opensearch`` must be on PATH.
    """

    ports: ClassVar[tuple[str, ...]] = ("http", "transport")
    after: ClassVar[tuple[str, ...]] = ()

    index: str = "*,-.*"
    settings: Mapping[str, str] = field(default_factory=dict)
    version: str = ""

    def facts(self, place: Place) -> Facts:
        """Return nothing: it has no configuration file of the user's."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""
        return launch(place, "opensearch", "OPENSEARCH", self.settings)

    def connect(self, place: Place) -> SearchClient:
        """Return a client that finds lines."""
        return SearchClient(Http(place.name, f"http://{place.addresses['http']}"), self.index)
