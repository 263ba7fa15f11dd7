"""Containers of a real daemon; and what is said where there is none, or one that is of no use."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.capabilities import StandsInLine
from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.errors import StackError
from pytest_obscheck.protocols import Image, Launch
from pytest_obscheck.runtimes._daemon import of_no_use, why
from pytest_obscheck.runtimes._mounts import mounts
from pytest_obscheck.runtimes._ports import Ports
from pytest_obscheck.runtimes.container import ContainerRuntime

CLOCK = SystemClock()
SLEEPS = ("/bin/sh", "-c", "echo $GREETING; exec sleep 600")


@pytest.fixture
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Return what runs a launch in a container; all of them are gone afterwards."""
    request.getfixturevalue("daemon")
    runtime = ContainerRuntime(tmp_path)

    def started(name: str, *argv: str, **more: Any) -> Any:
        return runtime.run(name, Launch(argv, tmp_path / name, **more))

    yield started
    runtime.close()
    assert containers(tmp_path) == []


def containers(folder: Path) -> list[str]:
    """Return the names of the containers of a run that the daemon has."""
    import docker  # noqa: PLC0415 - not everybody has it

    client = docker.from_env()
    try:
        return [found.name for found in client.containers.list(all=True, filters={"label": f"obscheck.folder={folder}"})]
    finally:
        client.close()


@pytest.mark.integration
@pytest.mark.container
def test_a_container_is_paused_killed_stopped_and_started_again_and_its_log_is_kept(run: Callable[..., Any]) -> None:
    member = run("api", *SLEEPS, environment={"GREETING": "hello"})
    assert until(CLOCK, lambda: member.logs() == ["hello"], 5)

    member.pause()
    assert (member.paused(), member.alive()) == (True, True)
    member.resume()
    assert not member.paused()
    member.pause()
    member.kill()
    assert (member.alive(), member.exit_code()) == (False, -9)
    member.start()
    assert until(CLOCK, lambda: member.logs() == ["hello", "hello"], 5)
    member.stop()
    assert (member.alive(), member.exit_code()) == (False, -15)


