"""What is computed for people: generations, AI operations, calculations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from time import perf_counter
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import JSONResponse

from service.database import Statement
from service.metrics import Metrics
from service.parts import Parts
from service.timing import now
from service.vocabulary import ModelName, ModelType, OperationType

ADD = Statement(
    "insert",
    "operations",
    "INSERT INTO operations (id, kind, model, status, seconds, created) VALUES (:id, :kind, :model, :status, :seconds, :now)",
)
ROUNDS = {"small": 200, "large": 2000}
"""Rounds of hashing that stand for the work of a model: 0.1 ms and 1 ms."""


@dataclass(frozen=True)
class Generation:
    """What is to be generated, by which type of model."""

    prompt: Annotated[str, Field(max_length=10_000)] = "a book cover"
    model_type: ModelType = "text"


@dataclass(frozen=True)
class Operation:
    """What is to be done to an input, by which model."""

    operation_type: OperationType = "classify"
    model_name: ModelName = "small"
    model_type: ModelType = "text"
    input: Annotated[str, Field(max_length=10_000)] = "a review"


@dataclass(frozen=True)
class Numbers:
    """What is to be summed up."""

    values: Annotated[list[float], Field(max_length=10_000)] = field(default_factory=lambda: [1.0, 2.0, 3.0])


def operations_router(parts: Parts) -> APIRouter:
    """Return the routes for what is computed."""
    router = APIRouter(tags=["operations"])

    @router.post("/generate")
    async def generate(wanted: Generation) -> JSONResponse:
        """Generate something, or take what was generated for the same prompt before; 503 where it cannot be kept."""
        with _generating(parts.metrics, wanted.model_type):
            begun, key = perf_counter(), f"generation:{wanted.model_type}:{_hash(wanted.prompt, 1)}"
            result = await parts.cache.get(key)
            if result is None:
                result = _hash(wanted.prompt, ROUNDS["large"])
                await parts.cache.set(key, result)
            await _keep(parts, "generation", wanted.model_type, perf_counter() - begun)
        return JSONResponse({"result": result}, 201)

    @router.post("/ai/operations")
    async def operate(wanted: Operation) -> JSONResponse:
        """Let a model work on an input; 503 where its parameters or its result cannot be kept."""
        with _operating(parts.metrics, wanted):
            begun = perf_counter()
            result = await _inferred(parts, wanted)
            await _keep(parts, wanted.operation_type, wanted.model_name, perf_counter() - begun)
        return JSONResponse({"result": result}, 201)

    @router.post("/calc")
    async def calc(numbers: Numbers) -> JSONResponse:
        """Sum numbers up; the same numbers come from the cache."""
        with parts.metrics.calc_seconds.time():
            key = f"calc:{_hash(repr(numbers.values), 1)}"
            total = await parts.cache.get(key)
            if total is None:
                total = repr(sum(numbers.values))
                await parts.cache.set(key, total)
        return JSONResponse({"total": float(total)})

    return router


@contextmanager
def _generating(metrics: Metrics, model_type: str) -> Iterator[None]:
    with metrics.generations_active.track_inprogress(), metrics.generation_seconds.time():
        try:
            yield
        except BaseException:
            # Also where the caller has gone: what was asked for was not made.
            metrics.generations.labels("failed", model_type).inc()
            raise
        metrics.generations.labels("success", model_type).inc()


@contextmanager
def _operating(metrics: Metrics, wanted: Operation) -> Iterator[None]:
    status = "failed"
    try:
        yield
        status = "success"
    finally:
        metrics.operations.labels(wanted.operation_type, status).inc()
        metrics.model_requests.labels(wanted.model_name, wanted.model_type, status).inc()


async def _inferred(parts: Parts, wanted: Operation) -> str:
    timer = parts.metrics.inference_seconds.labels(wanted.model_name, wanted.model_type).time()
    with timer, parts.tracing.span("inference", **{"model.name": wanted.model_name, "model.type": wanted.model_type}):
        parameters = await parts.cache.get(f"model:{wanted.model_name}") or ""
        return _hash(parameters + wanted.input, ROUNDS[wanted.model_name])


async def _keep(parts: Parts, kind: str, model: str, seconds: float) -> None:
    await parts.database.run(ADD, id=uuid4().hex, kind=kind, model=model, status="success", seconds=seconds, now=now())


def _hash(text: str, rounds: int) -> str:
    digest = text.encode()
    for _ in range(rounds):
        digest = sha256(digest).digest()
    return digest.hex()
