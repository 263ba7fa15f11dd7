"""The database: SQLite inside the process, or PostgreSQL; every query is timed, and none is waited for too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import cached_property, partial
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeVar

from service.failures import Unavailable
from service.metrics import Metrics
from service.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from sqlalchemy.engine import Connection

Row = Mapping[str, Any]
EMBEDDED = "sqlite://"
"""SQLite in memory, gone with the process."""
T = TypeVar("T")

TABLES = {
    "users": "id VARCHAR(64) PRIMARY KEY, source VARCHAR(16), created DOUBLE PRECISION, seen DOUBLE PRECISION",
    "operations": "id VARCHAR(64) PRIMARY KEY, kind VARCHAR(32), model VARCHAR(32), status VARCHAR(16),"
    " seconds DOUBLE PRECISION, created DOUBLE PRECISION",
    "transactions": "id VARCHAR(64) PRIMARY KEY, kind VARCHAR(16), status VARCHAR(16),"
    " created DOUBLE PRECISION, confirmed DOUBLE PRECISION",
    "projects": "id VARCHAR(64) PRIMARY KEY, title VARCHAR(200), status VARCHAR(16), created DOUBLE PRECISION",
    "reports": "id VARCHAR(64) PRIMARY KEY, kind VARCHAR(32), status VARCHAR(16), result TEXT,"
    " created DOUBLE PRECISION, finished DOUBLE PRECISION",
    "alerts": "id VARCHAR(64) PRIMARY KEY, received DOUBLE PRECISION, status VARCHAR(16), alertname VARCHAR(200),"
    " fingerprint VARCHAR(64), receiver VARCHAR(200), starts VARCHAR(40), ends VARCHAR(40), labels TEXT, annotations TEXT",
    "history": "instance VARCHAR(64), minute BIGINT, alive DOUBLE PRECISION, requests BIGINT, errors BIGINT,"
    " seconds DOUBLE PRECISION, buckets TEXT, PRIMARY KEY (instance, minute)",
}
"""Seconds since 1970 wherever a column holds a time."""


@dataclass(frozen=True)
class Statement:
    """One parameterised query, and what its duration is counted under: ``query_type`` and ``table``."""

    query_type: str
    table: str
    sql: str


ALIVE = Statement("select", "none", "SELECT 1 AS alive")


@dataclass(frozen=True)
class Database:
    """Runs statements in threads, at most ``connections`` at once. SQLAlchemy is imported with the first of them."""

    url: str
    connections: int
    timeout: float
    metrics: Metrics
    watch: Callable[[Engine], None]
    _opened: list[Engine] = field(default_factory=list, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def opened(self) -> bool:
        """Whether it was ever used."""
        return bool(self._opened)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.connections, thread_name_prefix="database")

    async def run(self, statement: Statement, **values: Any) -> Sequence[Row]:
        """Return a statement's rows; ``Unavailable`` where it fails or is not answered in time."""
        try:
            async with asyncio.timeout(self.timeout):
                return await self.thread(partial(self.run_now, statement, **values))
        except TimeoutError:
            raise Unavailable("database", f"no answer within {self.timeout:g} s") from None

    async def thread(self, work: Callable[[], T]) -> T:
        """Do something in one of the database's own threads, with the caller's context: its ids, its span."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)

    def run_now(self, statement: Statement, **values: Any) -> Sequence[Row]:
        """Return a statement's rows, in this thread; ``Unavailable`` where it fails."""
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415  as late as possible: it takes a quarter of a second

        try:
            with self.metrics.connections_active.track_inprogress(), self._engine().connect() as connection:
                return self._timed(connection, statement, values)
        except SQLAlchemyError as error:
            raise Unavailable("database", type(error).__name__) from error

    async def check(self) -> dict[str, str]:
        """Ask for a row; raises whatever went wrong. An embedded one that nobody has used yet is not opened for that."""
        if self.opened or self.url != EMBEDDED:
            await self.run(ALIVE)
        return {"url": self.shown}

    @property
    def shown(self) -> str:
        """Return its address without the password."""
        before, at, after = self.url.rpartition("@")
        return f"{before.split('://')[0]}://…@{after}" if at else self.url

    def close(self) -> None:
        """Let go of all connections; a thread that waits for a dead server is left to itself."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        for engine in self._opened:
            engine.dispose()

    def used(self) -> float:
        """Return how many connections are taken out of the pool."""
        return float(sum(getattr(engine.pool, "checkedout", int)() for engine in self._opened))

    def _engine(self) -> Engine:
        with self._lock:
            if not self._opened:
                engine = _engine(self.url, self.connections, self.timeout)
                self.watch(engine)
                _make_tables(engine)
                self._opened.append(engine)
            return self._opened[0]

    def _timed(self, connection: Connection, statement: Statement, values: Mapping[str, Any]) -> Sequence[Row]:
        from sqlalchemy import text  # noqa: PLC0415

        begun = perf_counter()
        try:
            answer = connection.execute(text(statement.sql), values)
            return [dict(row) for row in answer.mappings()] if answer.returns_rows else []
        finally:
            seconds = perf_counter() - begun
            self.metrics.query_seconds.labels(statement.query_type, statement.table).observe(seconds)


def _not_watched(_: Engine) -> None:
    """Do nothing."""


def create_database(settings: Settings, metrics: Metrics, watch: Callable[[Engine], None] = _not_watched) -> Database:
    """Return the database that the settings name, not opened yet; ``watch`` is told of its engine when it is."""
    # SQLite in memory is one connection's own: one thread, so that all see the same.
    connections = settings.database_pool if _is_server(settings.database_url) else 1
    database = Database(settings.database_url or EMBEDDED, connections, settings.database_timeout, metrics, watch)
    metrics.pool_total.set(connections)
    metrics.pool_used.set_function(database.used)
    return database


def _is_server(url: str) -> bool:
    return bool(url) and not url.startswith("sqlite")


def _engine(url: str, connections: int, timeout: float) -> Engine:
    from sqlalchemy import QueuePool, StaticPool, create_engine  # noqa: PLC0415

    if not _is_server(url):
        return create_engine(url, isolation_level="AUTOCOMMIT", poolclass=StaticPool, connect_args={"check_same_thread": False})
    # Without transactions a statement is one round trip; what a cut connection leaves in the pool is noticed before use.
    return create_engine(
        _with_driver(url),
        isolation_level="AUTOCOMMIT",
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"connect_timeout": max(1, round(timeout)), "application_name": "checkout"},
    )


def _with_driver(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else url


def _make_tables(engine: Engine) -> None:
    from sqlalchemy import text  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    for table, columns in TABLES.items():
        create = text(f"CREATE TABLE IF NOT EXISTS {table} ({columns})")
        try:
            with engine.connect() as connection:
                connection.execute(create)
        except SQLAlchemyError:
            # Two instances that begin at once: one of them loses, and then the table is there.
            with engine.connect() as connection:
                connection.execute(create)
