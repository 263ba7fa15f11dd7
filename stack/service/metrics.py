"""What the service measures about itself, and how it shows it to Prometheus."""

# ruff: noqa: RUF009  a call in the class body below describes an instrument; it is made with its registry

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from itertools import product
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from starlette.responses import Response

from service.tally import Tally
from service.vocabulary import (
    MODEL_NAMES,
    MODEL_TYPES,
    OPERATION_TYPES,
    OUTCOMES,
    PAYMENT_OUTCOMES,
    SOURCES,
    SUBMISSIONS,
    TIMEFRAMES,
    TRANSACTION_OUTCOMES,
    TRANSACTION_TYPES,
)

DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds; 0.5 is the objective, so it must be a bucket's edge."""
QUERY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds; 1 is the objective at the 99th percentile."""
WORK_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Seconds; 30 is the objective for reports, 300 the limit of the queue's lag."""

WEB, WORKER = "web", "worker"
BOTH = (WEB, WORKER)

Labels = Mapping[str, Iterable[str]]
"""Label → the values that are shown from the start, as 0; none where they are only known later."""


def _metric(kind: type[Any], name: str, help_: str, labels: Labels, roles: tuple[str, ...], **more: Any) -> Any:
    return field(metadata={"kind": kind, "name": name, "help": help_, "labels": labels, "roles": roles, "more": more})


def _counter(name: str, help_: str, labels: Labels | None = None, roles: tuple[str, ...] = (WEB,)) -> Any:
    return _metric(Counter, name, help_, labels or {}, roles)


def _gauge(name: str, help_: str, labels: Labels | None = None, roles: tuple[str, ...] = (WEB,)) -> Any:
    return _metric(Gauge, name, help_, labels or {}, roles)


def _histogram(
    name: str, help_: str, buckets: tuple[float, ...], labels: Labels | None = None, roles: tuple[str, ...] = (WEB,)
) -> Any:
    return _metric(Histogram, name, help_, labels or {}, roles, buckets=buckets)


_MODEL: Labels = {"model_name": MODEL_NAMES, "model_type": MODEL_TYPES}


