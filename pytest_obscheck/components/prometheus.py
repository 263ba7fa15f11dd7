"""Prometheus: the user's own prometheus.yml and rule files, with every way out leading through the harness's proxy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

from pytest_obscheck.components._agent import AgentClient
from pytest_obscheck.components._discovery import Found, Groups, Targets, check, found
from pytest_obscheck.components._exits import derive_exits
from pytest_obscheck.components._files import Reader, local, names
from pytest_obscheck.components._flags import given, kept, prefix
from pytest_obscheck.components._http import Http
from pytest_obscheck.components._promql import PrometheusClient
from pytest_obscheck.components._rules import rules
from pytest_obscheck.components._scrapes import clients, derive_scrapes, into_folder, jobs, scraped, takes
from pytest_obscheck.components._secretfiles import check_secret_files
from pytest_obscheck.components._sped import sped_copies, timing
from pytest_obscheck.components._variables import filled, note_unfilled, sampled
from pytest_obscheck.components._versions import major
from pytest_obscheck.document import Document
from pytest_obscheck.plan import Check, Facts
from pytest_obscheck.protocols import Launch, Place
from pytest_obscheck.speed import Timing, prometheus_flags

CONFIG = "prometheus.yml"
SELDOM = {"GOGC": "400"}
"""A heap of some 30 MB is collected many times a second, which took a fifth to a third of its CPU; the user's value wins."""

_OURS = ("config.file", "storage.tsdb.path", "storage.agent.path", "web.listen-address", "web.config.file")
_LOGS = (("global", "query_log_file"), ("global", "scrape_failure_log_file"))


