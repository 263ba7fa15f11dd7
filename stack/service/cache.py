"""The cache: in the process, or Redis. One that fails makes the service slower, never wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, TypeVar

from service.metrics import Metrics
from service.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")


class Store(Protocol):
    """Keeps texts under keys for a while."""

    @property
    def url(self) -> str:
        """Return where it is."""

    async def get(self, key: str) -> str | None:
        """Return what is kept, ``None`` for nothing."""

    async def set(self, key: str, value: str, seconds: int) -> None:
        """Keep a text for some seconds."""

    async def ping(self) -> None:
        """Raise where it cannot be used."""

    async def close(self) -> None:
        """Let go of its connections."""


@dataclass(frozen=True)
class MemoryStore:
    """Keeps texts in this process, at most ``size`` of them."""

    url: str = "memory://"
    size: int = 10_000
    _kept: dict[str, tuple[float, str]] = field(default_factory=dict, repr=False)

    async def get(self, key: str) -> str | None:
        """Return what is kept and not too old."""
        ends, value = self._kept.get(key, (0.0, ""))
        return value if ends > perf_counter() else None

    async def set(self, key: str, value: str, seconds: int) -> None:
        """Keep a text; the oldest goes where there are too many."""
        self._kept.pop(key, None)
        if len(self._kept) >= self.size:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (perf_counter() + seconds, value)

    async def ping(self) -> None:
        """Do nothing: it is always there."""

    async def close(self) -> None:
        """Do nothing: there is no connection."""


@dataclass(frozen=True)
class RedisStore:
    """Keeps texts in Redis."""

    url: str
    timeout: float

    @cached_property
    def client(self) -> Redis:
        """Return the pooled client."""
        return redis_client(self.url, self.timeout)

    async def get(self, key: str) -> str | None:
        """Return what is kept."""
        value = await self.client.get(key)
        return None if value is None else str(value)

    async def set(self, key: str, value: str, seconds: int) -> None:
        """Keep a text."""
        await self.client.set(key, value, ex=seconds)

    async def ping(self) -> None:
        """Ask whether it is there."""
        await self.client.ping()

    async def close(self) -> None:
        """Close the pool."""
        await self.client.aclose()


def redis_client(url: str, timeout: float) -> Redis:
    """Return a client that gives up after some seconds, and asks once more where a kept connection has died."""
    from redis.asyncio import Redis  # noqa: PLC0415  only where it is configured
    from redis.asyncio.retry import Retry  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415

    retry = Retry(NoBackoff(), 1)
    return Redis.from_url(url, decode_responses=True, retry=retry, socket_timeout=timeout, socket_connect_timeout=timeout)


@dataclass(frozen=True)
class Cache:
    """Counts every use of a store, and lives with one that fails or is slow."""

    store: Store
    timeout: float
    metrics: Metrics

    async def get(self, key: str) -> str | None:
        """Return what is kept, ``None`` for nothing or where the store cannot say."""
        self.metrics.cache_requests.inc()
        found, value = await self._use(lambda: self.store.get(key))
        if value is not None:
            self.metrics.cache_hits.inc()
        self._count("get", ("hit" if value is not None else "miss") if found else "error")
        return value

    async def set(self, key: str, value: str, seconds: int = 60) -> None:
        """Keep a text for some seconds; nothing where the store fails."""
        kept, _ = await self._use(lambda: self.store.set(key, value, seconds))
        self._count("set", "ok" if kept else "error")

    async def check(self) -> dict[str, str]:
        """Ask the store; raises whatever went wrong. The caller sets the time limit."""
        await self.store.ping()
        return {"url": self.store.url.rpartition("@")[2]}

    async def _use(self, use: Callable[[], Awaitable[T]]) -> tuple[bool, T | None]:
        try:
            async with asyncio.timeout(self.timeout):
                return True, await use()
        except Exception:  # noqa: BLE001  whatever is wrong with a cache, the service goes on without it
            return False, None

    def _count(self, operation: str, result: str) -> None:
        self.metrics.cache_operations.labels(operation, result).inc()


def create_cache(settings: Settings, metrics: Metrics) -> Cache:
    """Return the cache that the settings name."""
    store: Store = RedisStore(settings.redis_url, settings.cache_timeout) if settings.redis_url else MemoryStore()
    for operation, result in (("get", "hit"), ("get", "miss"), ("get", "error"), ("set", "ok"), ("set", "error")):
        metrics.cache_operations.labels(operation, result)
    return Cache(store, settings.cache_timeout, metrics)
