"""Requests that wait to be counted are counted before anybody sees the counters."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def metrics(_service_can_be_imported: None) -> Any:
    """Return fresh instruments."""
    from service.metrics import create_metrics  # noqa: PLC0415

    return create_metrics()


def test_whoever_looks_at_the_registry_sees_every_request(metrics: Any) -> None:
    labels = {"method": "GET", "endpoint": "/"}
    counter, histogram = metrics.requests.labels(*labels.values(), "200"), metrics.request_seconds.labels(*labels.values())
    for seconds in (0.02, 0.3):
        metrics.tally.note(counter, histogram, seconds)

    seen = {
        name: metrics.registry.get_sample_value(f"http_request{name}", {**labels, **more})
        for name, more in (
            ("s_total", {"status": "200"}),
            ("_duration_seconds_bucket", {"le": "0.25"}),
            ("_duration_seconds_sum", {}),
        )
    }
    assert seen == {"s_total": 2.0, "_duration_seconds_bucket": 1.0, "_duration_seconds_sum": pytest.approx(0.32)}
    assert b'http_requests_total{endpoint="/",method="GET",status="200"} 2.0' in metrics.exposition().body


def test_no_more_than_a_few_wait(metrics: Any) -> None:
    from service.tally import MOST  # noqa: PLC0415

    counter, histogram = metrics.requests.labels("GET", "/", "200"), metrics.request_seconds.labels("GET", "/")
    for _ in range(MOST + 1):
        metrics.tally.note(counter, histogram, 0.02)

    assert counter._value.get() == MOST
