"""Everything in a prometheus.yml that finds targets and connects to them: as facts, and in the working copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_obscheck.components._discovery import Found, addresses, file_lists, forget, kinds, led, renames, replay
from pytest_obscheck.components._files import Reader, Spot, rows
from pytest_obscheck.components._httpconfig import through_proxy, without_secrets
from pytest_obscheck.document import Document
from pytest_obscheck.plan import CREATED, EXEMPLARS, NATIVE
from pytest_obscheck.protocols import Place

Client = tuple[Document, Spot, Mapping[str, Any], str]
_SCHEME = "__scheme__"
_FEATURES = (
    (NATIVE, "native-histograms"),
    (EXEMPLARS, "exemplar-storage"),
    (CREATED, "created-timestamp-zero-ingestion"),
    (CREATED, "st-storage"),
)


def clients(document: Document) -> Iterator[Client]:
    """Yield every scrape and Alertmanager config: its document, where it is in it, its settings, its name for messages."""
    for number, scrape in rows(document.value, "scrape_configs"):
        yield document, ("scrape_configs", number), scrape, f"job {str(scrape.get('job_name', ''))!r}"
    for number, receiver in rows(document.value, "alerting", "alertmanagers"):
        yield document, ("alerting", "alertmanagers", number), receiver, "an alertmanager"


def takes(documents: Sequence[Document], args: Sequence[str]) -> frozenset[str]:
    """Return what a Prometheus with these files and flags asks targets for besides plain samples."""
    flags = " ".join(args)
    found = {what for what, feature in _FEATURES if feature in flags}
    settings: list[Any] = [scrape for document in documents for _, scrape in rows(document.value, "scrape_configs")]
    settings += [document.value.get("global") for document in documents if isinstance(document.value, Mapping)]
    native = any(isinstance(each, Mapping) and each.get("scrape_native_histograms") for each in settings)
    return frozenset(found | ({NATIVE} if native else set()))


def scraped(reader: Reader, every: Sequence[Client], known: Found) -> tuple[str, ...]:
    """Return the targets of all jobs, with those of the files that file_sd_configs name.

    Nothing where some relabelling may change an address: what is not known cannot be missed.
    """
    jobs = [(document, spot, client) for document, spot, client, _ in every if spot[0] == "scrape_configs"]
    targets = [target for document, spot, client in jobs for target in _targets(reader, document, spot, client, known)]
    return () if any(renames(client) for _, _, client in jobs) else tuple(targets)


def jobs(reader: Reader, every: Sequence[Client], known: Found) -> dict[str, tuple[str, ...]]:
    """Return the jobs that scrape each address, by their names; none for an address whose job relabelling may change."""
    names: dict[str, tuple[str, ...]] = {}
    for document, spot, client, _ in every:
        told = () if any(rule.get("target_label") == "job" for _, rule in rows(client, "relabel_configs")) else (_job(client),)
        for target in _targets(reader, document, spot, client, known) if spot[0] == "scrape_configs" else ():
            address = led(client) or target
            names[address] = tuple(dict.fromkeys((*names.get(address, ()), *told)))
    return names


def _job(client: Mapping[str, Any]) -> str:
    return str(client.get("job_name", ""))


def _targets(reader: Reader, document: Document, spot: Spot, client: Mapping[str, Any], known: Found) -> Iterator[str]:
    groups = known.of(spot, client)
    yield from addresses(client, groups)
    for place, _ in rows(client, "file_sd_configs") if groups is None else ():
        for listed in reader.named(document, "files", *spot, "file_sd_configs", place):
            yield from addresses({"static_configs": listed.value}, None)


def derive_scrapes(document: Document, place: Place, called: str, known: Found) -> dict[str, str]:
    """Edit every scrape config and Alertmanager of a document; return the files that it then needs."""
    files = without_secrets(document, {}, str(place.folder), called)
    for number, (_, spot, client, _) in enumerate(clients(document)):
        groups = known.of(spot, client)
        through_proxy(document, spot, client, place.network, https=_https(client, groups))
        into_folder(document, (*spot, "scrape_failure_log_file"), client.get("scrape_failure_log_file"))
        forget(document, spot, client)
        if groups is not None and (kinds(client) or client.get("file_sd_configs")):
            name = f"{called}.targets.{number}.json"
            files[name] = replay(document, spot, client, groups, f"{place.folder}/{name}")
        else:
            file_lists(document, spot, client, place)
    return files


def _https(client: Mapping[str, Any], groups: Any) -> bool:
    """Whether targets are, or may become by their labels, reached by https."""
    return client.get("scheme") == "https" or _SCHEME in f"{client.get('relabel_configs')} {groups}"


def into_folder(document: Document, spot: Spot, path: Any) -> None:
    """Let a log be written to the run's folder, next to the working copy, wherever production writes it."""
    if path:
        document.set(spot, str(path).replace("\\", "/").rpartition("/")[2])
