"""Elasticsearch: one node that takes documents and finds them again, with everything in the run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from pytest_obscheck.components._http import Http
from pytest_obscheck.components._search import SearchClient, launch
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

NO_DOWNLOADS = "-Dingest.geoip.downloader.enabled.default=false"
"""No data is fetched: a default, since nodes without that part (7.13 and older) refuse the setting itself."""


@dataclass(frozen=True)
class Elasticsearch:
    """Takes documents by its bulk API and finds them again: one node, on plain HTTP, with nothing kept from anybody.

    ``index`` names those that hold log lines, such as ``filebeat-*``. ``settings`` are further ones of elasticsearch.yml.
    The program ``elasticsearch`` must be on PATH.
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
        settings = {"xpack.security.enabled": "false", **self.settings}
        return launch(place, "elasticsearch", "ES", settings, NO_DOWNLOADS)

    def connect(self, place: Place) -> SearchClient:
        """Return a client that finds lines."""
        return SearchClient(Http(place.name, f"http://{place.addresses['http']}"), self.index)
