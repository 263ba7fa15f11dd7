"""What checkout asks of the payments service, and what can go wrong there."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import dataclass
from time import perf_counter

import httpx

from service.errors import Report
from service.metrics import Metrics
from service.payments import Ledger
from service.settings import Settings

LOG = logging.getLogger(__name__)


class PaymentFailed(Exception):
    """A payment was not made; ``status`` is the HTTP status code for whoever asked for it."""

    def __init__(self, status: int, reason: str) -> None:
        """Keep the status code; the message is the reason."""
        self.status = status
        super().__init__(reason)


@dataclass(frozen=True)
class Gateway:
    """The way to the payments service."""

    client: httpx.AsyncClient
    metrics: Metrics
    settings: Settings
    report: Report

    async def pay(self, amount: float) -> str:
        """Collect an amount and return the payment's id; ``PaymentFailed`` where that did not work."""
        begun = perf_counter()
        try:
            return await self._collect(amount)
        except PaymentFailed as error:
            LOG.warning("a payment failed", extra={"reason": str(error), "duration": round(perf_counter() - begun, 6)})
            self.report(error)
            raise

    async def _collect(self, amount: float) -> str:
        try:
            payment = await self._post(amount)
        except TimeoutError:
            limit = self.settings.payments_timeout
            raise self._failed("timeout", 504, f"payments did not answer within {limit:g} s") from None
        except httpx.HTTPStatusError as error:
            raise self._failed("refused", 502, f"payments answered {error.response.status_code}") from error
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            raise self._failed("error", 502, f"payments cannot be used: {type(error).__name__}") from error
        self._count("success")
        # A provider that takes a negative amount has collected nothing.
        self.metrics.payment_amount.inc(max(0.0, amount))
        return payment

    async def check(self) -> dict[str, str]:
        """Ask payments for its health; raises whatever went wrong. The caller sets the time limit."""
        answer = await self.client.get("/health")
        answer.raise_for_status()
        return {"url": str(answer.url)}

    async def _post(self, amount: float) -> str:
        # One limit around the whole call: httpx's own begin again with every byte that arrives.
        async with asyncio.timeout(self.settings.payments_timeout):
            answer = await self.client.post("/payments", json={"amount": amount})
        answer.raise_for_status()
        return str(answer.json()["id"])

    def _failed(self, status: str, code: int, reason: str) -> PaymentFailed:
        self._count(status)
        return PaymentFailed(code, reason)

    def _count(self, status: str) -> None:
        self.metrics.payments.labels(self.settings.payment_provider, status).inc()


def create_client(settings: Settings, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Return the pooled client for payments; it takes no proxy from the environment and leaves time limits to the caller.

    Without an address of payments, the payments service is a part of this process.
    """
    way = transport or (None if settings.payments_url else embedded_payments())
    url = settings.payments_url or "http://payments"
    # Certificates take longer to read than all the rest of the client; plain HTTP needs none.
    secure = url.startswith("https:")
    return httpx.AsyncClient(base_url=url, transport=way, timeout=None, trust_env=False, verify=secure)  # noqa: S113


def embedded_payments() -> httpx.AsyncBaseTransport:
    """Return a payments service without a network."""
    ledger = Ledger()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/health":
            return httpx.Response(200, json={"status": "healthy"})
        status, _, text = ledger.pay(request.content)
        return httpx.Response(status, json=json.loads(text))

    return httpx.MockTransport(answer)
