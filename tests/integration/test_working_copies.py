"""What the working copy keeps of production: each part of it that is lost shows in what the real Prometheus says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
import yaml

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.session import Session
from pytest_obscheck.stack import read

pytestmark = pytest.mark.integration

CONFIG = """\
global: {scrape_interval: 200ms, scrape_timeout: 200ms, external_labels: {cluster: shop-eu}}
scrape_configs:
  - job_name: api
    scheme: https
    authorization: {credentials_file: /run/secrets/token}
    static_configs: [{targets: ["api.prod.example:8443"]}]
  - job_name: probe
    metrics_path: /probe
    params: {module: [http_2xx]}
    static_configs: [{targets: [shop.prod.example]}]
    relabel_configs:
      - {source_labels: [__address__], target_label: __param_target}
      - {source_labels: [__param_target], target_label: instance}
      - {target_label: __address__, replacement: "blackbox.prod.example:9115"}
"""
STACK = """\
components:
  prometheus: {config: prometheus.yml}
  api:
    type: synthetic
    hosts: ["api.prod.example:8443", "blackbox.prod.example:9115"]
    series: [{series: 'probe_success', values: '1x1000'}]
"""
PROBED = "http://blackbox.prod.example:9115/probe?module=http_2xx&target=shop.prod.example"
WHOLE = {
    "api": ("api.prod.example:8443", "https://api.prod.example:8443/metrics", "up", ""),
    "probe": ("shop.prod.example", PROBED, "up", ""),
    "cluster": "shop-eu",
}
Spoil = Callable[[str, Path], str]


def edit(old: str, new: str) -> Spoil:
    def spoil(text: str, _: Path) -> str:
        assert text.count(old) == 1, text
        return text.replace(old, new)

    return spoil


def other_authority(text: str, folder: Path) -> str:
    trustme.CA().cert_pem.write_to_path(str(folder / "other.pem"))
    ours = next(word for word in text.split('"') if word.endswith("/ca.pem"))
    return text.replace(ours, str(folder / "other.pem"))


def no_secret(text: str, folder: Path) -> str:
    ours = next(word for word in text.split('"') if "credentials_file" in word and word.startswith("/"))
    return text.replace(ours, str(folder / "none"))


@contextmanager
def running(home: Path, spoil: Spoil | None) -> Iterator[Any]:
    """Run the stack, its working copy spoilt."""
    (home / "prometheus.yml").write_text(CONFIG)
    (home / "stack.yaml").write_text(STACK)
    session = Session(read(home / "stack.yaml"))
    try:
        stack = session.laid_out()
        seat = stack.seats["prometheus"]
        if spoil:
            text = spoil(seat.launch.files["prometheus.yml"], home)
            seat.launch = replace(seat.launch, files={**seat.launch.files, "prometheus.yml": text})
        stack.start()
        yield f"http://{seat.place.addresses['http']}"
    finally:
        session.close()


def shown(url: str) -> dict[str, Any]:
    """Return each job's instance, URL, health and error, and the external label."""
    targets = httpx.get(f"{url}/api/v1/targets").json()["data"]["activeTargets"]
    config = yaml.safe_load(httpx.get(f"{url}/api/v1/status/config").json()["data"]["yaml"])
    told = {t["scrapePool"]: (t["labels"]["instance"], t["scrapeUrl"], t["health"], t["lastError"]) for t in targets}
    return {**told, "cluster": config["global"].get("external_labels", {}).get("cluster")}


def settled(url: str) -> bool:
    told = shown(url)
    return len(told) == 3 and "unknown" not in {told["api"][2], told["probe"][2]}


def seen(home: Path, spoil: Spoil | None) -> dict[str, Any]:
    with running(home, spoil) as url:
        assert until(SystemClock(), lambda: settled(url), 20.0)
        return shown(url)


def test_https_secrets_probes_and_external_labels_are_those_of_production(
    tmp_path: Path, obs_program: Callable[[str], Path]
) -> None:
    obs_program("prometheus")

    assert seen(tmp_path, None) == WHOLE


@pytest.mark.parametrize(("scheme", "awaited"), [("https", ["inbox"]), ("http", [])])
def test_a_prometheus_waits_for_the_authority_that_it_trusts_and_reads_but_once(
    tmp_path: Path, scheme: str, awaited: list[str]
) -> None:
    (tmp_path / "prometheus.yml").write_text(CONFIG.replace("https", scheme))
    (tmp_path / "stack.yaml").write_text(STACK)
    session = Session(read(tmp_path / "stack.yaml"))
    stack = session.laid_out()

    found = [seat.member.name for seat in stack._waits_for(stack.seats["prometheus"])]
    session.close()
    assert found == awaited


@pytest.mark.parametrize(
    ("spoil", "lost", "told"),
    [
        (
            edit("      - {source_labels: [__param_target], target_label: instance}\n", ""),
            "probe",
            "blackbox.prod.example:9115",
        ),
        (edit("source_labels: [__address__], target", "source_labels: [job], target"), "probe", "target=probe"),
        (edit("external_labels: {cluster: shop-eu}", "external_labels: {}"), "cluster", "None"),
        (other_authority, "api", "certificate signed by unknown authority"),
        (no_secret, "api", "none: no such file or directory"),
    ],
    ids=["relabelling", "probe", "external label", "authority", "secret"],
)
def test_each_part_that_is_lost_is_seen(
    spoil: Spoil, lost: str, told: str, tmp_path: Path, obs_program: Callable[[str], Path]
) -> None:
    obs_program("prometheus")

    found = seen(tmp_path, spoil)

    assert [part for part in WHOLE if found[part] != WHOLE[part]] == [lost]
    assert told in str(found[lost])