@dataclass(frozen=True)
class Metrics:
    """Every instrument of the service, and the registry that holds them. Durations are in seconds, amounts in euros."""

    registry: CollectorRegistry
    tally: Tally

    requests: Counter = _counter("http_requests_total", "Requests answered.", {"method": (), "endpoint": (), "status": ()})
    request_seconds: Histogram = _histogram(
        "http_request_duration_seconds",
        "Seconds from the first byte of a request to the last byte of its answer.",
        DURATION_BUCKETS,
        {"method": (), "endpoint": ()},
    )

    users_active: Gauge = _gauge("active_users_total", "People who have ever signed up and were seen in the last 30 days.")
    users_by_timeframe: Gauge = _gauge("active_users", "People seen in the timeframe.", {"timeframe": TIMEFRAMES})
    registrations: Counter = _counter("user_registrations_total", "People who signed up.", {"source": SOURCES})

    generations: Counter = _counter(
        "generation_requests_total", "Generations asked for.", {"status": OUTCOMES, "model_type": MODEL_TYPES}
    )
    generation_seconds: Histogram = _histogram("generation_duration_seconds", "Seconds for one generation.", DURATION_BUCKETS)
    generations_active: Gauge = _gauge("active_generations", "Generations going on now.")

    payments: Counter = _counter("payment_requests_total", "Calls to the payment provider.", {"provider": (), "status": ()})
    payment_amount: Counter = _counter("payment_amount_total", "Euros collected.")

    operations: Counter = _counter(
        "ai_operations_total", "AI operations.", {"operation_type": OPERATION_TYPES, "status": OUTCOMES}
    )
    inference_seconds: Histogram = _histogram(
        "ai_model_inference_duration_seconds", "Seconds for one inference.", DURATION_BUCKETS, _MODEL
    )
    model_requests: Counter = _counter("ai_model_requests_total", "Requests to a model.", {**_MODEL, "status": OUTCOMES})

    transactions: Counter = _counter(
        "blockchain_transactions_total",
        "Transactions by what became of them; each is submitted once, then confirmed or failed.",
        {"transaction_type": TRANSACTION_TYPES, "status": TRANSACTION_OUTCOMES},
        BOTH,
    )
    block_seconds: Histogram = _histogram(
        "block_sync_duration_seconds", "Seconds from submitting a transaction to its confirmation.", WORK_BUCKETS, roles=BOTH
    )
    transactions_waiting: Gauge = _gauge("transaction_queue_size", "Transactions submitted and not yet confirmed.")

    connections_active: Gauge = _gauge("database_connections_active", "Database connections in use.", roles=BOTH)
    query_seconds: Histogram = _histogram(
        "database_query_duration_seconds", "Seconds for one query.", QUERY_BUCKETS, {"query_type": (), "table": ()}, BOTH
    )
    pool_used: Gauge = _gauge("pg_pool_used", "Connections taken out of the pool.", roles=BOTH)
    pool_total: Gauge = _gauge("pg_pool_total", "Connections that the pool may hold.", roles=BOTH)

    cache_hit_ratio: Gauge = _gauge("cache_hit_ratio", "Share of all reads found in the cache since the start; NaN before any.")
    cache_operations: Counter = _counter("cache_operations_total", "Uses of the cache.", {"operation": (), "result": ()})
    cache_hits: Counter = _counter("cache_hits_total", "Reads found in the cache.")
    cache_requests: Counter = _counter("cache_requests_total", "Reads of the cache.")

    queue_depth: Gauge = _gauge("queue_depth", "Jobs that wait.", {"queue": ()})
    queue_age: Gauge = _gauge("celery_queue_age_seconds", "Seconds that the oldest waiting job has waited; 0 where none waits.")
    job_seconds: Histogram = _histogram("queue_processing_seconds", "Seconds for one job.", WORK_BUCKETS, roles=BOTH)

    projects_created: Counter = _counter("projects_created_total", "Projects created.")
    projects_submitted: Counter = _counter("projects_submitted_total", "Projects handed in.", {"status": SUBMISSIONS})
    calc_seconds: Histogram = _histogram("calc_duration_seconds", "Seconds for one calculation.", DURATION_BUCKETS)
    report_seconds: Histogram = _histogram(
        "report_generation_duration_seconds", "Seconds from asking for a report to having it.", WORK_BUCKETS, roles=BOTH
    )

    def exposition(self, *, exemplars: bool = False) -> Response:
        """Return the answer to a scrape; with exemplars it is in the format that has them, OpenMetrics."""
        if exemplars:
            text = openmetrics.generate_latest(self.registry)  # type: ignore[no-untyped-call]
            return Response(text, headers={"Content-Type": openmetrics.CONTENT_TYPE_LATEST})
        return Response(generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


def create_metrics(role: str = WEB, provider: str = "") -> Metrics:
    """Return fresh instruments in a registry of their own, so that two applications never share a count.

    Those of the other role can be used as well; they are not shown. ``provider`` is the payment provider.
    """
    # One more series for each counter and histogram, which nothing here reads.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry, tally = CollectorRegistry(), Tally()
    registry.register(tally)
    ProcessCollector(registry=registry)
    metrics = Metrics(registry, tally, **{each.name: _made(each, role, registry) for each in fields(Metrics) if each.metadata})
    for status in PAYMENT_OUTCOMES if provider else ():
        metrics.payments.labels(provider, status)
    _show_ratio(metrics)
    return metrics


def _made(each: Field[Any], role: str, registry: CollectorRegistry) -> Any:
    what = each.metadata
    shown = registry if role in what["roles"] else None
    made = what["kind"](what["name"], what["help"], list(what["labels"]), registry=shown, **what["more"])
    # A counter that appears with its first event has no increase yet: rate() would miss that event.
    for values in product(*what["labels"].values()) if what["labels"] and what["kind"] is not Histogram else ():
        made.labels(*values)
    return made


def _show_ratio(metrics: Metrics) -> None:
    def ratio() -> float:
        hits, asked = _value(metrics.cache_hits), _value(metrics.cache_requests)
        return hits / asked if asked else float("nan")

    metrics.cache_hit_ratio.set_function(ratio)


def _value(counter: Counter) -> float:
    return next(sample.value for family in counter.collect() for sample in family.samples if sample.name.endswith("_total"))
