"""Grafana: the team's own provisioning, with every way out leading through the harness's proxy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_obscheck.capabilities import Series
from pytest_obscheck.components._http import Http, parsed, refused
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

_QUERY = "/api/ds/query"


@dataclass(frozen=True)
class Grafana:
    """Provisions data sources and dashboards, and runs the queries of panels.

    The program ``grafana`` must be on PATH. ``provisioning``: the folder of its files, relative to stack.yaml, read as it is.
    ``home``: where the package keeps its ``public`` and ``conf``. Whoever comes may do everything: it listens on loopback.
    """

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ("inbox",)

    provisioning: str = "grafana/provisioning"
    home: str = "/usr/share/grafana"
    version: str = ""

    def facts(self, place: Place) -> Facts:
        """Return nothing: its dashboards are read where a story asks for them."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it: everything it writes is in its folder, and nothing is told to its makers."""
        host, port = place.addresses["http"].rsplit(":", 1)
        folder = place.folder
        environment = {
            "GF_SERVER_HTTP_ADDR": host,
            "GF_SERVER_HTTP_PORT": port,
            "GF_PATHS_DATA": f"{folder}/data",
            "GF_PATHS_LOGS": f"{folder}/logs",
            "GF_PATHS_PLUGINS": f"{folder}/plugins",
            "GF_PATHS_PROVISIONING": str(place.home / self.provisioning),
            "GF_AUTH_ANONYMOUS_ENABLED": "true",
            "GF_AUTH_ANONYMOUS_ORG_ROLE": "Admin",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
            "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
            "GF_NEWS_NEWS_FEED_ENABLED": "false",
            "HTTP_PROXY": place.network.proxy,
            "HTTPS_PROXY": place.network.proxy,
        }
        return Launch(("grafana", "server", f"--homepath={self.home}"), folder, environment=environment)

    def connect(self, place: Place) -> GrafanaClient:
        """Return a client that runs the queries of panels."""
        return GrafanaClient(Http(place.name, f"http://{place.addresses['http']}"))


@dataclass
class GrafanaClient:
    """Asks one Grafana; every method but ``ready`` raises ``LookFailed`` where it cannot."""

    http: Http

    def ready(self) -> bool:
        """Whether it runs and its database does."""
        try:
            return bool(self.http.json("/api/health").get("database") == "ok")
        except (LookFailed, AttributeError):
            return False

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()

    def data_sources(self) -> list[Mapping[str, Any]]:
        """Return its data sources as its API names them."""
        return list(self.http.json("/api/datasources"))

    def run_query(self, query: Mapping[str, Any], start: float, end: float) -> list[Series]:
        """Return what one query of a panel gives: a series for each field of numbers."""
        body = {"queries": [query], "from": str(round(start * 1000)), "to": str(round(end * 1000))}
        answer = self.http.post(_QUERY, body)
        results = _results(answer.text)
        wrong = next((str(each["error"]) for each in results if each.get("error")), "")
        if wrong:
            raise LookFailed(wrong)
        if answer.status_code != 200:
            raise LookFailed(refused(self.http.name, _QUERY, answer.status_code, answer.text))
        return [series for each in results for frame in each.get("frames") or () for series in _series(frame)]


def _results(text: str) -> list[Mapping[str, Any]]:
    try:
        return list(parsed("grafana", _QUERY, text)["results"].values())
    except (LookupError, TypeError, AttributeError):
        return []


def _series(frame: Mapping[str, Any]) -> Iterator[Series]:
    """Yield the fields of numbers of a frame, each with the times beside it; a line of a log counts as 1."""
    fields = frame.get("schema", {}).get("fields") or []
    columns: Sequence[Sequence[Any]] = frame.get("data", {}).get("values") or [[] for _ in fields]
    times = next((column for field, column in zip(fields, columns, strict=False) if field.get("type") == "time"), ())
    numbers = [(field, column) for field, column in zip(fields, columns, strict=False) if field.get("type") == "number"]
    for field, column in numbers:
        at = times or [0] * len(column)
        points = tuple((t / 1000, float(v)) for t, v in zip(at, column, strict=False) if v is not None)
        yield Series(field.get("labels") or {}, points)
    if not numbers and times:
        yield Series({}, tuple((t / 1000, 1.0) for t in times))
