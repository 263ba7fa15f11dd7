"""A real inbox in a process of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.components._http import plain
from pytest_obscheck.components.inbox import InboxClient
from pytest_obscheck.plan import Route


@dataclass(frozen=True)
class Started:
    """An inbox that is ready."""

    listen: Mapping[str, str]
    ca_file: Path
    process: subprocess.Popen[str]
    client: InboxClient


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
def alertmanager(
    tmp_path: Path, beginner: Any, obs_program: Callable[[str], Path]
) -> Iterator[Callable[[str], StartedAlertmanager]]:
    """Start Alertmanager with a configuration, and wait until it is ready."""
    program = str(obs_program("alertmanager"))
    processes: list[subprocess.Popen[bytes]] = []

    def start(text: str) -> StartedAlertmanager:
        started = StartedAlertmanager(*beginner.free(1), tmp_path / "alertmanager.log")
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
def inbox(beginner: Any, tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Start an inbox that knows these hosts and routes, and wait until it is ready."""
    with ExitStack() as opened:

        def start(hosts: Mapping[str, str] | None = None, routes: Sequence[Route] = ()) -> Started:
            listen = dict(zip(("proxy", "smtp", "control"), beginner.free(3), strict=True))
            ways = [asdict(route) for route in routes]
            process = beginner.begin("inbox", {"listen": listen, "hosts": hosts or {}, "routes": ways, "folder": str(tmp_path)})
            http = opened.enter_context(plain(base_url=f"http://{listen['control']}"))
            return Started(listen, tmp_path / "ca.pem", process, InboxClient(http))

        yield start
