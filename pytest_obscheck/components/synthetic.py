"""A target that cannot run here (kube-state-metrics, a mainframe): it exposes series that somebody wrote down."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx

from pytest_obscheck.components._exposition import grows, has_exemplars, saved
from pytest_obscheck.components._http import plain
from pytest_obscheck.errors import ConfigError, LookFailed, Problem, did_you_mean
from pytest_obscheck.plan import CREATED, EXEMPLARS, NATIVE, Facts
from pytest_obscheck.protocols import Launch, Place
from pytest_obscheck.speed import Timing
from pytest_obscheck.synthetic.details import created, exemplar
from pytest_obscheck.synthetic.notation import NAME, labels, samples
from pytest_obscheck.when import Duration, seconds

CONFIG = "synthetic.json"
STORY = "data/story.json"
TIMEOUT = 5.0
FIELDS = ("series", "values", "type", "exemplar", "created")
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")
_OFFERED: tuple[tuple[str, Callable[[Mapping[str, str]], bool], str], ...] = (
    (NATIVE, lambda each: "{{" in each["values"], "write `scrape_native_histograms: true` into prometheus.yml"),
    (EXEMPLARS, lambda each: "exemplar" in each, "add `--enable-feature=exemplar-storage` to its args"),
    (CREATED, lambda each: "created" in each, "add `--enable-feature=created-timestamp-zero-ingestion` to its args"),
)
MADE_BY_PROMETHEUS = ("up", "ALERTS", "ALERTS_FOR_STATE")


@dataclass(frozen=True)
class Synthetic:
    """Exposes series in promtool's ``input_series`` notation, in story time, at any path, under production's job and labels.

    Each of ``series`` has ``series: 'x{a="b"}'``, ``values: '0+10x100 stale _ 5x3'`` and may have a ``type`` (counter, gauge,
    histogram, summary, untyped; for the ``_bucket``, ``_sum`` and ``_count`` of a classic histogram: histogram). A new value
    comes every ``interval`` of story time, the first one when the story begins; until then it is exposed too. As in promtool,
    a value is seen for five minutes after the last one, unless ``stale`` ends it. ``job`` and ``instance`` are Prometheus's
    to add. A value may be a native histogram, ``{{schema:0 sum:5 count:4 buckets:[1 2 1]}}+{{sum:1 count:1 buckets:[1]}}x60``;
    Prometheus must ask for them (``scrape_native_histograms: true``), else it sees what is left of them in text. A counter,
    a bucket or a native histogram may have an ``exemplar: '{trace_id="4bf92f"} 0.43'``, new with each value (Prometheus keeps
    them with ``--enable-feature=exemplar-storage``); whatever adds up may say when it was ``created``: ``30s`` of its own
    time, or a Unix second (read with ``--enable-feature=created-timestamp-zero-ingestion``).

    ``speed`` makes the time of these series pass faster than the story's. ``exposition`` is a file of what a whole exporter
    exposes, relative to stack.yaml (`obscheck targets --with-samples` saves some); ``series`` come before it.
    """

    ports: ClassVar[tuple[str, ...]] = ("http", "control")
    after: ClassVar[tuple[str, ...]] = ()

    series: tuple[Mapping[str, str], ...] = ()
    interval: Duration = "1m"
    speed: float = 1.0
    exposition: str = ""

    def __post_init__(self) -> None:
        """Refuse a time that does not pass."""
        if seconds(self.interval) <= 0:
            raise ValueError(f"interval: {self.interval!r} is no time; write it like '1m'")
        if not 0 < self.speed < float("inf"):
            raise ValueError(f"speed: {self.speed!r} is not above 0; write it like 60")

    def facts(self, place: Place) -> Facts:
        """Return what it has for who asks for it; ``ConfigError`` with every series that cannot be exposed."""
        series = self._series(place)
        problems = [Problem(place.name, what) for what in _problems(series)]
        if problems:
            raise ConfigError(problems)
        return Facts(offers=tuple(_offers(place.name, series)))

    def timing(self, place: Place) -> Timing:
        """Return that its series follow the story, and which they are."""
        return Timing(scripted=True, series=tuple(labels(each["series"]) for each in self._series(place)))

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""
        config = {
            "listen": {port: place.addresses[port] for port in self.ports},
            "interval": seconds(self.interval),
            "speed": self.speed,
            "story": STORY,
            "series": [dict(each) for each in self._series(place)],
        }
        argv = ("python", "-m", "pytest_obscheck.synthetic", CONFIG)
        return Launch(argv, place.folder, files={CONFIG: json.dumps(config, indent=2)})

    def connect(self, place: Place) -> SyntheticClient:
        """Return a client for its control port."""
        return SyntheticClient(place.name, _client(place.addresses["control"]), _client(place.addresses["http"]))

    def _series(self, place: Place) -> list[Mapping[str, str]]:
        """Return all series, written ones first; ``ConfigError`` for a saved exposition that cannot be read."""
        if not self.exposition:
            return list(self.series)
        own = {_identity(each) for each in self.series}
        try:
            text = (place.home / self.exposition).read_text(encoding="utf-8-sig")
            return [*self.series, *(each for each in saved(text, TYPES) if _identity(each) not in own)]
        except OSError as error:
            raise ConfigError([Problem(self.exposition, f"cannot be read ({error.strerror})")]) from None
        except ValueError as error:
            raise ConfigError([Problem(self.exposition, str(error))]) from None


def _offers(name: str, series: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, Problem]]:
    for what, has, right in _OFFERED:
        if any(has(each) for each in series):
            yield what, Problem(name, f"it exposes {what}, which no Prometheus here asks for", right)


def _problems(series: Sequence[Mapping[str, str]]) -> Iterator[str]:
    seen: dict[tuple[tuple[str, str], ...], int] = {}
    if not series:
        yield "there are no series; write them like [{series: 'x{a=\"b\"}', values: '0x10 1x100'}]"
    for number, each in enumerate(series, 1):
        yield from (f"series {number}: {what}" for what in _wrong(each))
        key = _identity(each)
        if key and seen.setdefault(key, number) != number:
            yield f"series {number}: {each['series']!r} is written twice, first as series {seen[key]}; keep one of them"


def _client(address: str) -> httpx.Client:
    return plain(base_url=f"http://{address}", timeout=TIMEOUT)


def _wrong(each: Mapping[str, str]) -> Iterator[str]:
    for name in each:
        if name not in FIELDS:
            yield f"it has no field {name!r}; {did_you_mean(name, FIELDS)}"
    for name, read in (("series", labels), ("values", samples)):
        if name not in each:
            yield f"it needs {name!r}; write it like {{series: 'x{{a=\"b\"}}', values: '0x10 1x100'}}"
            continue
        try:
            read(each[name])
        except ValueError as error:
            yield f"{name}: {error}"
    yield from _details(each)
    if each.get("type", TYPES[0]) not in TYPES:
        yield f"no type {each['type']!r}; {did_you_mean(each['type'], TYPES)}"
    name = dict(_identity(each)).get(NAME, "")
    if name in MADE_BY_PROMETHEUS or name.startswith("scrape_"):
        yield f"{name!r} is made by Prometheus itself; break the target instead, with a fault such as kill"


def _details(each: Mapping[str, str]) -> Iterator[str]:
    kind, values, name = each.get("type", ""), each.get("values", ""), dict(_identity(each)).get(NAME, "")
    if "exemplar" in each and not has_exemplars(name, kind, values):
        yield "exemplar: only a counter, a bucket of a histogram and a native histogram can have one; give it its type"
    if "created" in each and not grows(kind, values):
        yield "created: only a counter, a histogram and a summary can say it; give it its type"
    for field, read in (("exemplar", exemplar), ("created", created)):
        try:
            read(each[field]) if field in each else None
        except ValueError as error:
            yield f"{field}: {error}"


def _identity(each: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the labels of a series in order; nothing where they cannot be read."""
    try:
        return tuple(sorted(labels(each.get("series", "")).items()))
    except ValueError:
        return ()


