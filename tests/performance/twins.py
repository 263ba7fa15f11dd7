"""The reference service twice in one process, with instrumentation and without: ``python twins.py 8080=on 8081=off``.

Two processes lie in memory in two ways, which makes one some per cent faster than the other for its whole life. These two share
everything, and are asked in turns. What the service puts off until later, counting and writing lines, is done with each request
or after every few of them, so that who caused it pays for it: a little more than in a service that is busy.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from dataclasses import replace
from typing import Any

import uvicorn
from service.app import create_app
from service.logs import set_up_logs
from service.settings import Settings, read_settings
from service.timing import now

FEW = 5
"""How many lines are written at a time: as many as come in 100 ms with 50 requests a second."""


def at_once(app: Any) -> Any:
    """Return an application that counts a request into its history as soon as it is over."""

    async def counted(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        if scope["type"] == "http":
            app.state.history.live(now())

    return counted


def server(settings: Settings) -> uvicorn.Server:
    """Return the service as ``python -m service`` runs it."""
    own: dict[str, Any] = {"loop": "asyncio", "http": "h11", "ws": "none", "access_log": False, "log_config": None}
    return uvicorn.Server(uvicorn.Config(at_once(create_app(settings)), host=settings.host, port=settings.port, **own))


async def main() -> None:
    """Serve until SIGTERM."""
    settings = read_settings(os.environ, ["--port", "1"])
    set_up_logs(settings.name, settings.log_level, settings.log_format, most=FEW)
    twins = [word.split("=") for word in sys.argv[1:]]
    servers = [server(replace(settings, port=int(port), instrumentation=which)) for port, which in twins]
    gc.freeze()
    await asyncio.gather(*(each.serve() for each in servers))


if __name__ == "__main__":
    asyncio.run(main())
