"""The work that nobody waits for: what a job does, wherever it is done."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from service.database import Database, Statement
from service.metrics import Metrics
from service.timing import now

LOG = logging.getLogger(__name__)

CONFIRM = Statement("update", "transactions", "UPDATE transactions SET status = :status, confirmed = :now WHERE id = :id")
COUNT = Statement(
    "select",
    "operations",
    "SELECT kind, status, COUNT(*) AS number FROM operations GROUP BY kind, status ORDER BY kind, status",
)
FINISH = Statement("update", "reports", "UPDATE reports SET status = :status, result = :result, finished = :now WHERE id = :id")

Payload = Mapping[str, Any]
Job = Callable[["Desk", Payload], None]


@dataclass(frozen=True)
class Desk:
    """What a job needs."""

    database: Database
    metrics: Metrics

    def do(self, job: str, payload: Payload) -> None:
        """Do a job, however long it takes; whatever goes wrong is logged and raised."""
        with self.metrics.job_seconds.time():
            try:
                JOBS[job](self, payload)
            except Exception:
                LOG.exception("a job failed", extra={"job": job})
                raise


def confirm_transaction(desk: Desk, payload: Payload) -> None:
    """Confirm a transaction: ``id``, ``kind``, and ``created`` in seconds since 1970."""
    try:
        desk.database.run_now(CONFIRM, id=payload["id"], status="confirmed", now=now())
    except Exception:
        desk.metrics.transactions.labels(payload["kind"], "failed").inc()
        raise
    desk.metrics.transactions.labels(payload["kind"], "confirmed").inc()
    desk.metrics.block_seconds.observe(max(0.0, now() - payload["created"]))


def make_report(desk: Desk, payload: Payload) -> None:
    """Count all operations by kind and status into the report ``id``; ``created`` in seconds since 1970."""
    rows = [dict(row) for row in desk.database.run_now(COUNT)]
    desk.database.run_now(FINISH, id=payload["id"], status="done", result=json.dumps(rows), now=now())
    desk.metrics.report_seconds.observe(max(0.0, now() - payload["created"]))


JOBS: Mapping[str, Job] = {"confirm_transaction": confirm_transaction, "make_report": make_report}
