"""A real synthetic target in a process of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest


@dataclass
class Started:
    """A target that is ready; ``again`` starts it anew after ``process`` was ended."""

    http: httpx.Client
    control: httpx.Client
    process: subprocess.Popen[str]
    again: Callable[[], subprocess.Popen[str]]

    def scrape(self) -> str:
        """Return what a scrape gets."""
        return self.http.get("/metrics").text


def _free(count: int) -> list[str]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a target with a configuration; whatever still runs at the end is ended."""
    processes: list[subprocess.Popen[str]] = []

    def start(config: Any) -> subprocess.Popen[str]:
        path = tmp_path / "synthetic.json"
        path.write_text(config if isinstance(config, str) else json.dumps(config), encoding="utf-8")
        argv = [sys.executable, "-m", "pytest_obscheck.synthetic", str(path)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def target(launch: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Start a target that exposes these series, and wait until it is ready."""
    with ExitStack() as opened:

        def start(*series: dict[str, str], interval: float = 60.0, speed: float = 1.0) -> Started:
            http, control = _free(2)
            config = {
                "listen": {"http": http, "control": control},
                "interval": interval,
                "speed": speed,
                "story": str(tmp_path / "data" / "story.json"),
                "series": list(series),
            }

            def run() -> subprocess.Popen[str]:
                process = launch(config)
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n", process.communicate()[1]
                return process

            clients = [
                opened.enter_context(httpx.Client(base_url=f"http://{each}", trust_env=False)) for each in (http, control)
            ]
            return Started(clients[0], clients[1], run(), run)

        yield start
