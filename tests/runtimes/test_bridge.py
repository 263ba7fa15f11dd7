"""Containers of a real daemon in a network of their run."""

from __future__ import annotations

import shutil
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
    import docker  # noqa: PLC0415 - not everybody has it

    client = docker.from_env()
    try:
        return [found.name for found in client.networks.list(filters={"label": f"obscheck.folder={folder}"})]
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
