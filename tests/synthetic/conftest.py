"""A real synthetic target in a process of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.components._http import plain


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


@pytest.fixture
def target(beginner: Any, tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Start a target that exposes these series, and wait until it is ready."""
    with ExitStack() as opened:

        def start(*series: dict[str, str], interval: float = 60.0, speed: float = 1.0) -> Started:
            http, control = beginner.free(2)
            config = {
                "listen": {"http": http, "control": control},
                "interval": interval,
                "speed": speed,
                "story": str(tmp_path / "data" / "story.json"),
                "series": list(series),
            }
            run = partial(beginner.begin, "synthetic", config)
            clients = [opened.enter_context(plain(base_url=f"http://{each}")) for each in (http, control)]
            return Started(clients[0], clients[1], run(), run)

        yield start
