"""What the service is for: taking orders, and the money for them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from fastapi import APIRouter
from starlette.responses import JSONResponse

from service.gateway import Gateway, PaymentFailed


@dataclass(frozen=True)
class Order:
    """What somebody wants to buy; ``amount`` is in euros."""

    item: str = "book"
    amount: float = 10.0


def checkout_router(gateway: Gateway) -> APIRouter:
    """Return the routes of the shop itself."""
    router = APIRouter(tags=["checkout"])

    @router.get("/")
    async def root() -> JSONResponse:
        """Tell what this is."""
        return JSONResponse({"service": "checkout"})

    @router.post("/checkout")
    async def checkout(order: Order) -> JSONResponse:
        """Take an order and its money; 502 where payments fails, 504 where it takes too long."""
        try:
            payment = await gateway.pay(order.amount)
        except PaymentFailed as error:
            return JSONResponse({"error": str(error)}, error.status)
        return JSONResponse({"order": uuid4().hex, "payment": payment}, 201)

    return router
