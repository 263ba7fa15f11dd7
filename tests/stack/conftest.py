"""The checkout service with a payments service that does as it is told, and no network in between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

STACK = Path(__file__).parents[2] / "stack"


async def _well(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/health":
        return httpx.Response(200, json={"status": "healthy"})
    return httpx.Response(201, json={"id": "payment-1", "status": "accepted"})


async def _silent(_: httpx.Request) -> httpx.Response:
    await asyncio.Event().wait()
    raise AssertionError


async def _gone(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("connection refused")


Request = tuple[str, str, dict[str, Any]]
"""Method, path, and what else httpx is to send."""


@dataclass
class Shop:
    """A checkout service, and what its payments service does at the moment."""

    app: Any = None
    payments: Callable[[httpx.Request], Awaitable[httpx.Response]] = _well

    def payments_hangs(self) -> None:
        """Let payments never answer again."""
        self.payments = _silent

    def payments_is_gone(self) -> None:
        """Let nothing listen where payments was."""
        self.payments = _gone

    def payments_recovers(self) -> None:
        """Let payments do its work."""
        self.payments = _well

    def payments_answers(self, status: int, text: str = "") -> None:
        """Let payments give one answer to everything."""

        async def answer(_: httpx.Request) -> httpx.Response:
            return httpx.Response(status, text=text)

        self.payments = answer

    async def answer_as_payments(self, request: httpx.Request) -> httpx.Response:
        """Answer as payments does at the moment."""
        return await self.payments(request)

    def ask(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Return the service's answer; an exception inside it becomes its 500, as in production."""
        return asyncio.run(self._ask(method, path, request))

    def samples(self, name: str) -> list[str]:
        """Return the lines of ``/metrics`` that begin with a name, sorted."""
        return sorted(line for line in self.ask("GET", "/metrics").text.splitlines() if line.startswith(name))

    def counted(self, name: str) -> list[str]:
        """Return those of the samples that are not 0."""
        return [line for line in self.samples(name) if not line.endswith(" 0.0")]

    def talk(self, *requests: Request | Callable[[list[httpx.Response]], Request]) -> list[httpx.Response]:
        """Return the answers to requests in one life of the service, from its start to its end.

        A request may be a function of the answers before it.
        """
        return asyncio.run(self._talk(requests))

    async def _talk(self, requests: tuple[Any, ...]) -> list[httpx.Response]:
        answers: list[httpx.Response] = []
        async with self.app.router.lifespan_context(self.app):
            for request in requests:
                answers.append(await self._ask(*(request(answers) if callable(request) else request)))
        return answers

    async def _ask(self, method: str, path: str, request: dict[str, Any]) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://checkout") as client:
            return await client.request(method, path, **request)


@pytest.fixture(autouse=True)
def _service_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STACK))


MakeShop = Callable[..., Shop]


@pytest.fixture
def make_shop(_service_can_be_imported: None) -> Iterator[MakeShop]:
    """Return a function that makes a service from settings; ``tracing`` stands in for what the settings say."""
    from service.app import create_app  # noqa: PLC0415  on the path only while a test runs
    from service.settings import Settings  # noqa: PLC0415

    made = []

    def make(tracing: Any = None, **settings: Any) -> Shop:
        shop = Shop()
        given = Settings(**{"port": 0, "payments_url": "http://payments", "check_fresh": 0.0, **settings})
        shop.app = create_app(given, httpx.MockTransport(shop.answer_as_payments), tracing)
        made.append(shop)
        return shop

    yield make
    for shop in made:
        shop.app.state.parts.database.close()


@pytest.fixture
def shop(make_shop: MakeShop) -> Shop:
    """Return a service with limits that even a very slow machine keeps."""
    return make_shop(payments_timeout=30.0, payments_check_timeout=30.0, database_timeout=30.0)


@pytest.fixture
def hasty_shop(make_shop: MakeShop) -> Shop:
    """Return a service with limits so short that a payments service that hangs costs no time."""
    return make_shop(payments_timeout=0.02, payments_check_timeout=0.02)
