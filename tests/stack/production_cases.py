"""For each alert of production: series that make it fire just above its threshold, and near misses that must stay quiet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Series = Mapping[str, str]
"""A series and its values, one a minute, in promtool's notation."""

MINUTES = 60
CHECKOUT = {"job": "checkout"}
NODE = {"job": "node", "instance": "node-1.shop.example:9100"}
WEB = {"job": "checkout", "instance": "checkout-1.shop.example:8080"}


@dataclass(frozen=True)
class Case:
    """One alert: what makes it fire, near misses, its hold in minutes, and the labels and summary that it then has.

    ``since``: the minute from which its condition is true; rates need two samples. ``look``: when near misses are looked at,
    unless that is soon after the hold.
    """

    alert: str
    severity: str
    hold: int
    fires: Series
    quiet: tuple[Series, ...]
    labels: Mapping[str, str]
    summary: str
    since: int = 1
    look: int = 0


def flat(value: float) -> str:
    """Return a gauge that stays where it is."""
    return f"{value}+0x{MINUTES}"


def grows(by: float) -> str:
    """Return a counter that grows by so much in each minute."""
    return f"0+{by}x{MINUTES}"


def requests(failed: float, total: float = 1000) -> Series:
    """Return requests of which so many fail in each minute; failing health probes are not failing users."""
    name = "http_requests_total"
    return {
        f'{name}{{job="checkout",endpoint="/checkout",method="POST",status="201"}}': grows(total - failed),
        f'{name}{{job="checkout",endpoint="/checkout",method="POST",status="502"}}': grows(failed),
        f'{name}{{job="checkout",endpoint="/health/readiness",method="GET",status="503"}}': grows(500),
    }


def failing_for(minutes: int, failed: float) -> Series:
    """Return requests of which so many fail in each minute, until they all succeed again."""
    well, bad = requests(failed).items(), f"0+{failed}x{minutes} {failed * minutes}+0x{MINUTES}"
    return {name: bad if "502" in name else values for name, values in well}


def durations(name: str, below: float, edge: float, above: float, labels: str = 'endpoint="/checkout"') -> Series:
    """Return a histogram: of 1,000 observations a minute so many are at most ``edge``, and all at most ``above``."""
    le = {f"{edge}": below, f"{above}": 1000, "+Inf": 1000}
    inside = f'job="checkout",{labels}' if labels else 'job="checkout"'
    buckets = {f'{name}_bucket{{{inside},le="{bound}"}}': grows(count) for bound, count in le.items()}
    return {**buckets, f"{name}_count{{{inside}}}": grows(1000)}


def answers(below: float, edge: float, above: float) -> Series:
    """Return how long requests took."""
    return durations("http_request_duration_seconds", below, edge, above)


def up(job: str, values: str) -> Series:
    """Return whether an instance could be scraped."""
    return {f'up{{job="{job}",instance="{job}-1.shop.example:80"}}': values}


def disk(available: float) -> Series:
    """Return a root file system with so many percent available."""
    where = 'job="node",instance="node-1.shop.example:9100",mountpoint="/",device="/dev/sda1",fstype="ext4"'
    return {
        f"node_filesystem_avail_bytes{{{where}}}": flat(available),
        f"node_filesystem_size_bytes{{{where}}}": flat(100),
    }


def memory(available: float) -> Series:
    """Return a memory of which so many percent are available."""
    where = 'job="node",instance="node-1.shop.example:9100"'
    return {f"node_memory_MemAvailable_bytes{{{where}}}": flat(available), f"node_memory_MemTotal_bytes{{{where}}}": flat(100)}


def cpu(idle: float) -> Series:
    """Return two CPUs that are idle for such a share of the time."""
    where = 'job="node",instance="node-1.shop.example:9100",mode="idle"'
    return {f'node_cpu_seconds_total{{{where},cpu="{number}"}}': grows(60 * idle) for number in (0, 1)}


def queue(depth: float) -> Series:
    """Return a queue of such a length."""
    return {'queue_depth{job="checkout",instance="checkout-1.shop.example:8080",queue="celery"}': flat(depth)}


def shares(name: str, good: str, bad: str, failed: float) -> Series:
    """Return a counter of 1,000 a minute, of which so many fail."""
    return {f'{name}{{job="checkout",{good}}}': grows(1000 - failed), f'{name}{{job="checkout",{bad}}}': grows(failed)}


def payments(failed: float) -> Series:
    """Return payments of which so many in 1,000 fail."""
    good, bad = ('provider="example-pay",status="success"', 'provider="example-pay",status="timeout"')
    return shares("payment_requests_total", good, bad, failed)


