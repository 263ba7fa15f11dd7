"""The compose file and the catalogue of components say the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_obscheck import registry, toolchain

FILE = Path(__file__).parents[1] / "docker-compose.test.yml"
ONLY_IN_RUNS = {"sentry", "shipper"}
"""The shipper follows the logs that a run keeps; what reached the pretend Sentry is told to the harness alone."""
PARTS = {"net", "payments", "worker"}
"""What is no component of its own: the network, and the services behind the front."""
WITHOUT_A_CLIENT = {"collector", "fluentd", "loki", "nginx_exporter", "redis_exporter", "tempo"}
"""Images with nothing inside that could ask whether the program is well."""


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """Return the services of the file, with what they merge filled in."""
    found: dict[str, Any] = yaml.safe_load(FILE.read_text(encoding="utf-8"))["services"]
    return found


def test_every_component_is_a_service_of_the_compose_file_and_nothing_else_is(services: dict[str, Any]) -> None:
    assert set(services) == {*registry.names("components"), *PARTS} - ONLY_IN_RUNS


def test_every_program_of_the_toolchain_has_the_image_there_that_runs_use(services: dict[str, Any]) -> None:
    images = {
        toolchain.distribution_of(name): image.name for name in toolchain.index_names() if (image := toolchain.image_of(name))
    }

    assert {name: services[name]["image"] for name in images} == images


def test_every_image_is_pinned_by_its_version(services: dict[str, Any]) -> None:
    tags = {name: service["image"].rpartition(":")[2] for name, service in services.items()}

    assert [name for name, tag in tags.items() if tag.count(".") < 1 or not tag[-1:].strip() or tag == "latest"] == []


def test_every_service_says_whether_it_is_well_where_its_image_can(services: dict[str, Any]) -> None:
    assert {name for name, service in services.items() if "healthcheck" not in service} == WITHOUT_A_CLIENT


def test_no_port_of_the_host_is_fixed_or_open_to_others(services: dict[str, Any]) -> None:
    published = [port for service in services.values() for port in service.get("ports", ())]

    assert [port for port in published if not port.startswith("127.0.0.1::")] == []
    assert {service["network_mode"] for name, service in services.items() if name != "net"} == {"service:net"}


def test_what_is_mounted_is_there(services: dict[str, Any]) -> None:
    sources = [volume.split(":")[0] for service in services.values() for volume in service.get("volumes", ())]

    assert [source for source in sources if source.startswith("./") and not (FILE.parent / source).exists()] == []


def test_production_names_that_the_stack_scrapes_lead_to_members(services: dict[str, Any]) -> None:
    text = (FILE.parent / "stack/prometheus/prometheus.full.yml").read_text(encoding="utf-8")
    scraped = {
        target.split(":")[0]
        for job in yaml.safe_load(text)["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    }

    assert scraped - {line.split(":")[0] for line in services["net"]["extra_hosts"]} == set()
