"""What the service measures about itself, and how it shows it to Prometheus."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from starlette.responses import Response

DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds; 0.5 is the objective, so it must be a bucket's edge."""


@dataclass(frozen=True)
class Metrics:
    """Every instrument of the service, and the registry that holds them."""

    registry: CollectorRegistry
    requests: Counter
    request_seconds: Histogram
    payments: Counter

    def exposition(self) -> Response:
        """Return the answer to a scrape."""
        return Response(generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


def create_metrics() -> Metrics:
    """Return fresh instruments in a registry of their own, so that two applications never share a count."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return Metrics(
        registry=registry,
        requests=Counter("http_requests_total", "Requests answered.", ["method", "endpoint", "status"], registry=registry),
        request_seconds=Histogram(
            "http_request_duration_seconds",
            "Seconds from the first byte of a request to the last byte of its answer.",
            ["method", "endpoint"],
            buckets=DURATION_BUCKETS,
            registry=registry,
        ),
        payments=Counter("payment_requests_total", "Calls to the payment provider.", ["provider", "status"], registry=registry),
    )
