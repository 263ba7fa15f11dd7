"""Images made of installed programs: which, out of what, and what is said where a program is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pytest_obscheck import images, registry, toolchain
from pytest_obscheck.errors import StackError
from pytest_obscheck.images import images_command
from pytest_obscheck.toolchain import Missing, Program


@dataclass
class NoDocker:
    """A runtime that only remembers what it was to make."""

    why: str = ""
    made: dict[str, Mapping[str, str]] = field(default_factory=dict)
    closed: bool = False

    def unable(self, images: Sequence[str]) -> str:
        """Return what it was told."""
        return self.why

    def make(self, image: str, program: str, files: Mapping[str, str]) -> None:
        """Remember it."""
        assert any(program == path or program.startswith(f"{path}/") for path in files)
        self.made[image] = files

    def close(self) -> None:
        """Remember it."""
        self.closed = True


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[NoDocker]:
    """Return the runtime that the command finds, on a machine with two programs, one of them too old."""
    found = NoDocker()
    versions = {"alertmanager": "0.31.1", "node_exporter": "1.5.0"}
    monkeypatch.setattr(registry, "find", lambda *_: lambda _: found)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(images, "BESIDES", (str(tmp_path), "/no/such/folder"))
    monkeypatch.setattr(toolchain, "missing", lambda names: [Missing(n, "not here") for n in names if n not in versions])
    monkeypatch.setattr(toolchain, "find", lambda name: Program(name, Path("/opt") / name, versions[name], "PATH"))
    yield found
    assert found.closed


def test_an_image_holds_the_program_where_the_published_one_has_it_and_what_lies_beside_it(
    runtime: NoDocker, tmp_path: Path
) -> None:
    told: list[str] = []

    assert images_command(["alertmanager", "amtool"], told.append) == 0
    wanted = {"/bin/alertmanager": "/opt/alertmanager", str(tmp_path): str(tmp_path)}
    assert runtime.made == {"prom/alertmanager:v0.31.1": wanted}
    assert told == ["prom/alertmanager:v0.31.1: made of /opt/alertmanager\n"]


def test_an_image_of_a_program_that_needs_its_home_holds_all_of_that(
    runtime: NoDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Program("grafana", Path("/opt/grafana/bin/grafana"), "10.1.0", "PATH")
    monkeypatch.setattr(toolchain, "missing", lambda _: [])
    monkeypatch.setattr(toolchain, "find", lambda _: found)

    assert images_command(["grafana@10.1"], lambda _: None) == 0

    (held,) = runtime.made.values()
    assert (list(runtime.made), held["/usr/share/grafana"]) == (["grafana/grafana:10.1.0"], "/opt/grafana")


def test_an_image_holds_the_libraries_that_its_program_is_linked_to(runtime: NoDocker, tmp_path: Path) -> None:
    ldd = tmp_path / "bin/ldd"
    ldd.parent.mkdir()
    ldd.write_text(f"#!/bin/sh\necho '  x.so => {tmp_path}/x.so (0x00)  linux-vdso.so.1 (0x00)  {tmp_path}/ld.so.2 (0x00)'\n")
    ldd.chmod(0o755)
    (tmp_path / "x.so").symlink_to(tmp_path / "x-1.so")

    images_command(["alertmanager"], lambda _: None)

    (held,) = runtime.made.values()
    libraries = {name: held[f"{tmp_path}/{name}"] for name in ("x.so", "ld.so.2")}
    assert libraries == {"x.so": f"{tmp_path}/x-1.so", "ld.so.2": f"{tmp_path}/ld.so.2"}


def test_the_clients_of_health_checks_are_put_in_where_they_are_on_the_path(runtime: NoDocker, tmp_path: Path) -> None:
    client = tmp_path / "bin/toxiproxy-cli-2.12"
    client.parent.mkdir()
    client.touch(mode=0o755)
    (tmp_path / "bin/toxiproxy-cli").symlink_to(client)

    images_command(["alertmanager"], lambda _: None)

    (held,) = runtime.made.values()
    assert (held["/toxiproxy-cli"], "/bin/wget" in held) == (str(client), False)


def test_an_image_is_never_made_of_another_version_than_its_name_says(runtime: NoDocker) -> None:
    told: list[str] = []

    assert images_command(["node_exporter", "prometheus"], told.append) == 1
    assert runtime.made == {}
    assert told == [
        "prom/node-exporter:v1.12.1: not made: /opt/node_exporter is 1.5.0\n",
        "prom/prometheus:v3.14.0: not made: prometheus: not here; run: obscheck install prometheus\n",
    ]


def test_without_a_daemon_nothing_is_made_and_that_is_said(runtime: NoDocker) -> None:
    runtime.why = "containers: no Docker daemon answers at unix:///x; start it, or set DOCKER_HOST"

    with pytest.raises(StackError) as caught:
        images_command([], print)

    assert str(caught.value) == runtime.why