@dataclass(frozen=True)
class SyntheticClient:
    """Tells the target when the story begins and which scripts to play, by its control port; ``target`` is what is scraped."""

    name: str
    http: httpx.Client
    target: httpx.Client

    def ready(self) -> bool:
        """Whether its ports are open."""
        try:
            return self.http.get("/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def begin(self, zero: float, speed: float) -> None:
        """Let its time begin at the Unix second ``zero`` and pass at that speed; ``LookFailed`` where it cannot be told."""
        answer = self._asked("that the story begins", "PUT", "/story", {"zero": zero, "speed": speed})
        if answer.is_error:
            raise LookFailed(f"{self.name}: it does not begin its story: {answer.text.strip()}")

    def play(self, key: str, script: Mapping[str, Any]) -> None:
        """Let some series pass as a script says; ``LookFailed`` with the reason where they cannot."""
        answer = self._asked("to play a script", "PUT", f"/scripts/{key}", script)
        if answer.is_error:
            raise LookFailed(f"{self.name}: {answer.text.strip()}")

    def stop(self, key: str) -> None:
        """End a script; nothing where it is not played."""
        self._asked("to end a script", "DELETE", f"/scripts/{key}")

    def playing(self, key: str) -> Mapping[str, float | None] | None:
        """Return the values that the series of a script have now; ``None`` where it is not played."""
        answer = self._asked("which script it plays", "GET", f"/scripts/{key}")
        found: Mapping[str, float | None] | None = None if answer.is_error else answer.json()
        return found

    def exposed(self) -> Mapping[str, str]:
        """Return what a scrape gets: the value of each series as text."""
        try:
            lines = self.target.get("/metrics").text.splitlines()
        except httpx.HTTPError as error:
            raise LookFailed(f"{self.name}: it cannot be scraped ({error or type(error).__name__})") from None
        return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))

    def _asked(self, what: str, method: str, path: str, json: Any = None) -> httpx.Response:
        try:
            return self.http.request(method, path, json=json)
        except httpx.HTTPError as error:
            why = error or type(error).__name__
            raise LookFailed(f"{self.name}: it cannot be told {what} ({why})") from None

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()
        self.target.close()
