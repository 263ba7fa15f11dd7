"""The queue's worker: does the jobs that the service leaves in Celery's queue, and shows its own metrics.

``CELERY_BROKER_URL=redis://127.0.0.1:6379/1 DATABASE_URL=… PORT=8082 python -m service.worker``
"""

from __future__ import annotations

import os
import sys
from typing import Any

from prometheus_client import start_http_server

from service.database import create_database
from service.errors import flush_errors, report_errors
from service.jobqueue import celery_app, register_jobs
from service.jobs import Desk
from service.logs import set_up_logs
from service.metrics import WORKER, create_metrics
from service.settings import Settings, SettingsError, read_settings
from service.tracing import create_tracing


def create_worker(settings: Settings, desk: Desk) -> Any:
    """Return a Celery application that does every job."""
    app = celery_app(settings.broker_url, settings.queue_timeout)
    register_jobs(app, desk)
    return app


def main() -> int:
    """Work until SIGTERM; returns 2 where the settings are wrong."""
    try:
        settings = _settings()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201  there is no logging yet
        return 2
    set_up_logs(settings.name, settings.log_level, settings.log_format)
    report_errors(settings)
    metrics, tracing = create_metrics(WORKER), create_tracing(settings)
    desk = Desk(create_database(settings, metrics, tracing.watch_queries), metrics)
    start_http_server(settings.port, addr="127.0.0.1", registry=metrics.registry)
    # One job at a time, in this process: its metrics are all in one place, and killing it leaves nothing behind.
    create_worker(settings, desk).Worker(
        pool="solo", hostname=settings.instance, without_gossip=True, without_mingle=True
    ).start()
    tracing.close()
    flush_errors(settings)
    return 0


def _settings() -> Settings:
    named = {"SERVICE_NAME": "checkout-worker", "INSTANCE": "worker-1"}
    settings = read_settings({**named, **os.environ}, sys.argv[1:], default_port=8082)
    missing = [name for name in ("CELERY_BROKER_URL", "DATABASE_URL") if not os.environ.get(name)]
    if missing:
        raise SettingsError("\n".join(f"{name}: the worker needs it, and the same as the service has" for name in missing))
    return settings


if __name__ == "__main__":
    sys.exit(main())
