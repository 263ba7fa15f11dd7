"""What the scripts about scrapes have in common: a target that costs next to nothing, and an inbox before it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

LINE = b'http_request_duration_seconds_bucket{method="GET",endpoint="/api/v1/thing/%d",le="%d.5"} %d\n'


@dataclass(frozen=True)
class Scene:
    """A target and an inbox that leads to it: process ids, and the addresses of the target and of the proxy."""

    target: int
    address: str
    inbox: int
    proxy: str


def text(samples: int) -> bytes:
    """Return what an exporter with so many samples exposes."""
    return b"".join(LINE % (number % 30, number, number * 7) for number in range(samples))


@asynccontextmanager
async def a_scene(folder: Path, names: Sequence[str]) -> AsyncIterator[Scene]:
    """Start the target of this script, and an inbox that leads these production names to it; end both."""
    target, address = await _begun(sys.argv[0], "target")
    listen = {name: f"127.0.0.1:{await _free()}" for name in ("proxy", "smtp", "control")}
    config = {"listen": listen, "hosts": dict.fromkeys(names, address), "folder": str(folder)}
    (folder / "inbox.json").write_text(json.dumps(config), encoding="utf-8")
    inbox, _ = await _begun("-m", "pytest_obscheck.inbox", str(folder / "inbox.json"))
    try:
        yield Scene(target.pid, address, inbox.pid, listen["proxy"])
    finally:
        for process in (inbox, target):
            process.terminate()
            await process.wait()


async def _begun(*argv: str) -> tuple[asyncio.subprocess.Process, str]:
    """Start a Python program and return it with its first line."""
    process = await asyncio.create_subprocess_exec(sys.executable, *argv, stdout=subprocess.PIPE)
    assert process.stdout is not None
    return process, (await process.stdout.readline()).decode().strip()


async def _free() -> int:
    """Return a port at which nobody listens."""
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        return port


async def be_target(protocol: type[asyncio.Protocol]) -> None:
    """Serve until killed, and say where."""
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    sys.stdout.write("{}:{}\n".format(*server.sockets[0].getsockname()))
    sys.stdout.flush()
    await server.serve_forever()
