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
from pytest_obscheck.synthetic import families, openmetrics, protobuf
from pytest_obscheck.synthetic.details import Moment
from pytest_obscheck.synthetic.exposition import Page
from pytest_obscheck.synthetic.scripts import Scripts

PROTOBUF, OPENMETRICS, TEXT = "application/vnd.google.protobuf", "application/openmetrics-text", "text/plain"


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

    def time(self, at: float | None = None) -> float:
        """Return the seconds that have passed, now or at a Unix second, never less than 0."""
        told, at = self.begun(), self.now() if at is None else at
        return max(0.0, (at - told["zero"]) * told["speed"] * self.speed) if told else 0.0

    def unix(self, time: float) -> float | None:
        """Return the Unix second of a second of this time; ``None`` before the story."""
        told = self.begun()
        return float(told["zero"] + time / told["speed"] / self.speed) if told else None


@dataclass(frozen=True)
class Target:
    """A scrape target: every path is its metrics path, as production may have configured any."""

    scripts: Scripts
    clock: StoryClock

    async def answer(self, request: Request) -> Response:
        """Answer a scrape with what there was when it was asked for: that is the time of the samples."""
        if request.method not in ("GET", "HEAD"):
            return said(405, f"{request.method} is not what a target is asked; write GET")
        format_ = chosen(request.header(b"accept"), self.scripts.page)
        kind, body = self._scrape(format_, self.clock.time(request.began(self.clock.now())))
        return Response(200, body, ((b"content-type", kind),))

    def _scrape(self, kind: str, time: float) -> tuple[bytes, bytes]:
        page, moment = self.scripts.page, Moment(time, self.clock.unix)
        value = self.scripts.showing(moment.time)
        if kind == PROTOBUF:
            return protobuf.CONTENT_TYPE, families.delimited(page, value, moment)
        if kind == OPENMETRICS:
            return openmetrics.CONTENT_TYPE, openmetrics.text(page, value, moment)
        return page.content_type, page.showing(value)


def chosen(accept: str, page: Page) -> str:
    """Return the format for a scrape: the most wanted of those that this page needs, else text, as most targets answer."""
    offers = {PROTOBUF: page.native, OPENMETRICS: page.detailed, TEXT: True}
    wanted = sorted((_wanted(each) for each in accept.split(",")), key=lambda pair: -pair[1])
    return next((kind for kind, weight in wanted if weight > 0 and offers.get(kind)), TEXT)


def _wanted(accepted: str) -> tuple[str, float]:
    """Return the media type of one element of an Accept header, and how much it is wanted."""
    kind, *parameters = (part.strip().lower() for part in accepted.split(";"))
    told = dict(part.partition("=")[::2] for part in parameters)
    try:
        weight = float(told.get("q", "1"))
    except ValueError:
        weight = 0.0
    # The same protobuf is there without lengths, and as text.
    return kind, weight if kind != PROTOBUF or told.get("encoding") == "delimited" else 0.0


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
