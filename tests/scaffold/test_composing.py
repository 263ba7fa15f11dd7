from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.scaffold.composing import Project, flags, project, together


def read(folder: Path, **files: str) -> Project:
    """Return what Compose makes of texts by their names without `.yml`, in this order."""
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    return project([folder / f"{name}.yml" for name in files], folder)


def test_what_comes_later_counts_and_what_files_say_counts_less(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TAG=1.2\n")
    (tmp_path / "web.env").write_text("A=file\nFILE=${TAG}x\n")
    first = (
        "services: {web: {image: 'web:${TAG}', command: [a, b], environment: [A=1, TAG], ports: ['1:80'], depends_on: [db]}}"
    )
    second = "services: {web: {command: [c], env_file: web.env, environment: {B: 17:00}, ports: ['2:90'], depends_on: {q: {}}}}"

    web = read(tmp_path, a=first, b=second).services["web"]

    assert (web["image"], web["command"], web["ports"]) == ("web:1.2", ["c"], ["1:80", "2:90"])
    assert list(web["depends_on"]) == ["db", "q"]
    assert web["environment"] == {"A": "1", "FILE": "1.2x", "TAG": "1.2", "B": "17:00"}


def test_what_is_reset_or_overridden_is_gone(tmp_path: Path) -> None:
    web = "web: {ports: ['1:80'], entrypoint: e, environment: [A=1, B=2]}"
    first = f"services: {{{web}, old: {{image: o}}, two: {{image: t, init: true}}}}"
    second = """\
services:
  web: {ports: !override ['2:90'], entrypoint: !reset null, environment: {A: !reset null}}
  old: !reset null
  two: !override {image: deux}
"""

    found = read(tmp_path, a=first, b=second).services

    assert found == {
        "web": {"ports": ["2:90"], "environment": {"B": "2"}},
        "two": {"image": "deux", "environment": {}},
    }


def test_a_service_is_laid_over_the_one_that_it_extends_whose_paths_begin_at_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/base.env").write_text("A=base\n")
    (tmp_path / "lib/common.yml").write_text(
        "services: {base: {extends: root, env_file: base.env, volumes: ['./c:/c:ro']}, root: {command: r, environment: [R=1]}}"
    )
    extends, bound = "{file: lib/common.yml, service: base}", "{type: bind, source: d, target: /d}"
    text = f"services: {{web: {{extends: {extends}, volumes: [{bound}, v:/v]}}}}"

    found = read(tmp_path, a=text).services["web"]

    assert (found["command"], found["environment"]) == ("r", {"A": "base", "R": "1"})
    assert found["volumes"] == {"/c": str(tmp_path / "lib/c"), "/d": str(tmp_path / "d"), "/v": "v"}
    assert "extends" not in found


def test_what_is_included_has_a_folder_and_variables_of_its_own_and_can_be_overridden(tmp_path: Path) -> None:
    (tmp_path / "infra/deep").mkdir(parents=True)
    (tmp_path / ".env").write_text("TAG=ours\n")
    (tmp_path / "infra/.env").write_text("TAG=theirs\nVER=15\n")
    (tmp_path / "infra/deep/db.yml").write_text("services: {db: {image: 'pg:${VER}-${TAG}', volumes: ['./init:/init']}}")
    (tmp_path / "infra/deep/more.yml").write_text("services: {db: {expose: ['5432']}}")
    text = "include: [{path: [infra/deep/db.yml, infra/deep/more.yml], project_directory: infra}]"

    found = read(tmp_path, a=text, b="services: {db: {hostname: h}}")

    assert found.services["db"] == {
        "image": "pg:15-ours",
        "volumes": {"/init": str(tmp_path / "infra/init")},
        "expose": ["5432"],
        "hostname": "h",
        "environment": {},
    }
    assert found.files == [tmp_path / name for name in ("a.yml", "infra/deep/db.yml", "infra/deep/more.yml", "b.yml")]


def test_profiles_keep_services_out_and_an_env_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COMPOSE_PROFILES=dev, ci\n")
    text = "services: {a: {profiles: [ci]}, b: {profiles: [tools]}, c: {env_file: [no.env, {path: x.env, required: false}]}}"

    found = read(tmp_path, a=text)

    assert list(found.services) == ["a", "c"]
    assert found.notes == [
        "service 'b' of Compose: passed over, for it has a profile; COMPOSE_PROFILES=tools in .env starts it",
        "service 'c' of Compose: its env_file no.env is not there",
    ]


@pytest.mark.parametrize(
    ("there", "files"),
    [
        (("docker-compose.yaml", "docker-compose.yml"), ["docker-compose.yml"]),
        (("compose.yml", "docker-compose.override.yml", "compose.override.yaml"), ["compose.yml", "compose.override.yaml"]),
        (("compose.yml", ".env"), ["x.yml", "../y.yml"]),
    ],
)
def test_of_several_files_those_are_read_that_compose_reads(there: tuple[str, ...], files: list[str], tmp_path: Path) -> None:
    for name in there:
        (tmp_path / name).write_text("COMPOSE_FILE=x.yml:../y.yml\n")

    assert together(tmp_path / there[0]) == [tmp_path / name for name in files]


def test_a_file_of_another_name_stands_alone(tmp_path: Path) -> None:
    (tmp_path / "compose.override.yml").write_text("")

    assert together(tmp_path / "prod.yml") == [tmp_path / "prod.yml"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "include: [b.yml]",
            "b.yml:1: include: 'a.yml' leads back to itself; leave this line out",
        ),
        (
            "include: [no.yml]",
            "a.yml:1: include: there is no file 'no.yml'; it is looked for from '.' on",
        ),
        (
            "include: [c.yml]\nservices: {c: {image: mine}}",
            "a.yml:1: service 'c' is in what is included, and here; Compose wants the two in one `path:` list",
        ),
        (
            "services:\n  a: {extends: b}\n  b: {extends: b}",
            "a.yml:3: service 'b' extends itself, by way of 'b'; let one of them stand by itself",
        ),
        (
            "services: {a: {extends: {file: c.yml, service: cc}}}",
            "a.yml:1: c.yml has no service 'cc' to extend; did you mean 'c'?",
        ),
        (
            "services: {a: {extends: {file: no.yml, service: c}}}",
            "a.yml:1: extends: there is no file 'no.yml'; it is looked for from '.' on",
        ),
    ],
)
def test_what_compose_would_refuse_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text("include: [a.yml]")
    (tmp_path / "c.yml").write_text("services: {c: {image: c}}")

    with pytest.raises(ConfigError) as raised:
        read(tmp_path, a=text)

    assert str(raised.value).splitlines()[0] == said


def test_what_lies_elsewhere_is_not_fetched(tmp_path: Path) -> None:
    found = read(tmp_path, a="include: ['oci://shop/db']\nservices: {a: {}}")

    told = "a.yml:1: what is included from elsewhere is not fetched; `docker compose config` prints it"
    assert (list(found.services), found.notes) == (["a"], [told])


def test_flags_of_the_programs_that_the_harness_brings_are_production_s(tmp_path: Path) -> None:
    text = """\
services:
  metrics:
    image: prom/prometheus:v3.5.0@sha256:12
    command: [--config.file=/etc/prometheus/prometheus.yml, --web.enable-otlp-receiver]
  web: {image: web, command: "--flag"}
"""
    services = read(tmp_path, a=text).services

    assert flags(services, "prometheus") == ["--web.enable-otlp-receiver"]
    assert flags(services, "alertmanager") == []
