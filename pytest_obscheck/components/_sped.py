"""Prometheus's working copies for a speed: its configuration, its rule files, its flags."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pytest_obscheck.components._files import Reader
from pytest_obscheck.document import Document
from pytest_obscheck.protocols import Place
from pytest_obscheck.speed import (
    Speed,
    Timing,
    evaluation_interval,
    flows_in_use,
    misfits,
    prometheus_flag_spans,
    prometheus_spans,
    rules_of,
    scrape_interval,
    spans_of,
    speed_prometheus,
    speed_rules,
    speed_scrapes,
)


def timing(reader: Reader, config: Document, args: Sequence[str]) -> Timing:
    """Return every duration in a prometheus.yml, in the files that it names, and in the flags."""
    scrapes = [
        span for each in reader.named(config, "scrape_config_files") for span in prometheus_spans(each, reader.name(each))
    ]
    spans = [*prometheus_spans(config, reader.name(config)), *scrapes, *prometheus_flag_spans(args)]
    spans += [span for each in reader.named(config, "rule_files") for span in spans_of(each, reader.name(each))]
    longest = max([scrape_interval(config), *(span.length for span in scrapes)])
    return Timing(tuple(spans), longest, evaluation_interval(config))


def sped_copies(reader: Reader, config: Document, scrapes: Sequence[Document], place: Place) -> dict[str, str]:
    """Edit the intervals of a configuration and of its scrape files; return the copies of its rule files by their names.

    Rules that the speed would make other rules keep their text.
    """
    if not place.speed.changes:
        return {}
    settings = config.value.get("global") or {}
    for document in scrapes:
        speed_scrapes(document, place.speed, str(settings.get("scrape_interval", "1m")))
    copies = dict(_rules(reader, config, replace(place.speed, evaluation=evaluation_interval(config))))
    speed_prometheus(config, place.speed)
    return copies


def _rules(reader: Reader, config: Document, speed: Speed) -> Iterator[tuple[str, str]]:
    documents = list(reader.named(config, "rule_files"))
    metrics = flows_in_use(rule.expr for document in documents for rule in rules_of(document))
    for document in documents:
        left = misfits(list(rules_of(document)), speed, metrics)
        speed_rules(document, speed, left, metrics)
        yield reader.name(document), document.text()
