"""A real inbox in a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.components.inbox import InboxClient
from pytest_obscheck.protocols import Route


@dataclass(frozen=True)
class Started:
    """An inbox that is ready."""

    listen: Mapping[str, str]
    ca_file: Path
    process: subprocess.Popen[str]
    client: InboxClient


def _free(count: int) -> list[str]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


@pytest.fixture
def free() -> Callable[[int], list[str]]:
    """Return that many addresses at which nobody listens."""
    return _free


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start an inbox with a configuration file; whatever still runs at the end is ended."""
    processes: list[subprocess.Popen[str]] = []

    def start(config: Any) -> subprocess.Popen[str]:
        path = tmp_path / "inbox.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        argv = [sys.executable, "-m", "pytest_obscheck.inbox", str(path)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def inbox(launch: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Start an inbox that knows these hosts and routes, and wait until it is ready."""
    with ExitStack() as opened:

        def start(hosts: Mapping[str, str] | None = None, routes: Sequence[Route] = ()) -> Started:
            listen = dict(zip(("proxy", "smtp", "control"), _free(3), strict=True))
            raw = {
                "listen": listen,
                "hosts": hosts or {},
                "routes": [asdict(route) for route in routes],
                "folder": str(tmp_path),
            }
            process = launch(raw)
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n", process.communicate()[1]
            http = opened.enter_context(httpx.Client(base_url=f"http://{listen['control']}", trust_env=False))
            return Started(listen, tmp_path / "ca.pem", process, InboxClient(http))

        yield start