def generations(failed: float) -> Series:
    """Return generations of which so many in 1,000 fail."""
    return shares(
        "generation_requests_total", 'model_type="text",status="success"', 'model_type="text",status="failed"', failed
    )


def pair(one: str, first: str, other: str, second: str, labels: str = 'job="checkout"') -> Series:
    """Return two series with the same labels."""
    return {f"{one}{{{labels}}}": first, f"{other}{{{labels}}}": second}


def projects(submitted: float) -> Series:
    """Return 10 projects a minute, of which so many are submitted."""
    accepted = {'projects_submitted_total{job="checkout",status="accepted"}': grows(submitted)}
    return {**accepted, 'projects_created_total{job="checkout"}': grows(10)}


def pool(used: float) -> Series:
    """Return a pool of 100 connections."""
    labels = 'job="checkout",instance="checkout-1.shop.example:8080"'
    return pair("pg_pool_used", flat(used), "pg_pool_total", flat(100), labels)


def cache(hits: float) -> Series:
    """Return 1,000 look-ups a minute, of which so many hit."""
    return pair("cache_hits_total", grows(hits), "cache_requests_total", grows(1000))


def queries(below: float) -> Series:
    """Return 1,000 queries a minute, of which so many take at most 1 s."""
    return durations("database_query_duration_seconds", below, 1.0, 2.5, 'query_type="select",table="orders"')


def reports(below: float) -> Series:
    """Return 1,000 reports a minute, of which so many take at most 30 s."""
    return durations("report_generation_duration_seconds", below, 30.0, 60.0, "")


USERS = 'active_users{job="checkout",instance="checkout-1.shop.example:8080",timeframe="daily"}'
AGE = 'celery_queue_age_seconds{job="checkout",instance="checkout-1.shop.example:8080"}'
EURO = 'payment_amount_total{job="checkout",instance="checkout-1.shop.example:8080"}'
ROOT = {**NODE, "mountpoint": "/", "device": "/dev/sda1", "fstype": "ext4"}

API = (
    Case("ElevatedErrorRate", "warning", 5, requests(11), (requests(9),), CHECKOUT, "1.1% of the requests to checkout fail"),
    Case("HighErrorRate", "warning", 5, requests(51), (requests(49),), CHECKOUT, "5.1% of the requests to checkout fail"),
    Case("CriticalErrorRate", "critical", 2, requests(51), (requests(49),), CHECKOUT, "5.1% of the requests to checkout fail"),
    Case(
        "ServerErrorsPerSecond", "warning", 5, requests(6.6), (requests(5.4),), CHECKOUT,
        "checkout fails 0.11 requests per second", since=5,
    ),
    Case(
        "ServiceDown", "critical", 1, up("payments", flat(0)), (up("payments", "1 0 1 0 1 0 1 0 1 0"), up("node", flat(0))),
        {"job": "payments", "instance": "payments-1.shop.example:80"}, "payments-1.shop.example:80 does not answer", since=0,
    ),
    Case(
        "HighLatency", "warning", 5, answers(940, 0.25, 0.5), (answers(951, 0.25, 0.5),), CHECKOUT,
        "checkout is slow: its p95 is 291.7ms",
    ),
    Case(
        "CriticalLatency", "critical", 5, answers(940, 0.5, 1.0), (answers(951, 0.5, 1.0),), CHECKOUT,
        "checkout is very slow: its p95 is 583.3ms",
    ),
)  # fmt: skip

BUSINESS = (
    Case(
        "HighPaymentFailureRate", "critical", 5, payments(101), (payments(99),), {**CHECKOUT, "provider": "example-pay"},
        "10.1% of the payments with example-pay fail",
    ),
    Case(
        "LowGenerationSuccess", "warning", 5, generations(51), (generations(49),), CHECKOUT,
        "Only 94.9% of the generations succeed",
    ),
    Case(
        "LowUserActivity", "info", 30, {USERS: flat(99)}, ({USERS: flat(100)},), CHECKOUT, "Only 99 users are active",
        since=0,
    ),
    Case(
        "LowConversion", "info", 30, projects(1.9), (projects(2.1),), CHECKOUT,
        "Only 19% of the created projects are submitted",
    ),
    Case(
        "LowRevenue", "info", 30, {EURO: grows(3)}, ({EURO: f"0 110+1x{MINUTES}"},), CHECKOUT,
        "Only 93 euros were earned within an hour",
    ),
)  # fmt: skip

