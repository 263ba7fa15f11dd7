"""Service discovery, replayed: what stack.yaml says that a job finds in production, as a file that Prometheus reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.components._files import Reader, Spot, local, names, rows
from pytest_obscheck.document import Document
from pytest_obscheck.errors import Problem, did_you_mean
from pytest_obscheck.protocols import Place

FILE_SD = "file_sd_configs"
Group = Mapping[str, Any]
Groups = tuple[Mapping[str, tuple[str, ...] | Mapping[str, str]], ...]
Targets = str | Mapping[str, Groups]
"""Target groups as Prometheus's own files list them, by job; or the file that holds them."""
NAMESPACE = "__meta_kubernetes_namespace"
FIELDS = ("targets", "labels")
LIKE = "[{targets: ['10.0.0.1:8080'], labels: {__meta_kubernetes_namespace: shop}}]"


@dataclass(frozen=True)
class Found:
    """What discovery finds in production: ``jobs`` by name, with the place where each is written, and ``alertmanagers``."""

    jobs: Mapping[str, Sequence[Group]] = field(default_factory=dict)
    where: Mapping[str, str] = field(default_factory=dict)
    alertmanagers: Sequence[Group] | None = None

    def of(self, spot: Spot, client: Mapping[str, Any]) -> Sequence[Group] | None:
        """Return the target groups for a scrape config or Alertmanager config; ``None`` where nothing is said of it."""
        if spot[0] != "scrape_configs":
            return self.alertmanagers
        return self.jobs.get(str(client.get("job_name", "")))


def found(reader: Reader, targets: Targets, alertmanagers: Groups | None) -> Found:
    """Return what stack.yaml says, from a file of its own if it names one; problems stay with the reader."""
    place = reader.place
    if alertmanagers:
        _note(reader, f"{place.name}: alertmanagers", "the list", alertmanagers)
    if isinstance(targets, str):
        return _from_file(reader, targets, alertmanagers) if targets else Found(alertmanagers=alertmanagers)
    where = dict.fromkeys(targets, f"{place.name}: targets")
    for job, groups in targets.items():
        _note(reader, where[job], f"job {job!r}", groups)
    return Found(targets, where, alertmanagers)


def _from_file(reader: Reader, name: str, alertmanagers: Groups | None) -> Found:
    document = reader.open(local(reader.place, reader.place.home, name))
    if document is None or not isinstance(document.value, Mapping):
        if document is not None and document.value is not None:
            reader.problem(document, (), "this is not a mapping of jobs to target groups", f"write it like pods: {LIKE}")
        return Found(alertmanagers=alertmanagers)
    for job, groups in document.value.items():
        for at, what, right in _wrong(groups):
            reader.problem(document, (job, *at), f"job {job!r}{what}", right)
    jobs = {str(job): groups or () for job, groups in document.value.items()}
    return Found(jobs, {job: reader.where(document, (job,)) for job in jobs}, alertmanagers)


def _note(reader: Reader, where: str, called: str, groups: Any) -> None:
    reader.problems.extend(Problem(where, f"{called}{what}", right) for _, what, right in _wrong(groups))


def _wrong(groups: Any) -> Iterator[tuple[Spot, str, str]]:
    """Yield what is wrong with target groups: where among them, what it is, and what would be right."""
    if groups is None:
        return
    if not isinstance(groups, list | tuple):
        yield (), " is not a list of target groups", f"write it like {LIKE}"
        return
    seen: set[tuple[str, str]] = set()
    for number, group in enumerate(groups):
        found = list(_misshapen(group)) or list(_doubled(group, seen))
        yield from ((((number,), what, right)) for what, right in found)


