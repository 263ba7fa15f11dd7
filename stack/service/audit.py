"""The audit trail: every alert that Alertmanager sent here, as it came."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse

from service.database import Database, Row, Statement
from service.timing import now, stamp

ADD = Statement(
    "insert",
    "alerts",
    "INSERT INTO alerts (id, received, status, alertname, fingerprint, receiver, starts, ends, labels, annotations) VALUES"
    " (:id, :received, :status, :alertname, :fingerprint, :receiver, :starts, :ends, :labels, :annotations)",
)
LIST = Statement(
    "select", "alerts", "SELECT * FROM alerts WHERE :name = '' OR alertname = :name ORDER BY received DESC, id LIMIT :limit"
)


@dataclass(frozen=True)
class Alert:
    """One alert of a notification, named as Alertmanager's webhook names it."""

    status: str
    labels: dict[str, str]
    annotations: dict[str, str] = field(default_factory=dict)
    startsAt: str = ""  # noqa: N815
    endsAt: str = ""  # noqa: N815
    fingerprint: str = ""


@dataclass(frozen=True)
class Notification:
    """One notification of Alertmanager's webhook, version 4."""

    receiver: str
    alerts: list[Alert]


def audit_router(database: Database) -> APIRouter:
    """Return the routes that take alerts and show them."""
    router = APIRouter(tags=["audit"])

    @router.post("/webhooks/alerts")
    async def receive(notification: Notification) -> JSONResponse:
        """Keep every alert; 503 where that fails, so that Alertmanager sends it again."""
        for alert in notification.alerts:
            await database.run(ADD, **_columns(alert, notification.receiver))
        return JSONResponse({"kept": len(notification.alerts)})

    @router.get("/audit/alerts")
    async def trail(alertname: str = "", limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> JSONResponse:
        """Return the alerts that came, the latest first."""
        rows = await database.run(LIST, name=alertname, limit=limit)
        return JSONResponse({"alerts": [_shown(row) for row in rows]})

    return router


def _columns(alert: Alert, receiver: str) -> dict[str, Any]:
    return {
        "id": uuid4().hex,
        "received": now(),
        "status": alert.status,
        "alertname": alert.labels.get("alertname", "")[:200],
        "fingerprint": alert.fingerprint[:64],
        "receiver": receiver[:200],
        "starts": alert.startsAt[:40],
        "ends": alert.endsAt[:40],
        "labels": json.dumps(alert.labels),
        "annotations": json.dumps(alert.annotations),
    }


def _shown(row: Row) -> dict[str, Any]:
    texts = {"labels": json.loads(row["labels"]), "annotations": json.loads(row["annotations"])}
    return {**row, **texts, "received": stamp(row["received"])}
