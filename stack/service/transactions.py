"""Money: payments through the provider, and transactions that a job confirms later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import APIRouter
from starlette.responses import JSONResponse

from service.database import Statement
from service.gateway import PaymentFailed
from service.parts import Parts
from service.timing import now
from service.vocabulary import TransactionType

ADD = Statement(
    "insert", "transactions", "INSERT INTO transactions (id, kind, status, created) VALUES (:id, :kind, :status, :created)"
)
FAIL = Statement("update", "transactions", "UPDATE transactions SET status = 'failed' WHERE id = :id")


@dataclass(frozen=True)
class Payment:
    """What somebody pays, in euros."""

    amount: float = 10.0


@dataclass(frozen=True)
class Transaction:
    """What is to be written into the chain."""

    transaction_type: TransactionType = "transfer"


def transactions_router(parts: Parts) -> APIRouter:
    """Return the routes for money."""
    router = APIRouter(tags=["transactions"])

    @router.post("/pay")
    async def pay(payment: Payment) -> JSONResponse:
        """Collect an amount; 502 where payments fails, 504 where it takes too long."""
        try:
            made = await parts.gateway.pay(payment.amount)
        except PaymentFailed as error:
            return JSONResponse({"error": str(error)}, error.status)
        return JSONResponse({"payment": made}, 201)

    @router.post("/blockchain/transactions")
    async def submit(wanted: Transaction) -> JSONResponse:
        """Take a transaction, to be confirmed by a job; 503 where database or queue fail."""
        made = {"id": uuid4().hex, "kind": wanted.transaction_type, "created": now()}
        try:
            await parts.database.run(ADD, **made, status="submitted")
            await _enqueue(parts, made)
        except BaseException:
            parts.metrics.transactions.labels(wanted.transaction_type, "failed").inc()
            raise
        parts.metrics.transactions.labels(wanted.transaction_type, "submitted").inc()
        return JSONResponse({"id": made["id"], "status": "submitted"}, 202)

    return router


async def _enqueue(parts: Parts, made: Mapping[str, Any]) -> None:
    try:
        await parts.queue.put("confirm_transaction", made)
    except BaseException:
        # Nobody will ever confirm it: it must not count as waiting for ever.
        await parts.database.run(FAIL, id=made["id"])
        raise
