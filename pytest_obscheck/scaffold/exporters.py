"""Which made-up target exposes what: a synthetic member for each job that lists its targets, and one for what is discovered."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_obscheck.rulelab.regexes import matching
from pytest_obscheck.scaffold.plots import Line, Plot

WORLD = "world"
_PORTS = {"http": 80, "https": 443}
_REAL = {"9090": "prometheus", "9093": "alertmanager"}

_CALLED = {"probe": "blackbox", "pg": "postgres", "container": "cadvisor"}
"""First words of metrics whose exporters are called otherwise."""


@dataclass
class Exporter:
    """One synthetic member: the ``job`` it stands for (``""`` for all), its production names, and its series by selector.

    ``own``: no configuration of the user's scrapes it, so that one is written for it.
    """

    name: str
    job: str
    hosts: tuple[str, ...]
    own: bool = False
    series: dict[str, Line] = field(default_factory=dict)

    def exposes(self) -> bool:
        """Whether the stack needs it: a listed target must answer, and series must come from somewhere."""
        return bool(self.series or self.job)


@dataclass
class Cast:
    """All made-up targets; ``real``: production names of Prometheus and Alertmanager; ``finding``: jobs with a discovery.

    ``always``: the alerts that are active over what all the others need to be quiet.
    """

    exporters: list[Exporter]
    real: dict[str, list[str]] = field(default_factory=dict)
    finding: list[tuple[str, str]] = field(default_factory=list)
    always: list[str] = field(default_factory=list)

    def settled(self, plot: Plot) -> Plot:
        """Return a plot whose lines some exporter exposes, with the labels that it gives them itself; note them there."""
        if plot.down:
            found = next((each for each in self.exporters if each.job and re.fullmatch(plot.down, each.job)), None)
            found = found or self._invented(plot.down)
            no_target = "no target that is listed here belongs to its job"
            return replace(plot, down=found.name) if found else replace(plot, down="", unclear=no_target)
        unclear, lines = plot.unclear, []
        # What names no job meets, in an operation, what names one: it is the same target's.
        usual = next((line.labels["job"] for line in plot.lines if "job" in line.labels), "") or self._likely(plot)
        for line in plot.lines:
            exporter = self._of(line.labels.get("job", usual))
            if exporter is None or (exporter.job and "instance" in line.labels):
                unclear = unclear or f"no target that is listed here exposes {line.selector()}"
                continue
            labels = {name: value for name, value in line.labels.items() if not exporter.job or name != "job"}
            mine = replace(line, labels=labels, member=exporter.name)
            exporter.series.setdefault(mine.selector(), mine)
            lines.append(mine)
        if len({line.member for line in lines if line.harm}) > 1:
            unclear = unclear or "it needs several targets to misbehave at once"
        return replace(plot, lines=tuple(lines), unclear=unclear)

    def _likely(self, plot: Plot) -> str:
        """Return the job that is called after the first word of a metric: ``kube_pod_info`` is kube-state-metrics'."""
        first = {line.name.partition("_")[0] for line in plot.lines}
        words = first | {_CALLED[word] for word in first & _CALLED.keys()}
        return next((each.job for each in self.exporters if words & set(re.findall(r"[a-z0-9]+", each.job.lower()))), "")

    def _of(self, job: str) -> Exporter | None:
        exact = [exporter for exporter in self.exporters if job and exporter.job == job]
        every = [*exact, *(exporter for exporter in self.exporters if not exporter.job or not job)]
        return every[0] if every else None

    def _invented(self, pattern: str) -> Exporter | None:
        """Return a target for a job of those that are discovered: relabelling may give it any name."""
        if not self.finding:
            return None
        found = (job for job, _ in self.finding if re.fullmatch(pattern, job))
        job = next(found, "") or matching(pattern) or self.finding[0][0]
        name = _slug(job, self.exporters)
        self.exporters.append(Exporter(name, job, (f"{name}:80",), own=True))
        return self.exporters[-1]


def invented(plots: Iterable[Plot]) -> Cast:
    """Return the targets for rules without a prometheus.yml: one that stands for everything, and one for each job's `up`."""
    made = Cast([_world()], {"alertmanager": ["alertmanager:9093"]})
    for job in dict.fromkeys(matching(plot.down) or "job" for plot in plots if plot.down):
        name = _slug(job, made.exporters)
        made.exporters.append(Exporter(name, job, (f"{name}:80",), own=True))
    return made


def cast(config: Any, more: Sequence[Mapping[str, Any]] = ()) -> Cast:
    """Return the targets that a prometheus.yml lists, and ``more`` jobs; one for everything where some are discovered."""
    made = Cast([])
    taken: set[str] = set()
    for receiver in _listed(_section(config, "alerting"), "alertmanagers"):
        made.real.setdefault("alertmanager", []).extend(_fresh(receiver, taken))
    for job in (*_listed(config, "scrape_configs"), *more):
        name = str(job.get("job_name", ""))
        kind = _discovery(job)
        if kind:
            made.finding.append((name, kind))
        hosts = [(_REAL.get(host.rpartition(":")[2], ""), host) for host in _fresh(job, taken)]
        for real, host in hosts:
            if real:
                made.real.setdefault(real, []).append(host)
        own = tuple(host for real, host in hosts if not real)
        if own:
            made.exporters.append(Exporter(_slug(name, made.exporters), name, own))
    if made.finding:
        made.exporters.append(_world(made.exporters))
    return made


def _world(others: Iterable[Exporter] = ()) -> Exporter:
    name = _slug(WORLD, others)
    return Exporter(name, "", (f"{name}:80",), own=True)


def _fresh(client: Mapping[str, Any], taken: set[str]) -> list[str]:
    """Return the targets of a config as ``host:port``, each only for the first config that lists it."""
    port = _PORTS.get(str(client.get("scheme", "http")), 80)
    listed = [str(target) for group in _listed(client, "static_configs") for target in group.get("targets") or ()]
    # Where nothing is found nobody is asked about it.
    asked = list(_probing(client)) if listed or not _discovery(client) else []
    hosts = dict.fromkeys(host if re.search(r":\d+$", host) else f"{host}:{port}" for host in asked or listed)
    fresh = [host for host in hosts if host not in taken]
    taken.update(fresh)
    return fresh


def _discovery(client: Mapping[str, Any]) -> str:
    """Return by what a config finds its targets, files aside; ``""`` where it lists them."""
    return next((key for key in client if key.endswith("_sd_configs") and key != "file_sd_configs"), "")


def _probing(client: Mapping[str, Any]) -> Iterator[str]:
    """Yield the exporter that is asked about all the targets of a config, such as a blackbox exporter."""
    for rule in _listed(client, "relabel_configs"):
        instead = str(rule.get("replacement", ""))
        if rule.get("target_label") == "__address__" and instead and "$" not in instead:
            yield instead


def _slug(job: str, others: Iterable[Exporter]) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", job.lower()).strip("-") or "job"
    taken = {other.name for other in others} | {"prometheus", "alertmanager", "inbox"}
    return name if name not in taken else f"{name}-{len(taken)}"


def _section(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _listed(value: Any, key: str) -> list[Mapping[str, Any]]:
    found = _section(value, key)
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []
