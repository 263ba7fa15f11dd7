from __future__ import annotations

import re

import pytest
import yaml

from pytest_obscheck.errors import ProgramMissing
from pytest_obscheck.toolchain.index import Distribution, Platform, image_of, index_names, the_index
from pytest_obscheck.toolchain.programs import numbers

DISTRIBUTIONS = the_index().distributions
TREES = [each for each in DISTRIBUTIONS if each.tree]
SOURCES = [each for each in DISTRIBUTIONS if (each.lock / "main.go").exists()]
TOOLS = [each for each in DISTRIBUTIONS if each.module and each not in (*TREES, *SOURCES)]
BUILT = [*TREES, *SOURCES, *TOOLS]


def test_the_index_knows_programs_in_the_order_in_which_they_are_built_and_six_of_them_are_usual() -> None:
    usual = ["prometheus", "promtool", "alertmanager", "amtool", "toxiproxy-server", "node_exporter"]

    named = ["blackbox_exporter", "nginx-prometheus-exporter", "grafana", "loki", "jaeger", "tempo", "collector", "filebeat"]
    assert index_names() == [*usual, *named]
    assert the_index().usual() == usual


def test_an_unknown_program_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(ProgramMissing) as raised:
        the_index().of("promtol")

    assert str(raised.value) == "no program called 'promtol'; did you mean 'promtool'?"


def test_every_unknown_program_is_named_at_once() -> None:
    with pytest.raises(ProgramMissing) as raised:
        the_index().check(["promtol", "prometheus", "amtol"])

    assert str(raised.value) == (
        "no program called 'promtol'; did you mean 'promtool'?\nno program called 'amtol'; did you mean 'amtool'?"
    )


@pytest.mark.parametrize("distribution", BUILT, ids=lambda each: each.lock.name)
def test_every_distribution_that_can_be_built_is_locked_at_the_module_that_the_index_names(distribution: Distribution) -> None:
    locked = (distribution.lock / "go.mod").read_text()
    required = f"require {distribution.module}" if distribution in TREES else f"\t{distribution.module}"

    assert f"{required}{' // indirect' if distribution in TOOLS else ''}\n" in locked
    assert f"{distribution.module} h1:" in (distribution.lock / "go.sum").read_text()


@pytest.mark.parametrize("distribution", SOURCES, ids=lambda each: each.lock.name)
def test_a_program_whose_sources_are_in_its_lock_has_every_module_of_its_manifest(distribution: Distribution) -> None:
    manifest = yaml.safe_load((distribution.lock / "manifest.yaml").read_text())
    wanted = [each["gomod"] for name, part in manifest.items() if name != "dist" for each in part]
    sources = (distribution.lock / "main.go").read_text() + (distribution.lock / "components.go").read_text()

    assert manifest["dist"]["version"] == distribution.version
    assert [each.package for each in distribution.programs] == ["."]
    assert [each for each in wanted if f"\t{each}\n" not in (distribution.lock / "go.mod").read_text()] == []
    assert [each for each in wanted if f'"{each}",\n' not in sources] == []


@pytest.mark.parametrize("distribution", TREES, ids=lambda each: each.lock.name)
def test_a_program_that_is_built_in_its_own_tree_is_locked_by_the_checksum_of_the_tree(distribution: Distribution) -> None:
    module = distribution.module.split()[0]

    summed = [line.split()[0] for line in (distribution.lock / "go.sum").read_text().splitlines()]

    assert summed == [module, module]
    assert [entry.name for entry in distribution.programs if not entry.package.startswith(f"{module}/")] == []


@pytest.mark.parametrize("distribution", TOOLS, ids=lambda each: each.lock.name)
def test_every_program_is_a_tool_of_its_lock(distribution: Distribution) -> None:
    locked = (distribution.lock / "go.mod").read_text()

    tools = [entry.package for entry in distribution.programs]

    assert sorted(re.findall(r"^(?:tool |\t)(\w\S*)$", locked, re.MULTILINE)) == sorted(tools)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda each: each.lock.name)
def test_what_is_installed_is_recent_enough_and_has_a_checksum(distribution: Distribution) -> None:
    assert distribution.tree or not distribution.absent
    assert numbers(distribution.version) >= numbers(distribution.minimum)
    assert distribution.checksums or distribution.sha256 or not distribution.archive
    assert re.search(distribution.says, f"version {distribution.version} (branch: )")[1] == distribution.version


@pytest.mark.parametrize(
    ("asked", "called"),
    [
        ("prometheus@2.53", "prometheus@2.53"),
        ("promtool@v2.53.1", "promtool@2.53"),
        ("prometheus@3.5.0", "prometheus@3.5"),
        ("prometheus@3.14", "prometheus"),
        ("prometheus", "prometheus"),
        ("amtool@0.34", "amtool@0.34"),
    ],
)
def test_a_version_is_of_the_line_with_which_it_shares_two_numbers(asked: str, called: str) -> None:
    assert the_index().exact(asked) == called


def test_containers_have_the_image_of_the_version_that_is_asked_for() -> None:
    names = ("prometheus", "prometheus@2.53", "prometheus@2.51", "alertmanager@v0.34.0")
    images = [image.name for name in names if (image := image_of(name))]

    usual = "prom/prometheus:v3.14.0"
    assert images == [usual, "prom/prometheus:v2.53.3", usual, "prom/alertmanager:v0.34.2"]


def test_a_line_that_is_not_in_the_index_is_answered_with_those_that_are() -> None:
    with pytest.raises(ProgramMissing) as raised:
        the_index().exact("prometheus@2.51")

    assert str(raised.value) == "no prometheus 2.51 is in the index; known are: 3.14.0, 3.5.1, 2.53.3"


def test_an_archive_is_named_after_version_and_platform() -> None:
    prometheus, promtool = the_index().of("promtool")

    url = prometheus.fill(prometheus.archive, Platform("darwin", "arm64"))

    assert url.endswith("/prometheus/releases/download/v3.14.0/prometheus-3.14.0.darwin-arm64.tar.gz")
    assert prometheus.fill(promtool.member, Platform("linux", "amd64")) == "prometheus-3.14.0.linux-amd64/promtool"
