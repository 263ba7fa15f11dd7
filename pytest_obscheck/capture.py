"""What a live Prometheus has discovered, as target groups that stack.yaml takes; and what its targets expose."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from pytest_obscheck import exporting
from pytest_obscheck.errors import ConfigError, Problem

SECONDS = 30.0
"""How long one answer may take; a federation of 100,000 samples takes some seconds."""
_SETTINGS = {
    "__scheme__": "scheme", "__metrics_path__": "metrics_path", "__scrape_interval__": "scrape_interval",
    "__scrape_timeout__": "scrape_timeout", "job": "job_name",
}  # fmt: skip

_ACCEPT = {"accept": "application/json, text/plain;version=1.0.0;escaping=allow-utf-8, */*;q=0.5"}
"""Who does not ask for names as they are gets them with underscores in place of what was not allowed once."""


@dataclass(frozen=True)
class Live:
    """One Prometheus that runs somewhere; every method raises ``ConfigError`` where it does not answer."""

    url: str
    http: httpx.Client

    def data(self, path: str, **params: str) -> Any:
        """Return the data of one of its API's answers."""
        try:
            return self._asked(path, params).json()["data"]
        except (ValueError, LookupError, TypeError):
            right = "give the address that its pages have in a browser, without /graph"
            raise ConfigError([Problem(self.url, "this does not answer as Prometheus does", right)]) from None

    def maybe(self, path: str, otherwise: Any, **params: str) -> Any:
        """Return the data of an answer that not every Prometheus has; ``otherwise`` where it has none."""
        try:
            return self.data(path, **params) or otherwise
        except ConfigError:
            return otherwise

    def text(self, path: str, **params: str) -> str:
        """Return one of its pages."""
        return self._asked(path, params).text

    def _asked(self, path: str, params: Mapping[str, str] | None = None) -> httpx.Response:
        try:
            return self.http.get(f"{self.url.rstrip('/')}{path}", params=params, headers=_ACCEPT).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = str(error).splitlines()[0] or type(error).__name__
            raise ConfigError([Problem(self.url, f"no answer to {path} ({why})")]) from None


def targets_command(url: str, samples: Path | None, say: Callable[[str], None]) -> int:
    """Print the target groups that a live Prometheus has discovered; write what its targets expose into a folder."""
    with httpx.Client(timeout=SECONDS) as http:
        live = Live(url, http)
        found = live.data("/api/v1/targets?state=any")
        config = yaml.safe_load(live.data("/api/v1/status/config")["yaml"]) or {}
        jobs = discovered(found, config)
        say(f"# What {_host(url)} has discovered. In stack.yaml, under prometheus: targets: <the name of this file>\n")
        say(
            yaml.safe_dump(jobs, sort_keys=True, allow_unicode=True, width=120)
            if jobs
            else "{} # every job lists its targets\n"
        )
        if samples is not None:
            _write_samples(live, found.get("activeTargets") or (), config, samples)
    return 0


def _host(url: str) -> str:
    """Return a URL without the password that may be in it."""
    return re.sub(r"//[^/@]*@", "//", url)


def discovered(found: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return target groups by job from ``/api/v1/targets`` and the configuration; jobs that discover nothing are left out."""
    jobs: dict[str, list[dict[str, Any]]] = {}
    every = [*(found.get("activeTargets") or ()), *(found.get("droppedTargets") or ())]
    for job in config.get("scrape_configs") or ():
        name = str(job.get("job_name", ""))
        if any(key.endswith("_sd_configs") for key in job):
            own = [labels for target in every if _pool(target) == name and not _static(labels := _labels(target, job), job)]
            jobs[name] = _grouped(own)
    return jobs


def _pool(target: Mapping[str, Any]) -> str:
    """Return the job that a target belongs to; dropped ones know it only by their discovered label."""
    return str(target.get("scrapePool") or target.get("discoveredLabels", {}).get("job", ""))


def _labels(target: Mapping[str, Any], job: Mapping[str, Any]) -> dict[str, str]:
    """Return the labels that discovery gave a target: all that are not the job's own settings."""
    usual = {label: str(job.get(key)) for label, key in _SETTINGS.items()}
    usual |= {f"__param_{name}": str(values[0]) for name, values in (job.get("params") or {}).items() if values}
    labels: Mapping[str, str] = target.get("discoveredLabels", {})
    return {name: value for name, value in labels.items() if usual.get(name) != value and _found(name)}


def _found(name: str) -> bool:
    """Whether a label may come from discovery: Prometheus adds more settings as labels with each version."""
    known = not name.startswith("__") or name in ("__address__", *_SETTINGS) or name.startswith(("__meta_", "__param_"))
    return known and name != "__meta_filepath"


def _static(labels: Mapping[str, str], job: Mapping[str, Any]) -> bool:
    """Whether the job itself lists this target."""
    return any(
        labels == {"__address__": str(target), **(group.get("labels") or {})}
        for group in job.get("static_configs") or ()
        for target in group.get("targets") or ()
    )


def _grouped(targets: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for labels in targets:
        rest = {name: value for name, value in sorted(labels.items()) if name != "__address__"}
        group = groups.setdefault(json.dumps(rest), {"targets": [], **({"labels": rest} if rest else {})})
        if labels.get("__address__") not in group["targets"]:
            group["targets"].append(labels.get("__address__", ""))
    return [groups[key] for key in sorted(groups)]


def _write_samples(live: Live, active: Sequence[Mapping[str, Any]], config: Mapping[str, Any], folder: Path) -> None:
    """Write an exposition for each target, from what is stored: whoever reaches Prometheus need not reach its targets."""
    folder.mkdir(parents=True, exist_ok=True)
    external = (config.get("global") or {}).get("external_labels") or {}
    kinds = exporting.kinds(live.maybe("/api/v1/metadata", {}))
    for target in active:
        labels = target["labels"]
        match = f"{{{','.join(f'{name}={json.dumps(labels[name])}' for name in ('job', 'instance') if name in labels)}}}"
        names = frozenset({*labels, *external})
        seen = exporting.exemplars(live.maybe("/api/v1/query_exemplars", [], query=match), names)
        queried = live.data("/api/v1/query", query=match)["result"]
        known = exporting.Known(names, seen, kinds)
        text = exporting.exposition(live.text("/federate", **{"match[]": match}), queried, known)
        name = re.sub(r"[^A-Za-z0-9._-]+", "_", f"{labels.get('job', '')}-{labels.get('instance', '')}")
        (folder / f"{name}.prom").write_text(text, encoding="utf-8")
