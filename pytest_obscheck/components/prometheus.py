"""Prometheus: the user's own prometheus.yml and rule files, with every way out leading through the harness's proxy."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_obscheck.components._files import Reader, Spot, local, names, rows
from pytest_obscheck.components._flags import kept, prefix
from pytest_obscheck.components._http import Http
from pytest_obscheck.components._httpconfig import through_proxy, without_secrets
from pytest_obscheck.components._promql import PrometheusClient
from pytest_obscheck.components._rules import rules
from pytest_obscheck.protocols import Document, Facts, Launch, Place

CONFIG = "prometheus.yml"
_OURS = ("config.file", "storage.tsdb.path", "storage.agent.path", "web.listen-address", "web.config.file")
_LEFT_OUT = ("remote_write", "remote_read", "tracing")
_LOGS = (("global", "query_log_file"), ("global", "scrape_failure_log_file"))


@dataclass(frozen=True)
class Prometheus:
    """Scrapes, evaluates rules, answers PromQL.

    ``config``: the user's prometheus.yml, relative to stack.yaml. ``args``: production's flags; those that say where things
    are or listen give way to the harness's own. ``version``: what production runs.
    """

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ()

    config: str
    args: tuple[str, ...] = ()
    version: str = ""

    def facts(self, place: Place) -> Facts:
        """Return alerts, recordings and targets; ``ConfigError`` with every problem of the configuration and its rule files."""
        reader = Reader(place)
        config = reader.open(local(place, place.home, self.config))
        if config is None:
            reader.done()
            return Facts()
        documents = [config, *reader.named(config, "scrape_config_files")]
        for document in documents:
            _refuse_discovery(reader, document)
        found = rules(reader, config)
        scraped = tuple(target for document in documents for target in _targets(reader, document))
        reader.done()
        checks = tuple(("promtool", path) for path in (config.path, *found.paths))
        return Facts(found.alerts, found.recordings, scraped=scraped, files=reader.files, checks=checks)

    def launch(self, place: Place) -> Launch:
        """Return how to start it on the working copy of its configuration; ``ConfigError`` as in ``facts``."""
        reader = Reader(place)
        config = reader.open(local(place, place.home, self.config))
        scrapes = list(reader.named(config, "scrape_config_files")) if config else []
        reader.done()
        files: dict[str, str] = {}
        for number, document in enumerate(scrapes):
            files |= _derive_scrapes(document, place, f"scrapes.{number}")
            files[f"scrapes.{number}.yml"] = document.text()
        if config:
            files |= _derive(config, place, [f"{place.folder}/{name}" for name in files if name.endswith(".yml")])
            files[CONFIG] = config.text()
        return Launch(("prometheus", *self._flags(place)), place.folder, files=files)

    def connect(self, place: Place) -> PrometheusClient:
        """Return a client that answers PromQL and knows targets and rules."""
        return PrometheusClient(Http(place.name, f"http://{place.addresses['http']}{prefix(self._args(place))}"))

    def _args(self, place: Place) -> tuple[str, ...]:
        return tuple(place.fill(arg) for arg in self.args)

    def _flags(self, place: Place) -> Iterator[str]:
        yield f"--config.file={place.folder}/{CONFIG}"
        yield f"--storage.tsdb.path={place.folder}/data"
        yield f"--web.listen-address={place.addresses['http']}"
        if _major(place.fill("${prometheus.version}")) >= 3:
            # Hidden flag. Without it the first scrape waits for 5 s.
            yield "--scrape.discovery-reload-interval=100ms"
        yield from kept(self._args(place), _OURS)


def _major(version: str) -> int:
    found = re.match(r"v?(\d+)\.", version)
    return int(found[1]) if found else 0


def _clients(value: Any) -> Iterator[tuple[Spot, Mapping[str, Any], str]]:
    """Yield everything that finds targets and connects to them: where it is, its settings, its name for messages."""
    for number, scrape in rows(value, "scrape_configs"):
        yield ("scrape_configs", number), scrape, f"job {str(scrape.get('job_name', ''))!r}"
    for number, receiver in rows(value, "alerting", "alertmanagers"):
        yield ("alerting", "alertmanagers", number), receiver, "an alertmanager"


def _refuse_discovery(reader: Reader, document: Document) -> None:
    for spot, client, called in _clients(document.value):
        for kind in client:
            if kind.endswith("_sd_configs") and kind != "file_sd_configs" and client[kind]:
                right = "list its targets in static_configs or file_sd_configs"
                reader.problem(document, (*spot, kind), f"{called} uses {kind}, which this version cannot replay", right)


def _targets(reader: Reader, document: Document) -> Iterator[str]:
    """Yield the targets of every job, from the file itself and from the files that file_sd_configs name."""
    for number, scrape in rows(document.value, "scrape_configs"):
        yield from _listed(scrape.get("static_configs"))
        for place, _ in rows(scrape, "file_sd_configs"):
            spot = ("scrape_configs", number, "file_sd_configs", place)
            for listed in reader.named(document, "files", *spot):
                yield from _listed(listed.value)


def _listed(groups: Any) -> Iterator[str]:
    for _, group in rows(groups):
        yield from (target for _, target in names(group, "targets"))


def _derive(document: Document, place: Place, scrape_files: list[str]) -> dict[str, str]:
    files = _derive_scrapes(document, place, "prometheus")
    value = document.value if isinstance(document.value, Mapping) else {}
    for name in _LEFT_OUT:
        if name in value:
            document.remove((name,))
    for number, text in names(value, "rule_files"):
        document.set(("rule_files", number), str(local(place, document.path.parent, text)))
    if value.get("scrape_config_files"):
        document.set(("scrape_config_files",), scrape_files)
    for spot in _LOGS:
        _into_folder(document, spot, (value.get("global") or {}).get(spot[-1]))
    return files


def _derive_scrapes(document: Document, place: Place, called: str) -> dict[str, str]:
    """Edit every scrape config and Alertmanager of a document; return the placeholder files that it then needs."""
    placeholders = without_secrets(document, {}, str(place.folder), called)
    for spot, client, _ in _clients(document.value):
        through_proxy(document, spot, client, place.network, https=client.get("scheme") == "https")
        _into_folder(document, (*spot, "scrape_failure_log_file"), client.get("scrape_failure_log_file"))
        for number, found in rows(client, "file_sd_configs"):
            for each, text in names(found, "files"):
                path = local(place, document.path.parent, text)
                document.set((*spot, "file_sd_configs", number, "files", each), str(path))
    return placeholders


def _into_folder(document: Document, spot: Spot, path: Any) -> None:
    """Let a log be written to the run's folder, next to the working copy, wherever production writes it."""
    if path:
        document.set(spot, str(path).replace("\\", "/").rpartition("/")[2])
