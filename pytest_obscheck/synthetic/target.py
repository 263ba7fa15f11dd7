"""Answers scrapes with what the story's moment has, and the harness that says when the story begins."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.inbox.wire import Request, Response, said
from pytest_obscheck.synthetic.scripts import Scripts


@dataclass(frozen=True)
class StoryClock:
    """Seconds of the series' own time; it stands at 0 until the story begins.

    ``file`` keeps the beginning, so that a target which is killed and started again goes on where its time is by then.
    """

    now: Callable[[], float]
    speed: float
    file: Path

    def begin(self, zero: float, speed: float) -> None:
        """Let time begin at a Unix second, and pass at a speed of the story."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps({"zero": zero, "speed": speed}), encoding="utf-8")
        fresh.replace(self.file)

    def begun(self) -> dict[str, Any] | None:
        """Return ``zero`` (a Unix second) and ``speed``, ``None`` before the story."""
        try:
            told: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return told

    def time(self) -> float:
        """Return the seconds that have passed, never less than 0."""
        told = self.begun()
        return max(0.0, (self.now() - told["zero"]) * told["speed"] * self.speed) if told else 0.0


@dataclass(frozen=True)
class Target:
    """A scrape target: every path is its metrics path, as production may have configured any."""

    scripts: Scripts
    clock: StoryClock

    async def answer(self, request: Request) -> Response:
        """Answer a scrape."""
        if request.method not in ("GET", "HEAD"):
            return said(405, f"{request.method} is not what a target is asked; write GET")
        page = self.scripts.shown(self.clock.time())
        return Response(200, page, ((b"content-type", self.scripts.page.content_type),))


@dataclass(frozen=True)
class Control:
    """What the harness asks: GET /ready, GET /story, PUT /story with ``{"zero": Unix second, "speed": 1}``.

    A script is played with PUT /scripts/KEY, asked for with GET, and ended with DELETE.
    """

    scripts: Scripts
    clock: StoryClock

    async def answer(self, request: Request) -> Response:
        """Answer one request; 404 for what is not there, 400 with the reason for what cannot be read."""
        path = urlsplit(request.target).path
        if path.startswith("/scripts/"):
            return self._script(request, path.removeprefix("/scripts/"))
        match request.method, path:
            case "GET", "/ready":
                return said(200, "ready")
            case "GET", "/story":
                return _json({"begun": self.clock.begun(), "time": self.clock.time()})
            case "PUT", "/story":
                return self._begin(request.body)
            case method, path:
                return said(404, f"nothing answers {method} {path} here; there are GET /ready, GET /story and PUT /story")

    def _script(self, request: Request, key: str) -> Response:
        time = self.clock.time()
        if request.method == "PUT":
            return self._play(key, request.body, time)
        if request.method == "DELETE":
            self.scripts.stop(key, time)
            return Response(204)
        found = self.scripts.values(key, time)
        return _json(found) if found is not None else said(404, f"no script {key!r} is played")

    def _play(self, key: str, body: bytes, time: float) -> Response:
        try:
            self.scripts.play(key, json.loads(body), time)
        except (ValueError, ConfigError) as error:
            return said(400, str(error))
        return Response(204)

    def _begin(self, body: bytes) -> Response:
        try:
            told = json.loads(body)
            zero, speed = float(told["zero"]), float(told["speed"])
        except (ValueError, LookupError, TypeError) as error:
            return said(400, f'{body!r} is no beginning ({error}); write it like {{"zero": 1700000000.0, "speed": 1}}')
        if not (math.isfinite(zero) and math.isfinite(speed) and speed > 0):
            return said(400, f"a story cannot begin at {zero} with speed {speed}; both are numbers, and speed is above 0")
        self.scripts.clear()
        self.clock.begin(zero, speed)
        return Response(204)


def _json(value: Any) -> Response:
    return Response(200, json.dumps(value).encode(), ((b"content-type", b"application/json"),))
