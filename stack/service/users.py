"""People: they sign up, come back, and are looked up."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from fastapi import APIRouter
from starlette.responses import JSONResponse

from service.database import Statement
from service.parts import Parts
from service.timing import now
from service.vocabulary import Source

ADD = Statement("insert", "users", "INSERT INTO users (id, source, created, seen) VALUES (:id, :source, :now, :now)")
FIND = Statement("select", "users", "SELECT id, source, created FROM users WHERE id = :id")
VISIT = Statement("update", "users", "UPDATE users SET seen = :now WHERE id = :id")


@dataclass(frozen=True)
class SignUp:
    """Somebody new, and where they came from."""

    source: Source = "web"


def users_router(parts: Parts) -> APIRouter:
    """Return the routes for people."""
    router = APIRouter(prefix="/users", tags=["users"])

    @router.post("")
    async def register(person: SignUp) -> JSONResponse:
        """Sign somebody up."""
        made = {"id": uuid4().hex, "source": person.source}
        await parts.database.run(ADD, **made, now=now())
        parts.metrics.registrations.labels(person.source).inc()
        return JSONResponse(made, 201)

    @router.get("/{user}")
    async def find(user: str) -> JSONResponse:
        """Look somebody up, in the cache first."""
        found = await _found(parts, user)
        return JSONResponse(found) if found else JSONResponse({"error": "there is nobody of that id"}, 404)

    @router.post("/{user}/visits")
    async def visit(user: str) -> JSONResponse:
        """Note that somebody is here."""
        await parts.database.run(VISIT, id=user, now=now())
        return JSONResponse({"id": user}, 202)

    return router


async def _found(parts: Parts, user: str) -> dict[str, Any] | None:
    key = f"user:{user}"
    kept = await parts.cache.get(key)
    if kept is not None:
        return dict(json.loads(kept))
    rows = await parts.database.run(FIND, id=user)
    if not rows:
        return None
    await parts.cache.set(key, json.dumps(dict(rows[0])))
    return dict(rows[0])
