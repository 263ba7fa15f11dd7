"""Production's version, as stack.yaml names it, against the programs at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck import toolchain
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.session import Session
from pytest_obscheck.stack import read
from pytest_obscheck.stack.choosing import programs_of
from pytest_obscheck.stack.filling import Filling
from pytest_obscheck.stack.planning import plan

STACK = "components:\n  prometheus: {config: p.yml, version: VERSION}\n  newer: {type: prometheus, config: p.yml}\n"
UNKNOWN_FIELD = (
    "echo 'FAILED: parsing YAML file x: yaml: unmarshal errors:'; echo '  line 2: field later not found in type a.b'; exit 1"
)
LATER = "it is misspelt, or newer than promtool 2.53.3: write what production runs as `version:` into stack.yaml"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a configuration; on PATH are a Prometheus and a promtool of 3.14.0, in the cache is nothing."""
    monkeypatch.setenv("OBSCHECK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    for name in ("prometheus", "promtool"):
        program(tmp_path / "path" / name, "3.14.0")
    (tmp_path / "p.yml").write_text("global: {}\nlater: {}\n")
    return tmp_path


def program(path: Path, version: str, otherwise: str = "exit 0") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo "version {version}"; exit 0; fi\n{otherwise}\n')
    path.chmod(0o755)


def stack(home: Path, version: str) -> Path:
    (home / "stack.yaml").write_text(STACK.replace("VERSION", version))
    return home / "stack.yaml"


def test_a_program_of_another_version_than_productions_is_said_once_and_in_every_report(home: Path) -> None:
    said: list[str] = []
    session = Session(read(stack(home, "2.53"), home), "process", announce=said.append)

    words = "production runs prometheus 2.53, and here is 3.14.0, a newer major version; run: obscheck install prometheus@2.53"
    assert [str(each) for each in session.plan.unlike] == [f"stack.yaml:2: prometheus: {words}"]
    assert said == [f"stack.yaml:2: prometheus: {words}"]


def test_production_runs_what_is_here(home: Path) -> None:
    assert plan(read(stack(home, "3.14.2"), home)).unlike == ()


def test_a_version_that_is_none_is_told_with_its_line(home: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        plan(read(stack(home, "latest"), home))

    wrong = "prometheus: version 'latest' is not a version"
    assert str(caught.value) == f"stack.yaml:2: {wrong}; write the numbers that production runs, like '3.5' or '3.5.1'"


def test_each_member_is_of_its_own_version(home: Path) -> None:
    program(home / "cache/bin/prometheus-2.53.3/prometheus", "2.53.3")
    file = read(stack(home, "2.53"), home)

    assert programs_of(file) == ["prometheus@2.53", "prometheus", "promtool@2.53", "promtool"]
    assert toolchain.find("prometheus@2.53").version == "2.53.3"
    assert [Filling(file, name).text("${prometheus.version}") for name in ("prometheus", "newer")] == ["2.53.3", "3.14.0"]
    assert Filling(file, "inbox").text("${prometheus.version} ${newer.version}") == "2.53.3 3.14.0"


def test_a_stack_is_launched_with_productions_version(home: Path) -> None:
    program(home / "cache/bin/prometheus-2.53.3/prometheus", "2.53.3")
    session = Session(read(stack(home, "2.53"), home), "process")
    try:
        laid_out = session.laid_out()

        assert [laid_out.seats[name].launch.argv[0] for name in ("prometheus", "newer")] == ["prometheus@2.53", "prometheus"]
        assert "--scrape.discovery-reload-interval=100ms" not in laid_out.seats["prometheus"].launch.argv
        assert "--scrape.discovery-reload-interval=100ms" in laid_out.seats["newer"].launch.argv
    finally:
        session.close()


def test_a_field_that_only_productions_version_may_know_is_said_with_what_brings_that(home: Path) -> None:
    program(home / "path/promtool", "3.14.0", UNKNOWN_FIELD)

    with pytest.raises(ConfigError) as caught:
        plan(read(stack(home, "2.53"), home))

    wrong = "p.yml:2: field later not found in type a.b; "
    here = "production runs promtool 2.53, and here is 3.14.0, a newer major version; run: obscheck install promtool@2.53"
    assert str(caught.value) == f"{wrong}{here}\n{wrong}{LATER.replace('2.53.3', '3.14.0')}"


def test_a_field_that_productions_version_does_not_know_is_said_with_that_version(home: Path) -> None:
    program(home / "cache/bin/promtool-2.53.3/promtool", "2.53.3", UNKNOWN_FIELD)

    with pytest.raises(ConfigError) as caught:
        plan(read(stack(home, "2.53"), home))

    assert str(caught.value) == f"p.yml:2: field later not found in type a.b; {LATER}"
