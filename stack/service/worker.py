"""The queue's worker: does the jobs that the service leaves in Celery's queue, and shows its own metrics and health.

``CELERY_BROKER_URL=redis://127.0.0.1:6379/1 DATABASE_URL=… PORT=8082 python -m service.worker``
"""

from __future__ import annotations

import json
import os
import sys
from threading import Event, Thread
from typing import Any

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from service.database import create_database
from service.errors import flush_errors, report_errors
from service.jobqueue import celery_app, register_jobs
from service.jobs import Desk
from service.logs import set_up_logs
from service.metrics import WORKER, Metrics, create_metrics
from service.plainhttp import Answer, Routes, serve
from service.settings import Settings, SettingsError, read_settings
from service.tracing import create_tracing

NAMES = {"SERVICE_NAME": "checkout-worker", "INSTANCE": "worker-1"}


def worker_routes(metrics: Metrics, connected: Event) -> Routes:
    """Return what the worker's own port answers: it is ready once it takes jobs."""

    def exposition(_: bytes) -> Answer:
        return 200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(metrics.registry).decode()

    def alive(_: bytes) -> Answer:
        return 200, "application/json", json.dumps({"status": "alive"})

    def ready(_: bytes) -> Answer:
        return 200 if connected.is_set() else 503, "application/json", json.dumps({"ready": connected.is_set()})

    return {("GET", "/metrics"): exposition, ("GET", "/health/liveness"): alive, ("GET", "/health/readiness"): ready}


def work(settings: Settings, desk: Desk, connected: Event) -> None:
    """Do jobs until SIGTERM, one at a time, in this process: so all its metrics are in one place."""
    from celery.signals import setup_logging, worker_ready  # noqa: PLC0415  imported with Celery, not before it

    def begin(**_: Any) -> None:
        connected.set()

    def leave_logs_alone(**_: Any) -> None:
        """Do nothing: that somebody listens is enough."""

    worker_ready.connect(begin, weak=False)
    setup_logging.connect(leave_logs_alone, weak=False)
    app = celery_app(settings.broker_url, settings.queue_timeout)
    register_jobs(app, desk)
    alone = {"without_gossip": True, "without_mingle": True, "without_heartbeat": True}
    app.Worker(pool="solo", hostname=settings.instance, quiet=True, **alone).start()


def main() -> int:
    """Work until SIGTERM; returns 2 where the settings are wrong."""
    try:
        settings = worker_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  there is no logging yet
        return 2
    set_up_logs(settings.name, settings.log_level, settings.log_format)
    report_errors(settings)
    metrics, tracing, connected = create_metrics(WORKER), create_tracing(settings), Event()
    server = serve(worker_routes(metrics, connected), settings.port, settings.host)
    Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    work(settings, Desk(create_database(settings, metrics, tracing.watch_queries), metrics), connected)
    tracing.close()
    flush_errors(settings)
    return 0


def worker_settings() -> Settings:
    """Return the settings; ``SettingsError`` names everything that is wrong or missing."""
    settings = read_settings({**NAMES, **os.environ}, sys.argv[1:], default_port=8082)
    missing = [name for name in ("CELERY_BROKER_URL", "DATABASE_URL") if not os.environ.get(name)]
    if missing:
        raise SettingsError("\n".join(f"{name}: the worker needs it, and the same as the service has" for name in missing))
    return settings


if __name__ == "__main__":
    sys.exit(main())
