"""The real PostgreSQL and the real Redis (or Valkey): started anew, ready when they say so, gone when told."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.components.postgresql import Postgresql
from pytest_obscheck.components.redis import Redis
from pytest_obscheck.derive import Document
from pytest_obscheck.protocols import Launch, Network, Place
from pytest_obscheck.runtimes.process import ProcessRuntime

pytestmark = pytest.mark.integration


def _started(component: Any, runtime: ProcessRuntime, folder: Path) -> tuple[Any, Any]:
    name = type(component).__name__.lower()
    addresses = {port: runtime.reserve(name, port) for port in component.ports}
    place = Place(name, folder / name, folder, addresses, Network(), lambda text: text, Document.open)
    return runtime.run(name, _launch(component, place)), component.connect(place)


def _launch(component: Any, place: Place) -> Launch:
    launch = component.launch(place)
    from pytest_obscheck.stack.programs import program  # noqa: PLC0415

    return Launch((program(launch.argv[0]), *launch.argv[1:]), launch.folder, launch.cwd, launch.environment, launch.files)


@pytest.fixture
def runtime(tmp_path: Path) -> Any:
    """Return a runtime that ends everything it has started."""
    made = ProcessRuntime(tmp_path / "run")
    (tmp_path / "run").mkdir()
    yield made
    made.close()


@pytest.mark.parametrize("component", [Redis(), Postgresql("shop")])
def test_it_becomes_ready_dies_and_comes_back(component: Any, runtime: ProcessRuntime, tmp_path: Path) -> None:
    running, client = _started(component, runtime, tmp_path)
    clock = SystemClock()

    assert until(clock, client.ready, timeout=30), running.logs()
    running.kill()
    assert not client.ready()
    running.start()
    assert until(clock, client.ready, timeout=30), running.logs()
    running.stop()
    assert not running.alive()


def test_nothing_but_loopback_is_listened_on(runtime: ProcessRuntime, tmp_path: Path) -> None:
    running, client = _started(Redis(), runtime, tmp_path)
    assert until(SystemClock(), client.ready, timeout=30), running.logs()
    port = int(client.address.rsplit(":", 1)[1])

    with socket.socket() as other:
        assert other.connect_ex(("127.0.0.2", port)) != 0
