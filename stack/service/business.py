"""How the business goes, from SQL: as JSON for people, and as gauges for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import JSONResponse

from service.database import Database, Row, Statement
from service.metrics import Metrics
from service.timing import now, stamp

DAY = 86400.0
USERS = Statement(
    "select",
    "users",
    "SELECT COUNT(*) AS total,"
    " SUM(CASE WHEN seen > :now - 86400 THEN 1 ELSE 0 END) AS daily,"
    " SUM(CASE WHEN seen > :now - 604800 THEN 1 ELSE 0 END) AS weekly,"
    " SUM(CASE WHEN seen > :now - 2592000 THEN 1 ELSE 0 END) AS monthly,"
    " SUM(CASE WHEN created > :now - 86400 THEN 1 ELSE 0 END) AS new FROM users",
)
OPERATIONS = Statement(
    "select",
    "operations",
    "SELECT kind, SUM(CASE WHEN status = 'success' THEN 1 ELSE 0 END) AS success,"
    " SUM(CASE WHEN status <> 'success' THEN 1 ELSE 0 END) AS failed, AVG(seconds) AS average_seconds"
    " FROM operations GROUP BY kind ORDER BY kind",
)
TRANSACTIONS = Statement(
    "select",
    "transactions",
    "SELECT COUNT(*) AS total, SUM(CASE WHEN status = 'confirmed' THEN 1 ELSE 0 END) AS confirmed,"
    " SUM(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS failed,"
    " SUM(CASE WHEN status = 'submitted' THEN 1 ELSE 0 END) AS waiting,"
    " AVG(confirmed - created) AS average_confirmation_seconds FROM transactions",
)


def business_router(database: Database) -> APIRouter:
    """Return the route of the business metrics."""
    router = APIRouter(tags=["metrics"])

    @router.get("/metrics/business")
    async def business() -> JSONResponse:
        """Tell how many people came, what was done for them, and what became of their money. An average of nothing is null."""
        instant = now()
        users, transactions = await _first(database, USERS, now=instant), await _first(database, TRANSACTIONS)
        operations = await database.run(OPERATIONS)
        return JSONResponse(
            {
                "users": {name: users[name] for name in ("daily", "weekly", "total", "new")},
                "operations": {row["kind"]: _without(row, "kind") for row in operations},
                "transactions": transactions,
                "timestamp": stamp(instant),
            }
        )

    return router


async def show_business(database: Database, metrics: Metrics) -> None:
    """Bring the gauges that come from SQL up to date."""
    users, transactions = await _first(database, USERS, now=now()), await _first(database, TRANSACTIONS)
    metrics.users_active.set(users["monthly"])
    for timeframe in ("daily", "weekly", "monthly"):
        metrics.users_by_timeframe.labels(timeframe).set(users[timeframe])
    metrics.transactions_waiting.set(transactions["waiting"])


async def _first(database: Database, statement: Statement, **values: Any) -> Mapping[str, Any]:
    return _counts(await database.run(statement, **values))


def _counts(rows: Sequence[Row]) -> dict[str, Any]:
    # The sum of no rows is NULL, and none of them is 0; an average of none stays unknown.
    return {name: value if "average" in name else int(value or 0) for name, value in rows[0].items()}


def _without(row: Row, name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}
