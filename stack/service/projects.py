"""Projects, and reports about what was done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse

from service.database import Statement
from service.parts import Parts
from service.timing import now

ADD = Statement("insert", "projects", "INSERT INTO projects (id, title, status, created) VALUES (:id, :title, 'draft', :now)")
FIND = Statement("select", "projects", "SELECT title FROM projects WHERE id = :id")
SUBMIT = Statement("update", "projects", "UPDATE projects SET status = :status WHERE id = :id")
ADD_REPORT = Statement(
    "insert", "reports", "INSERT INTO reports (id, kind, status, created) VALUES (:id, 'operations', 'waiting', :created)"
)
FIND_REPORT = Statement("select", "reports", "SELECT id, status, result FROM reports WHERE id = :id")


@dataclass(frozen=True)
class Project:
    """What somebody plans; one without a title can be created and is rejected later."""

    title: Annotated[str, Field(max_length=200)] = "a bookshop"


def projects_router(parts: Parts) -> APIRouter:
    """Return the routes for projects."""
    router = APIRouter(prefix="/projects", tags=["projects"])

    @router.post("")
    async def create(project: Project) -> JSONResponse:
        """Create a project."""
        made = {"id": uuid4().hex, "title": project.title}
        await parts.database.run(ADD, **made, now=now())
        parts.metrics.projects_created.inc()
        return JSONResponse(made, 201)

    @router.post("/{project}/submission")
    async def submit(project: str) -> JSONResponse:
        """Hand a project in; it is accepted if it has a title."""
        rows = await parts.database.run(FIND, id=project)
        if not rows:
            return JSONResponse({"error": "there is no project of that id"}, 404)
        status = "accepted" if rows[0]["title"].strip() else "rejected"
        await parts.database.run(SUBMIT, id=project, status=status)
        parts.metrics.projects_submitted.labels(status).inc()
        return JSONResponse({"id": project, "status": status})

    return router


def reports_router(parts: Parts) -> APIRouter:
    """Return the routes for reports."""
    router = APIRouter(prefix="/reports", tags=["reports"])

    @router.post("")
    async def order() -> JSONResponse:
        """Order a report, which a job makes; 503 where database or queue fail."""
        made = {"id": uuid4().hex, "created": now()}
        await parts.database.run(ADD_REPORT, **made)
        await parts.queue.put("make_report", made)
        return JSONResponse({"id": made["id"], "status": "waiting"}, 202)

    @router.get("/{report}")
    async def find(report: str) -> JSONResponse:
        """Return a report, or that it is not done yet."""
        rows = await parts.database.run(FIND_REPORT, id=report)
        if not rows:
            return JSONResponse({"error": "there is no report of that id"}, 404)
        found = dict(rows[0])
        return JSONResponse({**found, "result": json.loads(found["result"]) if found["result"] else None})

    return router
