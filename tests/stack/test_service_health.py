"""Readiness flips with payments, liveness does not, and no check hangs."""

from __future__ import annotations

import asyncio
from typing import Any


def test_readiness_flips_with_payments_and_back(shop: Any) -> None:
    before = shop.ask("GET", "/health/readiness")
    shop.payments_is_gone()
    during = shop.ask("GET", "/health/readiness")
    shop.payments_recovers()
    after = shop.ask("GET", "/health/readiness")

    ready, not_ready = {"ready": True, "failed_checks": []}, {"ready": False, "failed_checks": ["payments"]}
    assert (before.status_code, before.json()) == (200, ready)
    assert (during.status_code, during.json()) == (503, not_ready)
    assert (after.status_code, after.json()) == (200, ready)


def test_readiness_says_no_when_payments_hangs(hasty_shop: Any) -> None:
    hasty_shop.payments_hangs()

    assert hasty_shop.ask("GET", "/health/readiness").status_code == 503


def test_readiness_says_no_when_payments_is_unwell(shop: Any) -> None:
    shop.payments_answers(500)

    assert shop.ask("GET", "/health/readiness").status_code == 503


def test_liveness_asks_nobody(shop: Any) -> None:
    shop.payments_hangs()

    answer = shop.ask("GET", "/health/liveness")

    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


def test_the_basic_answer_depends_on_nobody(shop: Any) -> None:
    shop.payments_is_gone()

    answer = shop.ask("GET", "/health/")

    assert (answer.status_code, answer.json()) == (200, {"status": "healthy"})


def test_the_details_show_each_check(shop: Any) -> None:
    details = shop.ask("GET", "/health/detailed").json()

    for check in details["checks"]:
        assert 0 <= check.pop("duration") < 15
        assert check.pop("timestamp").endswith("+00:00")
    assert details == {
        "status": "healthy",
        "checks": [
            {"name": "payments", "status": "healthy", "message": "ok", "details": {"url": "http://payments/health"}},
            {"name": "database", "status": "healthy", "message": "ok", "details": {"url": "sqlite://"}},
            {"name": "cache", "status": "healthy", "message": "ok", "details": {"url": "memory://"}},
            {"name": "queue", "status": "healthy", "message": "ok", "details": {"url": "memory://"}},
        ],
        "total": 4,
        "healthy": 4,
        "failed_checks": [],
    }


def test_the_details_say_what_is_wrong(hasty_shop: Any) -> None:
    hasty_shop.payments_hangs()
    hanging = hasty_shop.ask("GET", "/health/detailed").json()
    hasty_shop.payments_is_gone()
    gone = hasty_shop.ask("GET", "/health/detailed").json()

    assert (hanging["status"], hanging["failed_checks"]) == ("unhealthy", ["payments"])
    assert hanging["checks"][0]["message"] == "no answer within 20 ms"
    assert gone["checks"][0]["message"] == "ConnectError: connection refused"


def test_an_answer_that_took_more_than_half_of_its_time_is_degraded() -> None:
    from service.health import Status, grade  # noqa: PLC0415

    assert grade(0.05, timeout=0.1) == (Status.HEALTHY, "ok")
    assert grade(0.06, timeout=0.1) == (Status.DEGRADED, "slow: more than half of its 100 ms")


def test_the_worst_check_decides_and_only_unhealthy_ones_failed() -> None:
    from service.health import Finding, Status, summary  # noqa: PLC0415

    findings = [Finding(status, status, "", 0.0) for status in (Status.HEALTHY, Status.UNHEALTHY, Status.DEGRADED)]

    whole = summary(findings)
    assert (whole["status"], whole["failed_checks"], whole["healthy"]) == ("unhealthy", ["unhealthy"], 1)
    assert summary(findings[::2])["status"] == "degraded"
    assert summary([])["status"] == "healthy"


def test_checks_run_side_by_side() -> None:
    from service.health import Check, Status, run_checks  # noqa: PLC0415

    async def both() -> list[Any]:
        met = asyncio.Barrier(2)

        async def meet() -> dict[str, str]:
            await met.wait()
            return {}

        return await run_checks([Check("one", meet, timeout=5), Check("two", meet, timeout=5)])

    assert [finding.status for finding in asyncio.run(both())] == [Status.HEALTHY, Status.HEALTHY]


def test_who_asks_often_does_not_burden_what_is_checked(make_shop: Any) -> None:
    shop = make_shop(check_fresh=60.0)
    before = shop.ask("GET", "/health/readiness")
    shop.payments_is_gone()

    assert (before.status_code, shop.ask("GET", "/health/readiness").status_code) == (200, 200)
