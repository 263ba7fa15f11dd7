"""Everything that the handlers of one application share."""

from __future__ import annotations

from dataclasses import dataclass

from service.cache import Cache
from service.database import Database
from service.gateway import Gateway
from service.jobqueue import JobQueue
from service.metrics import Metrics
from service.tracing import Tracing


@dataclass(frozen=True)
class Parts:
    """What a handler works with."""

    metrics: Metrics
    database: Database
    cache: Cache
    queue: JobQueue
    gateway: Gateway
    tracing: Tracing
