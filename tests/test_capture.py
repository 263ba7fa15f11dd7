from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from pytest_obscheck.capture import Live, discovered
from pytest_obscheck.errors import ConfigError

CONFIG = {
    "global": {"external_labels": {"cluster": "eu"}},
    "scrape_configs": [
        {
            "job_name": "pods", "scheme": "http", "metrics_path": "/metrics", "scrape_interval": "15s", "scrape_timeout": "10s",
            "params": {"module": ["http_2xx"]}, "kubernetes_sd_configs": [{"role": "pod"}],
            "static_configs": [{"targets": ["own:1"], "labels": {"a": "b"}}],
        },
        {"job_name": "itself", "static_configs": [{"targets": ["localhost:9090"]}]},
    ],
}  # fmt: skip
USUAL = {
    "job": "pods", "__scheme__": "http", "__metrics_path__": "/metrics", "__scrape_interval__": "15s",
    "__scrape_timeout__": "10s", "__param_module": "http_2xx",
}  # fmt: skip


OTHER = "http://p:9: this does not answer as Prometheus does; give the address that its pages have in a browser, without /graph"


def target(address: str, **labels: str) -> dict[str, Any]:
    return {"scrapePool": "pods", "discoveredLabels": {**USUAL, "__address__": address, **labels}}


def test_targets_are_grouped_by_the_labels_that_discovery_gave_them() -> None:
    found = {
        "activeTargets": [
            target("10.0.0.1:80", __meta_x="1"),
            target("10.0.0.2:80", __meta_x="1"),
            target("10.0.0.3:80", __scheme__="https", __meta_filepath="/x.json"),
            target("own:1", a="b"),
            {"scrapePool": "itself", "discoveredLabels": {"__address__": "localhost:9090"}},
        ],
        "droppedTargets": [{"discoveredLabels": {**USUAL, "__address__": "10.0.0.4:80", "__meta_x": "2"}}],
    }

    assert discovered(found, CONFIG) == {
        "pods": [
            {"targets": ["10.0.0.1:80", "10.0.0.2:80"], "labels": {"__meta_x": "1"}},
            {"targets": ["10.0.0.4:80"], "labels": {"__meta_x": "2"}},
            {"targets": ["10.0.0.3:80"], "labels": {"__scheme__": "https"}},
        ]
    }


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(200, text="<html>"), OTHER),
        (httpx.Response(200, json=[]), OTHER),
        (httpx.Response(404), "http://p:9: no answer to /api/v1/x (Client error '404 Not Found' for url 'http://p:9/api/v1/x')"),
    ],
)  # fmt: skip
def test_what_is_no_prometheus_is_told(answer: httpx.Response, told: str) -> None:
    with httpx.Client(transport=httpx.MockTransport(lambda _: answer)) as http, pytest.raises(ConfigError) as caught:
        Live("http://p:9", http).data("/api/v1/x")

    assert str(caught.value) == told


@pytest.mark.integration
def test_what_a_prometheus_discovered_is_discovered_again(project: Any) -> None:
    groups = [{"targets": ["10.0.0.1:80"], "labels": {"__meta_shop": "1.10", "__meta_zone": "no"}}]
    stack = {"components": {"prometheus": {"config": "p.yml", "targets": "targets.json"}}}
    job = {"job_name": "pods", "file_sd_configs": [{"files": ["x.json"]}], "static_configs": [{"targets": ["b:1"]}]}
    project.write("p.yml", yaml.safe_dump({"scrape_configs": [job]}))
    project.write("targets.json", json.dumps({"pods": groups}))
    project.write("stack.yaml", yaml.safe_dump(stack))
    up = project.start("pytest_obscheck", "up", "stack.yaml")
    assert up.stdout is not None
    url = next(line for line in up.stdout if line.startswith("prometheus")).split()[1].removeprefix("http=")

    said = project.obscheck("targets", url, "--with-samples", "samples")
    up.terminate()
    up.communicate()

    assert yaml.safe_load(said.out) == {"pods": groups}
    assert sorted(path.name for path in Path(project.path, "samples").iterdir()) == ["pods-10.0.0.1_80.prom", "pods-b_1.prom"]