def _misshapen(group: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(group, Mapping):
        yield ": a target group is not a mapping", f"write it like {LIKE}"
        return
    for name in group:
        if name not in FIELDS:
            yield f": a target group has no field {name!r}", did_you_mean(str(name), FIELDS)
    if not isinstance(group.get("targets"), list | tuple):
        yield ": a target group needs a list of targets", f"write it like {LIKE}"
    if not isinstance(group.get("labels") or {}, Mapping):
        yield ": the labels of a target group are no mapping", f"write it like {LIKE}"


def _doubled(group: Group, seen: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the targets that were seen before with the same labels; one of the two would hide the other."""
    told = json.dumps(labels(group), sort_keys=True)
    for target in group["targets"]:
        if (str(target), told) in seen:
            yield f" has the target {str(target)!r} twice with the same labels", "keep one of them"
        seen.add((str(target), told))


def kinds(client: Mapping[str, Any]) -> list[str]:
    """Return the service discoveries that a scrape or Alertmanager config uses, files aside."""
    return [kind for kind in client if kind.endswith("_sd_configs") and kind != FILE_SD and client[kind]]


def check(reader: Reader, clients: Iterable[tuple[Document, Spot, Mapping[str, Any], str]], known: Found) -> None:
    """Note every discovery of which stack.yaml does not say what it finds, and what it says of nothing that discovers."""
    discovering = set()
    every: dict[str, str] = {}
    alike: dict[str, str] = {}
    for document, spot, client, called in clients:
        job = str(client.get("job_name", ""))
        if job in every and spot[0] == "scrape_configs":
            what = f"there is a {called} at {every[job]}, too, and Prometheus takes no job twice"
            reader.problem(document, (*spot, "job_name"), what, "rename one")
        every[job] = reader.where(document, (*spot, "job_name"))
        used = kinds(client)
        _note_collisions(reader, document, spot, client, called)
        _note_alike(reader, document, spot, client, alike)
        if used and known.of(spot, client) is None:
            where = "alertmanagers" if spot[0] != "scrape_configs" else f"targets, as {job}"
            right = f"say in stack.yaml what it finds, under {where}: {LIKE}, or [] for nothing"
            reader.problem(document, (*spot, used[0]), f"{called} finds its targets by {used[0]}", right)
        if used or client.get(FILE_SD):
            discovering.add(job)
    for job, where in known.where.items():
        if job not in every:
            reader.problems.append(Problem(where, f"there is no job {job!r}", did_you_mean(job, discovering)))
        elif job not in discovering:
            right = "leave it out here"
            reader.problems.append(Problem(where, f"job {job!r} lists its targets itself, and discovers none", right))


def _note_collisions(reader: Reader, document: Document, spot: Spot, client: Mapping[str, Any], called: str) -> None:
    """Note the targets that a config lists twice with the same labels; Prometheus drops one of them in silence."""
    seen: set[tuple[str, str]] = set()
    for number, group in rows(client, "static_configs"):
        for what, right in () if list(_misshapen(group)) else _doubled(group, seen):
            reader.note(document, (*spot, "static_configs", number), f"{called}{what}; one is dropped in silence", right)


def _note_alike(reader: Reader, document: Document, spot: Spot, client: Mapping[str, Any], seen: dict[str, str]) -> None:
    """Note the targets with all the labels of one of a job before, which ``seen`` tells by labels; both are scraped."""
    if spot[0] != "scrape_configs" or client.get("relabel_configs"):
        return
    job = str(client.get("job_name", ""))
    found: dict[str, str] = {}
    for number, group in rows(client, "static_configs"):
        for target in () if list(_misshapen(group)) else map(str, group["targets"]):
            told = json.dumps({"job": job, "instance": target, **labels(group)}, sort_keys=True)
            if told in seen:
                what = (
                    f"job {job!r}: the target {target!r} has the labels of one of {seen[told]}, and their samples are mixed up"
                )
                reader.note(document, (*spot, "static_configs", number), what, "give one of them another label")
            found[told] = f"job {job!r}"
    seen |= found


def addresses(client: Mapping[str, Any], groups: Sequence[Group] | None) -> Iterator[str]:
    """Yield the targets that a scrape config has by itself, and those it finds."""
    for group in [*(group for _, group in rows(client.get("static_configs"))), *(groups or ())]:
        yield from (target for _, target in names({"targets": list(group.get("targets") or ())}, "targets"))


def renames(client: Mapping[str, Any]) -> bool:
    """Whether relabelling may give a target another address or instance than the one it is found with."""
    for _, rule in rows(client.get("relabel_configs")):
        if rule.get("action") == "labelmap" or rule.get("target_label") in ("__address__", "instance"):
            return True
    return False


def led(client: Mapping[str, Any]) -> str:
    """Return the address to which relabelling leads every target, as to a blackbox exporter; ``""`` for each its own."""
    last = [rule for _, rule in rows(client.get("relabel_configs")) if rule.get("target_label") == "__address__"][-1:]
    always = [rule for rule in last if not {"source_labels", "regex", "action"} & rule.keys()]
    address = str(always[0].get("replacement", "")) if always else ""
    return "" if "$" in address else address


def replay(document: Document, spot: Spot, client: Mapping[str, Any], groups: Sequence[Group], path: str) -> str:
    """Let a config find its targets in the file at ``path``; return that file's text."""
    document.set((*spot, FILE_SD), [{"files": [path]}])
    seen = _namespaces(client)
    kept = [group for group in groups if seen is None or labels(group).get(NAMESPACE, seen[0]) in seen]
    listed = [{"targets": [str(target) for target in group["targets"]], "labels": labels(group)} for group in kept]
    return json.dumps(listed, indent=1)


def _namespaces(client: Mapping[str, Any]) -> list[str] | None:
    """Return the namespaces into which a config looks by Kubernetes alone; ``None`` for all, or where that is not known."""
    found = [each.get("namespaces") for _, each in rows(client.get("kubernetes_sd_configs"))]
    listed = [each.get("names") if isinstance(each, Mapping) and not each.get("own_namespace") else None for each in found]
    if kinds(client) != ["kubernetes_sd_configs"] or not all(listed):
        return None
    return [str(name) for each in listed for name in each or ()]


def forget(document: Document, spot: Spot, client: Mapping[str, Any]) -> None:
    """Take every discovery out but that by files: the Prometheus that runs here may not know them all."""
    for kind in client:
        if kind.endswith("_sd_configs") and kind != FILE_SD:
            document.remove((*spot, kind))


def labels(group: Group) -> dict[str, str]:
    """Return the labels of a target group as text."""
    told = group.get("labels") or {}
    return {str(name): str(value).lower() if isinstance(value, bool) else str(value) for name, value in told.items()}


def file_lists(document: Document, spot: Spot, client: Mapping[str, Any], place: Place) -> None:
    """Let a config read its own files of targets where they are on this machine."""
    for number, listed in rows(client, FILE_SD):
        for each, text in names(listed, "files"):
            path = local(place, document.path.parent, text)
            document.set((*spot, FILE_SD, number, "files", each), str(path))
