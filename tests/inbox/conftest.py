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

from pytest_obscheck.clock import SystemClock, until
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


@dataclass(frozen=True)
class StartedAlertmanager:
    """An Alertmanager that is ready, on port ``address``."""

    address: str
    logged: Path

    def send(self, labels: Mapping[str, str], **times: str) -> None:
        """Give it an alert with these labels; ``endsAt`` ends it."""
        alert = {"labels": labels, "annotations": {"summary": "two\nlines"}, **times}
        assert httpx.post(f"http://{self.address}/api/v2/alerts", json=[alert], trust_env=False).status_code == 200

    def ready(self) -> bool:
        """Whether it takes alerts now."""
        try:
            return httpx.get(f"http://{self.address}/-/ready", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def log(self) -> str:
        """Return all that it logged."""
        return self.logged.read_text(encoding="utf-8")


@pytest.fixture
def alertmanager(tmp_path: Path, obs_program: Callable[[str], Path]) -> Iterator[Callable[[str], StartedAlertmanager]]:
    """Start Alertmanager with a configuration, and wait until it is ready."""
    program = str(obs_program("alertmanager"))
    processes: list[subprocess.Popen[bytes]] = []

    def start(text: str) -> StartedAlertmanager:
        started = StartedAlertmanager(*_free(1), tmp_path / "alertmanager.log")
        config = tmp_path / "alertmanager.yml"
        config.write_text(text, encoding="utf-8")
        argv = [program, f"--config.file={config}", f"--storage.path={tmp_path / 'data'}", "--cluster.listen-address="]
        argv += [f"--web.listen-address={started.address}", "--web.external-url=https://alerts.prod.example"]
        with started.logged.open("wb") as log:
            processes.append(subprocess.Popen([*argv, "--web.route-prefix=/"], stderr=log, env={}))
        assert until(SystemClock(), started.ready, 10), started.log()
        return started

    yield start
    for process in processes:
        process.kill()
        process.wait()


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
