"""Where jobs wait: in the process, or in Celery's queue for the worker."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol

from service.cache import redis_client
from service.failures import Unavailable
from service.jobs import JOBS, Desk, Payload
from service.settings import Settings
from service.timing import now
from service.vocabulary import QUEUE

if TYPE_CHECKING:
    from redis.asyncio import Redis

_IMPORT = 5.0
"""Seconds that importing Celery may take on a very busy machine."""
ENQUEUED = "enqueued"
"""The header that says since when a job waits, in seconds since 1970."""


@dataclass(frozen=True)
class Backlog:
    """How many jobs wait, and for how many seconds the oldest has."""

    depth: int
    age: float


class JobQueue(Protocol):
    """Takes jobs, to be done later."""

    async def open(self) -> None:
        """Do what the first job would have to wait for."""

    async def put(self, job: str, payload: Payload) -> None:
        """Take a job; ``Unavailable`` where it cannot be kept."""

    async def backlog(self) -> Backlog:
        """Return what waits; raises whatever keeps it from knowing."""

    async def check(self) -> dict[str, str]:
        """Return where it is; raises whatever is wrong with it."""

    async def close(self) -> None:
        """Let go of its connections."""


@dataclass
class EmbeddedQueue:
    """Does jobs in this process, one after the other, as long as there are any."""

    desk: Desk
    waiting: deque[tuple[float, str, Payload]] = field(default_factory=deque)
    busy: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Do nothing: there is nothing to wait for."""

    async def put(self, job: str, payload: Payload) -> None:
        """Take a job; the first one sets everything going."""
        self.waiting.append((now(), job, payload))
        if self.busy is None or self.busy.done():
            self.busy = asyncio.create_task(self._work())

    async def backlog(self) -> Backlog:
        """Return what waits; what is being done waits no longer."""
        return Backlog(len(self.waiting), now() - self.waiting[0][0] if self.waiting else 0.0)

    async def check(self) -> dict[str, str]:
        """Return where it is."""
        return {"url": "memory://"}

    async def close(self) -> None:
        """Give up what waits."""
        self.waiting.clear()
        if self.busy:
            self.busy.cancel()

    async def _work(self) -> None:
        while self.waiting:
            _, job, payload = self.waiting.popleft()
            # A job that failed has said so in the log; the next one may do better.
            with contextlib.suppress(Exception):
                await self.desk.database.thread(partial(self.desk.do, job, payload))


@dataclass(frozen=True)
class CeleryQueue:
    """Leaves jobs in Redis for ``python -m service.worker``."""

    url: str
    timeout: float

    @cached_property
    def app(self) -> Any:
        """Return the Celery application."""
        return celery_app(self.url, self.timeout)

    @cached_property
    def client(self) -> Redis:
        """Return a client for looking into the queue."""
        return redis_client(self.url, self.timeout)

    async def open(self) -> None:
        """Import Celery, which takes half a second, and connect."""
        async with asyncio.timeout(self.timeout + _IMPORT):
            await asyncio.to_thread(self._connect)

    def _connect(self) -> None:
        with self.app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0.1, timeout=self.timeout)

    async def put(self, job: str, payload: Payload) -> None:
        """Leave a job in the queue."""
        send = partial(self.app.send_task, job, kwargs={"payload": dict(payload)}, headers={ENQUEUED: now()}, retry=False)
        try:
            async with asyncio.timeout(self.timeout):
                await asyncio.to_thread(send)
        except Exception as error:
            raise Unavailable("queue", type(error).__name__) from error

    async def backlog(self) -> Backlog:
        """Return what waits in Redis; the oldest is at the end of the list."""
        async with asyncio.timeout(self.timeout), self.client.pipeline(transaction=False) as both:
            both.llen(QUEUE)
            both.lindex(QUEUE, -1)
            depth, oldest = await both.execute()
        return Backlog(depth, max(0.0, now() - _since(oldest)) if oldest else 0.0)

    async def check(self) -> dict[str, str]:
        """Ask the broker; raises whatever went wrong. The caller sets the time limit."""
        await self.client.ping()
        return {"url": self.url.rpartition("@")[2]}

    async def close(self) -> None:
        """Close its connections."""
        await self.client.aclose()


def _since(message: str) -> float:
    return float(json.loads(message)["headers"].get(ENQUEUED) or now())


def create_queue(settings: Settings, desk: Desk) -> JobQueue:
    """Return the queue that the settings name."""
    if settings.broker_url:
        return CeleryQueue(settings.broker_url, settings.queue_timeout)
    return EmbeddedQueue(desk)


def celery_app(url: str, timeout: float) -> Any:
    """Return a Celery application that keeps nothing but the queue in its broker, and tries each thing once."""
    from celery import Celery  # noqa: PLC0415  only where it is configured: it takes half a second

    app = Celery("service", broker=url, set_as_current=False)
    app.conf.update(
        task_default_queue=QUEUE,
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        broker_transport_options={"socket_timeout": timeout, "socket_connect_timeout": timeout},
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
    )
    return app


def register_jobs(app: Any, desk: Desk) -> None:
    """Let a Celery application do every job."""
    for job in JOBS:
        app.task(name=job)(_task(desk, job))


def _task(desk: Desk, job: str) -> Callable[[Payload], None]:
    def task(payload: Payload) -> None:
        desk.do(job, payload)

    return task