@pytest.mark.integration
@pytest.mark.container
def test_a_container_sees_the_files_of_this_machine_and_writes_only_into_its_own_folder(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    script = f"cat {__file__} | head -c 3; touch mine; touch {tmp_path}/others"
    member = run("api", "/bin/sh", "-c", script)
    assert until(CLOCK, lambda: not member.alive(), 5)

    assert member.exit_code() == 1
    assert member.logs() == [f'"""touch: cannot touch \'{tmp_path}/others\': Read-only file system']
    assert (tmp_path / "api/mine").exists()


@pytest.mark.integration
@pytest.mark.container
def test_an_image_without_its_program_ends_at_once_and_says_so(run: Callable[..., Any]) -> None:
    member = run("api", "prometheus", image=Image("obscheck/machine:1", "/bin/nothing"))
    assert until(CLOCK, lambda: not member.alive(), 5)

    said = [re.sub(r"\(\d+\)", "(its id)", line) for line in member.logs()]
    assert (member.exit_code(), said) == (127, ["[FATAL tini (its id)] exec /bin/nothing failed: No such file or directory"])


@pytest.mark.integration
@pytest.mark.container
def test_an_image_that_is_not_there_is_one_sentence(run: Callable[..., Any]) -> None:
    with pytest.raises(StackError) as caught:
        run("api", "prometheus", image=Image("shop/nothing:1", "/bin/nothing"))

    assert str(caught.value) == "api: the Docker daemon refuses: No such image: shop/nothing:1"


@pytest.mark.integration
@pytest.mark.container
def test_images_that_the_daemon_lacks_are_named_in_one_line(daemon: str, tmp_path: Path) -> None:
    runtime = ContainerRuntime(tmp_path)
    said = runtime.unable(["shop/a:1", "obscheck/machine:1", "shop/b:2", "shop/a:1"])
    runtime.close()

    rest = "pull them, or make them of installed programs: obscheck images"
    assert said == f"containers: the daemon at {daemon} has no image shop/a:1, shop/b:2; {rest}"


@pytest.mark.integration
@pytest.mark.container
@pytest.mark.usefixtures("daemon")
def test_what_a_killed_run_left_is_removed_by_the_next_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    dead, living = ContainerRuntime(tmp_path / "dead"), ContainerRuntime(tmp_path / "living")
    for runtime in (dead, living):
        runtime.run("api", Launch(SLEEPS, runtime.folder / "api"))
    shutil.rmtree(dead.folder)

    following = ContainerRuntime(tmp_path / "next")
    following.unable([])

    assert (containers(dead.folder), containers(living.folder)) == ([], ["living-api"])
    for runtime in (dead, living, following):
        runtime.close()
    assert containers(living.folder) == []


@pytest.mark.integration
@pytest.mark.container
def test_faults_on_machines_find_the_processes_of_a_container_and_nobody_elses(run: Callable[..., Any]) -> None:
    member, other = run("api", *SLEEPS), run("other", *SLEEPS)
    assert until(CLOCK, lambda: len(member.pids()) == 2, 5)

    programs = sorted(Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[-3:-1] for pid in member.pids())
    assert programs == [[b"-c", b"echo $GREETING; exec sleep 600"], [b"sleep", b"600"]]
    assert set(member.pids()).isdisjoint(other.pids())
    member.kill()
    assert member.pids() == ()


@pytest.mark.integration
@pytest.mark.container
def test_how_long_a_container_stood_in_line_is_counted_also_when_it_was_started_again(run: Callable[..., Any]) -> None:
    # More loops than processors: somebody must wait.
    loops = "for i in $(seq $(($(nproc) + 2))); do while :; do :; done & done; wait"
    member = run("api", "/bin/sh", "-c", loops)

    assert until(CLOCK, lambda: max(member.waited().values(), default=0) > 0.1, 10)
    member.kill()
    assert member.waited() == {}
    member.start()
    assert until(CLOCK, lambda: max(member.waited().values(), default=0) > 0.1, 10)
    member.kill()


@pytest.mark.integration
@pytest.mark.container
def test_processes_that_this_machine_does_not_see_are_not_counted(
    run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    member = run("api", *SLEEPS)
    state = member._state()
    monkeypatch.setattr(member, "_state", lambda: {**state, "Pid": os.getpid()})

    assert (isinstance(member, StandsInLine), member.waited()) == (True, {})


AS_NOBODY = """
import os, sys
import docker, requests
from pathlib import Path
from pytest_obscheck.runtimes.container import ContainerRuntime
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
print(ContainerRuntime(Path(sys.argv[1])).unable([]))
"""


@pytest.mark.integration
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not ask the daemon")
def test_without_permission_the_group_is_named(tmp_path: Path) -> None:
    at = f"unix://{tmp_path}/docker.sock"
    environment = {**os.environ, "DOCKER_HOST": at}
    with socket.socket(socket.AF_UNIX) as daemon:
        daemon.bind(f"{tmp_path}/docker.sock")
        command = [sys.executable, "-c", AS_NOBODY, tmp_path]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)

    rest = "add your user to its group (docker), and log in again"
    assert done.stdout == f"containers: no permission for the Docker daemon at {at}; {rest}\n"


@dataclass(frozen=True)
class Told:
    """A daemon that tells its version, and how it is secured."""

    api_version: str = "1.41"
    security: tuple[str, ...] = ()

    @property
    def api(self) -> Told:
        """Return what knows the version of its API."""
        return self

    def version(self) -> dict[str, str]:
        """Return its own version."""
        return {"Version": "19.03.8"}

    def info(self) -> dict[str, Any]:
        """Return what concerns its security."""
        return {"SecurityOptions": list(self.security)}


BESIDE_IT = (
    "run it beside the daemon, `nsenter -U --preserve-credentials -n -t PID pytest ...` with dockerd's PID, or as processes"
)


@pytest.mark.parametrize(
    ("daemon_says", "wanted"),
    [
        (Told("1.40"), "is Docker 19.03.8, too old; at least 20.10 is needed"),
        (
            Told(security=("name=rootless",)),
            f"is rootless, so that its 127.0.0.1 is not ours; {BESIDE_IT}",
        ),
    ],
)
def test_a_daemon_that_is_of_no_use_is_told_why(daemon_says: Told, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    assert of_no_use(daemon_says) == f"containers: the daemon at tcp://127.0.0.1:1 {wanted}"  # type: ignore[arg-type]
    assert of_no_use(Told()) == ""  # type: ignore[arg-type]


def test_a_rootless_daemon_is_of_use_to_whoever_shares_its_namespaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", "unix://docker.sock")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("docker.sock")
        listening.listen()

        assert of_no_use(Told(security=("name=rootless",))) == ""  # type: ignore[arg-type]


def test_without_a_daemon_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = f"unix://{tmp_path}/docker.sock"
    monkeypatch.setenv("DOCKER_HOST", at)

    said = ContainerRuntime(tmp_path).unable([])

    assert said == f"containers: no Docker daemon answers at {at}; start it, or set DOCKER_HOST"


def test_a_daemon_that_refuses_connections_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = Ports()
    at = f"tcp://{ports.reserve('docker', 'http')}"
    monkeypatch.setenv("DOCKER_HOST", at)

    said = ContainerRuntime(tmp_path).unable([])

    ports.release()
    assert said == f"containers: no Docker daemon answers at {at}; start it, or set DOCKER_HOST"


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (
            "Error while fetching server API version: ('Connection aborted.', PermissionError(13, 'Permission denied'))",
            "no permission for the Docker daemon at unix:///x; add your user to its group (docker), and log in again",
        ),
        (
            "client version 1.43 is too new. Maximum supported API version is 1.30",
            "the daemon at unix:///x is too old; at least Docker 20.10 is needed",
        ),
        (
            "mkdir /var/lib/docker/overlay2/x: no space left on device",
            "the disk of the Docker daemon at unix:///x is full; run: docker system prune",
        ),
        (
            'invalid mount config for type "bind": bind source path does not exist: /tmp/obscheck-run-x',
            "the Docker daemon at unix:///x does not see the files of this machine; it must run here",
        ),
        (
            "Invalid bind address format: port is required: foo",
            "unix:///x is no address of a Docker daemon; write DOCKER_HOST like unix:///run/docker.sock",
        ),
        ("something\n  new", "the Docker daemon refuses: something new"),
    ],
)
def test_what_a_daemon_refuses_is_one_sentence(said: str, wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///x")

    assert why(RuntimeError(said)) == wanted


def test_an_image_keeps_its_own_programs_and_an_empty_one_sees_those_of_the_machine(tmp_path: Path) -> None:
    for name in ("usr", "home", "proc", "sbin"):
        (tmp_path / name).mkdir()

    def targets(*, programs: bool) -> list[tuple[str, bool]]:
        found = mounts(tmp_path / "home/run", programs=programs, root=tmp_path)
        return [(Path(mount["Target"]).name, mount["ReadOnly"]) for mount in found]

    assert targets(programs=True) == [("home", True), ("usr", True), ("run", False)]
    assert targets(programs=False) == [("home", True), ("run", False)]
