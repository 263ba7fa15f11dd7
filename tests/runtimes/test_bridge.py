"""Containers of a real daemon in a network of their run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.errors import StackError
from pytest_obscheck.protocols import Launch
from pytest_obscheck.runtimes.bridge import BridgeRuntime
from pytest_obscheck.runtimes.container import ContainerRuntime

pytestmark = [pytest.mark.integration, pytest.mark.container]
CLOCK = SystemClock()
SERVES = ("python3", "-m", "http.server", "--bind")
ASKS = "import sys, urllib.request as web; web.urlopen(sys.argv[1], timeout=1).close()"

HARNESS = """
import sys, time
from pathlib import Path
from pytest_obscheck.protocols import Launch
from pytest_obscheck.runtimes.bridge import BridgeRuntime

folder = Path(sys.argv[1])
runtime = BridgeRuntime(folder)
runtime.run("forks", Launch(("/bin/sh", "-c", "while :; do setsid sleep 600 & sleep 0.1; done"), folder / "forks"))
runtime.run("frozen", Launch(("sleep", "600"), folder / "frozen")).pause()
runtime.run("ended", Launch(("true",), folder / "ended"))
print("begun", flush=True)
time.sleep(600)
"""


@pytest.fixture
def runtime(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BridgeRuntime]:
    """Return the runtime; its containers and its network are gone afterwards."""
    request.getfixturevalue("daemon")
    made = BridgeRuntime(tmp_path)
    assert made.unable([]) == ""
    yield made
    made.close()
    assert networks(tmp_path) == []


def networks(folder: Path) -> list[str]:
    """Return the names of the networks of a run that the daemon has."""
    return labelled("networks", folder)


def containers(folder: Path) -> list[str]:
    """Return the names of the containers of a run that the daemon has; one may go while it is asked."""
    return labelled("containers", folder, all=True, ignore_removed=True)


def labelled(kind: str, folder: Path, **how: bool) -> list[str]:
    """Return the names of what a run has of one kind at the daemon."""
    import docker  # noqa: PLC0415 - not everybody has it

    client = docker.from_env()
    try:
        return [found.name for found in getattr(client, kind).list(filters={"label": f"obscheck.folder={folder}"}, **how)]
    finally:
        client.close()


def serving(runtime: BridgeRuntime, name: str) -> tuple[Any, str]:
    """Start a web server, and return it and its URL."""
    host, _, port = runtime.reserve(name, "http").partition(":")
    return runtime.run(name, Launch((*SERVES, host, port), runtime.folder / name)), f"http://{host}:{port}"


def test_a_member_off_its_network_runs_on_and_reaches_nobody_until_it_is_put_back(runtime: BridgeRuntime) -> None:
    (web, url), (other, _) = serving(runtime, "web"), serving(runtime, "other")

    def answered() -> bool:
        return bool(other._container.exec_run(["python3", "-c", ASKS, url]).exit_code == 0)

    assert until(CLOCK, answered, 10)
    web.disconnect()
    assert (web.connected(), web.alive(), answered()) == (False, True, False)
    web.connect()
    web.connect()
    assert (web.connected(), answered()) == (True, True)
    assert other.connected()


@pytest.mark.usefixtures("daemon")
def test_a_harness_that_is_killed_leaves_no_container_and_no_network(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HARNESS, tmp_path], stdout=subprocess.PIPE, text=True) as harness:
        assert harness.stdout
        assert harness.stdout.readline() == "begun\n"
        before = sorted(containers(tmp_path)), networks(tmp_path)
        harness.kill()

    assert before == ([f"{tmp_path.name}-{name}" for name in ("ended", "forks", "frozen")], [tmp_path.name])
    assert until(CLOCK, lambda: not containers(tmp_path) + networks(tmp_path), 10)


@pytest.mark.usefixtures("daemon")
def test_the_network_of_a_killed_run_is_removed_by_the_next(tmp_path: Path) -> None:
    dead, following = BridgeRuntime(tmp_path / "dead"), ContainerRuntime(tmp_path / "next")
    dead.folder.mkdir()
    dead.unable([])
    assert networks(dead.folder) == ["dead"]
    shutil.rmtree(dead.folder)

    following.unable([])

    assert networks(dead.folder) == []
    following.close()
    dead.close()


@pytest.mark.usefixtures("daemon")
def test_in_the_network_of_the_machine_nobody_is_taken_off(tmp_path: Path) -> None:
    runtime = ContainerRuntime(tmp_path)
    member = runtime.run("api", Launch(("sleep", "60"), tmp_path / "api"))

    with pytest.raises(StackError) as caught:
        member.disconnect()

    runtime.close()
    assert str(caught.value) == "api: it is in this machine's own network, which it cannot be taken off; run it with bridge"