INFRASTRUCTURE = (
    Case(
        "DatabaseDown", "critical", 1, up("postgres", flat(0)), (up("postgres", "1 0 1 0 1 0 1 0"),),
        {"job": "postgres", "instance": "postgres-1.shop.example:80"},
        "The database postgres-1.shop.example:80 does not answer", since=0,
    ),
    Case(
        "DiskFillingUp", "warning", 5, disk(14), (disk(16),), ROOT, "86% of the disk of node-1.shop.example:9100 is used",
        since=0,
    ),
    Case(
        "HighDiskUsage", "critical", 5, disk(9), (disk(11),), ROOT, "91% of the disk of node-1.shop.example:9100 is used",
        since=0,
    ),
    Case(
        "MemoryFillingUp", "warning", 5, memory(9), (memory(11),), NODE,
        "91% of the memory of node-1.shop.example:9100 is used", since=0,
    ),
    Case(
        "HighMemory", "critical", 5, memory(4), (memory(6),), NODE, "96% of the memory of node-1.shop.example:9100 is used",
        since=0,
    ),
    Case("ElevatedCPU", "warning", 10, cpu(0.19), (cpu(0.21),), NODE, "The CPUs of node-1.shop.example:9100 are 81% busy"),
    Case("HighCPU", "critical", 5, cpu(0.09), (cpu(0.11),), NODE, "The CPUs of node-1.shop.example:9100 are 91% busy"),
    Case(
        "HighQueueLag", "critical", 5, {AGE: flat(301)}, ({AGE: flat(299)},), CHECKOUT,
        "The oldest task has waited for 5m 1s", since=0,
    ),
    Case(
        "QueueBacklog", "warning", 5, queue(101), (queue(100),), {**CHECKOUT, "queue": "celery"},
        "101 tasks wait in the queue celery", since=0,
    ),
    Case(
        "HighQueueDepth", "critical", 5, queue(501), (queue(500),), {**CHECKOUT, "queue": "celery"},
        "501 tasks wait in the queue celery", since=0,
    ),
    Case(
        "HighCacheMissRate", "warning", 10, cache(490), (cache(510),), CHECKOUT,
        "51% of the look-ups of checkout miss the cache",
    ),
    Case(
        "ConnectionPoolNearLimit", "warning", 5, pool(91), (pool(90),), WEB,
        "91% of the database connections of checkout-1.shop.example:8080 are in use", since=0,
    ),
    Case(
        "SlowDatabaseQueries", "warning", 5, queries(980), (queries(991),), CHECKOUT,
        "The database queries of checkout are slow: their p99 is 1.75s",
    ),
)  # fmt: skip

BURNS = "checkout burns its error budget: {} of the requests fail"
SLA = (
    Case(
        "ErrorBudgetBurn1h", "critical", 0, requests(14.5), (requests(14.3), failing_for(20, 100)), CHECKOUT,
        BURNS.format("1.45%"), look=50,
    ),
    Case("ErrorBudgetBurn6h", "critical", 0, requests(6.1), (requests(5.9),), CHECKOUT, BURNS.format("0.61%")),
    Case("ErrorBudgetBurn1d", "warning", 0, requests(3.1), (requests(2.9),), CHECKOUT, BURNS.format("0.31%")),
    Case("ErrorBudgetBurn3d", "warning", 0, requests(1.1), (requests(0.9),), CHECKOUT, BURNS.format("0.11%")),
    Case(
        "AvailabilityBelowObjective", "warning", 5, requests(1.1), (requests(0.9), requests(0, 0)), CHECKOUT,
        "checkout is 99.89% available",
    ),
    Case("AvailabilitySLAViolated", "critical", 5, requests(5.1), (requests(4.9),), CHECKOUT, "checkout is 99.49% available"),
    Case("ErrorRateSLAViolated", "warning", 5, requests(11), (requests(9),), CHECKOUT, "1.1% of the requests to checkout fail"),
    Case(
        "LatencySLAViolated", "warning", 5, answers(940, 0.5, 1.0), (answers(951, 0.5, 1.0),), CHECKOUT,
        "The p95 of checkout is 583.3ms",
    ),
    Case(
        "CheckoutP95SLAViolated", "warning", 5, answers(940, 0.2, 0.5), (answers(951, 0.2, 0.5),), CHECKOUT,
        "The p95 of /checkout is 250ms",
    ),
    Case(
        "CheckoutP99SLAViolated", "warning", 5, answers(980, 0.5, 1.0), (answers(991, 0.5, 1.0),), CHECKOUT,
        "The p99 of /checkout is 750ms",
    ),
    Case(
        "ReportsSLAViolated", "warning", 5, reports(949), (reports(951),), CHECKOUT,
        "Only 94.9% of the reports are ready within 30s",
    ),
    Case(
        "ThroughputBelowObjective", "warning", 10, requests(0, 59), (requests(0, 61),), CHECKOUT,
        "checkout answers only 0.98 requests per second",
    ),
)  # fmt: skip
CASES = (*API, *BUSINESS, *INFRASTRUCTURE, *SLA)
