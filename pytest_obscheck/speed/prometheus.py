"""prometheus.yml and Prometheus's flags for a sped-up stack."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from pytest_obscheck.document import Document
from pytest_obscheck.speed.durations import milliseconds, spelled
from pytest_obscheck.speed.factor import Span, span
from pytest_obscheck.speed.flags import flag_spans, sped_flags
from pytest_obscheck.speed.promql import Speed

DEFAULTS = {"scrape_interval": "1m", "evaluation_interval": "1m"}
FLAGS = {
    "query.lookback-delta": "5m",
    "rules.alert.for-outage-tolerance": "1h",
    "rules.alert.for-grace-period": "10m",
    "rules.alert.resend-delay": "1m",
}
_TIMEOUT = "10s"
_OFFSET = "rule_query_offset"


def prometheus_spans(document: Document, shown: str = "") -> Iterator[Span]:
    """Yield every duration of prometheus.yml, or of a file of scrape configs, that is story time."""
    shown = shown or str(document.path)
    if "scrape_configs" in _mapping(document.value) and len(_mapping(document.value)) == 1:
        yield from _jobs(document, shown)
        return
    settings = {**DEFAULTS, **_mapping(_mapping(document.value).get("global"))}
    for name in (*DEFAULTS, _OFFSET):
        if name in settings:
            yield from span(settings[name], f"{shown}:{document.line('global', name)}", name)
    yield from _jobs(document, shown)


def _jobs(document: Document, shown: str) -> Iterator[Span]:
    for number, job in _scrapes(document.value):
        if "scrape_interval" in job:
            where = f"{shown}:{document.line('scrape_configs', number, 'scrape_interval')}"
            yield from span(job["scrape_interval"], where, "scrape_interval")


def evaluation_interval(document: Document) -> Fraction:
    """Return the global evaluation interval in milliseconds: the step of subqueries that name none."""
    settings = {**DEFAULTS, **_mapping(_mapping(document.value).get("global"))}
    return milliseconds(str(settings["evaluation_interval"]))


def scrape_interval(document: Document) -> Fraction:
    """Return the longest scrape interval of any job, in milliseconds."""
    settings = {**DEFAULTS, **_mapping(_mapping(document.value).get("global"))}
    default = str(settings["scrape_interval"])
    return max(
        [milliseconds(str(job.get("scrape_interval", default))) for _, job in _scrapes(document.value)]
        or [milliseconds(default)]
    )


def speed_prometheus(document: Document, speed: Speed) -> None:
    """Edit prometheus.yml: intervals divided, defaults written out.

    A scrape timeout is physical: it stays as long as the shorter interval allows, for a target does not answer faster.
    """
    settings = {**DEFAULTS, **_mapping(_mapping(document.value).get("global"))}
    for name in (*DEFAULTS, _OFFSET):
        if name in settings:
            document.set(("global", name), speed.shorter(str(settings[name])))
    _cap(document, ("global",), settings, str(settings["scrape_interval"]), speed)
    speed_scrapes(document, speed, str(settings["scrape_interval"]))


def speed_scrapes(document: Document, speed: Speed, interval: str = "1m") -> None:
    """Edit the jobs of prometheus.yml or of one of its ``scrape_config_files``; ``interval`` is the global one."""
    for number, job in _scrapes(document.value):
        spot = ("scrape_configs", number)
        if "scrape_interval" in job:
            document.set((*spot, "scrape_interval"), speed.shorter(str(job["scrape_interval"])))
        _cap(document, spot, job, str(job.get("scrape_interval", interval)), speed)


def _cap(document: Document, spot: tuple[str | int, ...], settings: Mapping[str, Any], interval: str, speed: Speed) -> None:
    given = settings.get("scrape_timeout", _TIMEOUT if spot == ("global",) else None)
    if given is not None and milliseconds(str(given)) > milliseconds(interval) / speed.by:
        document.set((*spot, "scrape_timeout"), spelled(milliseconds(interval) / speed.by))


def prometheus_flags(args: Sequence[str], speed: Speed, known: Collection[str] | None = None) -> tuple[str, ...]:
    """Return production's flags with those of time divided and their defaults written out; ``known``: those it has."""
    return sped_flags(args, FLAGS, speed, known)


def prometheus_flag_spans(args: Sequence[str]) -> Iterator[Span]:
    """Yield the durations that Prometheus's flags hold, given or by default."""
    return flag_spans(args, FLAGS, "prometheus")


def _scrapes(value: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    found = _mapping(value).get("scrape_configs")
    if isinstance(found, list):
        yield from ((number, job) for number, job in enumerate(found) if isinstance(job, Mapping))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