@dataclass(frozen=True)
class Prometheus:
    """Scrapes, evaluates rules, answers PromQL.

    ``config``: the user's prometheus.yml, relative to stack.yaml. ``args``: production's flags; those that say where things
    are or listen give way to the harness's own. ``version``: what production runs. ``targets``: what service discovery finds
    for each job, as target groups whose labels may be ``__meta_*``, or a file of them (``obscheck targets`` writes one).
    ``alertmanagers``: the same for Alertmanagers that are discovered. ``rules``: more rule files, as PrometheusRule resources
    or Mimir namespaces where that is what production has. ``scrapes``: more scrape configs, as ServiceMonitor, PodMonitor,
    Probe and ScrapeConfig resources; their jobs have the operator's names. ``variables``: what each ``${NAME}`` in its files
    stands for.
    """

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ()

    config: str
    args: tuple[str, ...] = ()
    version: str = ""
    targets: Targets = ""
    alertmanagers: Groups | None = None
    rules: tuple[str, ...] = ()
    scrapes: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def facts(self, place: Place) -> Facts:
        """Return alerts, recordings and targets; ``ConfigError`` with every problem of the configuration and its rule files."""
        reader = self._reader(place)
        config = reader.open(local(place, place.home, self.config))
        if config is None:
            reader.done()
            return Facts()
        documents = [config, *reader.named(config, "scrape_config_files")]
        every = [client for document in documents for client in clients(document)]
        known = found(reader, self.targets, self.alertmanagers)
        check(reader, every, known)
        for document in documents:
            note_unfilled(reader, document)
            check_secret_files(reader, document)
        told = rules(reader, config)
        targets, by = scraped(reader, every, known), jobs(reader, every, known)
        reader.done()
        # With variables, or in a resource, a file as it stands is not what production reads.
        own = [Check("promtool", each.path, sampled(each.text())) for each in documents]
        checks = (*own, *(Check("promtool", path) for path in told.paths))
        asked = takes(documents, self.args)
        said = Facts(files=reader.files, notes=tuple(reader.notes), secrets=tuple(reader.hidden), takes=asked)
        said = replace(said, unmatched=tuple(reader.unmatched))
        return replace(said, alerts=told.alerts, recordings=told.recordings, scraped=targets, jobs=by, checks=checks)

    def timing(self, place: Place) -> Timing:
        """Return every duration in the configuration, its rule files and flags."""
        reader = self._reader(place)
        config = reader.open(local(place, place.home, self.config))
        found = timing(reader, config, () if self._agent() else self.args) if config else Timing()
        reader.done()
        return found

    def launch(self, place: Place) -> Launch:
        """Return how to start it on the working copy of its configuration; ``ConfigError`` as in ``facts``."""
        reader = self._reader(place)
        config = reader.open(local(place, place.home, self.config))
        scrapes = list(reader.named(config, "scrape_config_files")) if config else []
        known = found(reader, self.targets, self.alertmanagers)
        copies = sped_copies(reader, config, scrapes, place) if config else {}
        copies |= (
            {} if place.speed.changes else {reader.name(document): document.text() for document in reader.stated("rule_files")}
        )
        reader.done()
        files: dict[str, str] = {}
        originals: dict[str, str] = {}
        for number, document in enumerate(scrapes):
            originals[f"scrapes.{number}.yml"] = reader.name(document)
            files |= derive_scrapes(document, place, f"scrapes.{number}", known)
            files[f"scrapes.{number}.yml"] = document.text()
        if config:
            files |= _derive(config, place, [f"{place.folder}/{name}" for name in originals], known)
            if copies:
                _set_rule_files(config, place, len(copies))
                files |= {f"rules.{number}.yml": text for number, text in enumerate(copies.values())}
                originals |= {f"rules.{number}.yml": name for number, name in enumerate(copies)}
            files[CONFIG] = config.text()
            originals[CONFIG] = reader.name(config)
        argv = ("prometheus", *self._flags(place))
        return Launch(argv, place.folder, environment={**SELDOM, **reader.variables}, files=files, originals=originals)

    def connect(self, place: Place) -> PrometheusClient | AgentClient:
        """Return a client that answers PromQL and knows targets and rules; in agent mode, targets only."""
        http = Http(place.name, f"http://{place.addresses['http']}{prefix(self._args(place))}")
        client = PrometheusClient(http, lambda zero: self._at_zero(place, zero))
        return AgentClient(client) if self._agent() else client

    def _at_zero(self, place: Place, zero: float) -> bool:
        """Write the rules anew for a clock that shows an instant of the user's choice at ``zero``; whether there is one."""
        if not place.speed.clock.stands:
            return False
        running = replace(place, speed=replace(place.speed, clock=place.speed.clock.begun(zero)))
        for name, text in self.launch(running).files.items():
            if name.startswith("rules."):
                (place.folder / name).write_text(text, encoding="utf-8")
        return True

    def _reader(self, place: Place) -> Reader:
        return Reader(place, rules=self.rules, scrapes=self.scrapes, variables=filled(self.variables, place))

    def _agent(self) -> bool:
        return "--agent" in self.args or "agent" in given(self.args, "enable-feature").split(",")

    def _args(self, place: Place) -> tuple[str, ...]:
        return tuple(place.fill(arg) for arg in self.args)

    def _flags(self, place: Place) -> Iterator[str]:
        yield f"--config.file={place.folder}/{CONFIG}"
        yield f"--storage.{'agent' if self._agent() else 'tsdb'}.path={place.folder}/data"
        yield f"--web.listen-address={place.addresses['http']}"
        if major(place.fill("${prometheus.version}")) >= 3:
            # Hidden flag. Without it the first scrape waits for 5 s.
            yield "--scrape.discovery-reload-interval=100ms"
        args = kept(self._args(place), _OURS)
        if place.speed.clock.stands:
            yield from ("--web.enable-lifecycle",) if "--web.enable-lifecycle" not in args else ()
        yield from prometheus_flags(args, place.speed) if place.speed.changes and not self._agent() else args


def _set_rule_files(config: Document, place: Place, copies: int) -> None:
    """Let working copies of rules be loaded: at a speed instead of the user's own files, else beside them."""
    plain = (
        [] if place.speed.changes else [local(place, config.path.parent, text) for _, text in names(config.value, "rule_files")]
    )
    config.set(("rule_files",), [*map(str, plain), *(f"{place.folder}/rules.{number}.yml" for number in range(copies))])


def _derive(document: Document, place: Place, scrape_files: list[str], known: Found) -> dict[str, str]:
    files = derive_scrapes(document, place, "prometheus", known)
    value = document.value if isinstance(document.value, Mapping) else {}
    derive_exits(document, place.network)
    for number, text in names(value, "rule_files"):
        document.set(("rule_files", number), str(local(place, document.path.parent, text)))
    if scrape_files or value.get("scrape_config_files"):
        document.set(("scrape_config_files",), scrape_files)
    for spot in _LOGS:
        into_folder(document, spot, (value.get("global") or {}).get(spot[-1]))
    return files
