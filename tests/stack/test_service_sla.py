"""What the SLA endpoints answer, against what really happened."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest


def _at(shop: Any, path: str) -> Any:
    return shop.ask("GET", path).json()


def _past(shop: Any, requests: int, errors: int, seconds: float = 0.02) -> None:
    from service.timing import now  # noqa: PLC0415

    for number in range(requests):
        shop.app.state.history.note(now(), seconds, failed=number < errors)


def test_without_a_request_there_is_no_data_and_not_100_percent(shop: Any) -> None:
    statuses = _at(shop, "/sla/status")

    assert statuses["metrics"] == {
        "availability": "no data",
        "response_time": "no data",
        "error_rate": "no data",
        "throughput": "violated",
    }
    assert _at(shop, "/monitoring/sla/availability")["value"] is None


def test_each_metric_has_target_value_unit_status_and_period(shop: Any) -> None:
    _past(shop, requests=1000, errors=2)

    answer = _at(shop, "/monitoring/sla/availability")
    assert answer.pop("begin").endswith("+00:00")
    assert answer.pop("end").endswith("+00:00")
    assert answer == {
        "metric": "availability",
        "target": 0.999,
        "value": 0.998,
        "unit": "ratio",
        "status": "violated",
        "period": "30d",
        "description": "requests not answered with 5xx",
        "requests": 1000,
    }


@pytest.mark.parametrize(
    ("errors", "status"), [(0, "compliant"), (8, "compliant"), (9, "warning"), (10, "warning"), (11, "violated")]
)
def test_a_promise_is_in_danger_before_it_is_broken(shop: Any, errors: int, status: str) -> None:
    _past(shop, requests=1000, errors=errors)

    assert _at(shop, "/monitoring/sla/error_rate")["status"] == status


def test_the_worst_promise_decides(shop: Any) -> None:
    _past(shop, requests=10_000, errors=1000)

    whole = _at(shop, "/monitoring/sla")
    assert whole["status"] == "violated"
    assert [metric["metric"] for metric in whole["metrics"]] == ["availability", "response_time", "error_rate", "throughput"]
    assert whole["metrics"][2]["value"] == 0.1


def test_figures_are_of_all_requests_and_not_averages_of_averages(shop: Any) -> None:
    from service.timing import now  # noqa: PLC0415

    # A busy second without an error and a quiet one with nothing but errors: 1 % of all, half of the seconds.
    history, instant = shop.app.state.history, now()
    for _ in range(99):
        history.note(instant - 2, 0.02, failed=False)
    history.note(instant - 1, 0.02, failed=True)

    assert _at(shop, "/monitoring/sla/error_rate?period=10s")["value"] == pytest.approx(0.01)


def test_response_time_is_the_95th_percentile_and_not_the_mean(shop: Any) -> None:
    _past(shop, requests=90, errors=0, seconds=0.02)
    _past(shop, requests=10, errors=0, seconds=4.0)

    answer = _at(shop, "/monitoring/sla/response_time")
    assert (answer["value"], answer["status"]) == (pytest.approx(3.75), "violated")


def test_requests_that_users_make_are_counted_and_those_of_monitoring_are_not(shop: Any) -> None:
    shop.payments_is_gone()
    shop.ask("POST", "/checkout", json={})
    for path in ("/health/readiness", "/metrics", "/sla/status", "/"):
        shop.ask("GET", path)

    answer = _at(shop, "/monitoring/sla/error_rate")
    assert (answer["requests"], answer["value"]) == (2, 0.5)


def test_an_exception_that_nobody_caught_counts_as_an_error(shop: Any) -> None:
    @shop.app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a bug")

    shop.ask("GET", "/broken")

    assert _at(shop, "/monitoring/sla/error_rate")["value"] == 1.0


def test_a_metric_that_there_is_not_is_404_with_those_that_there_are(shop: Any) -> None:
    answer = shop.ask("GET", "/monitoring/sla/latency")

    assert answer.status_code == 404
    assert answer.json() == {
        "error": "no metric is called 'latency'",
        "valid": ["availability", "response_time", "error_rate", "throughput"],
    }


@pytest.mark.parametrize("period", ["1", "0s", "31d", "1 h", "-1h", "1h1m"])
def test_a_period_that_is_none_is_refused(shop: Any, period: str) -> None:
    answer = shop.ask("GET", "/sla/status", params={"period": period})

    assert answer.status_code == 422
    assert answer.json() == {"detail": f"period: {period!r} is not a period from 1s to 30d; write it like '1h'"}


def test_periods_are_read_and_written_alike() -> None:
    from service.sla import in_seconds, in_words  # noqa: PLC0415

    for words in ("1s", "90s", "5m", "1h", "30d", "1.5s"):
        assert in_words(in_seconds(words)) == words


def test_uptime_tells_since_when_and_how_much_of_the_period(shop: Any) -> None:
    _past(shop, requests=4, errors=1, seconds=0.5)

    answer = _at(shop, "/sla/uptime?period=1h")
    assert 0 <= answer["uptime_seconds"] < 60
    assert answer["alive_seconds"] == pytest.approx(answer["uptime_seconds"], abs=1)
    assert answer["alive_ratio_of_period"] < 0.02
    assert (answer["availability"], answer["mean_response_time_seconds"]) == (0.75, 0.5)


def test_a_restart_forgets_nothing(make_shop: Any, tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    first = make_shop(database_url=url)
    first.payments_answers(503)
    first.talk(*[("POST", "/checkout", {"json": {}})] * 3)
    second = make_shop(database_url=url)

    *_, status, uptime = second.talk(
        ("POST", "/checkout", {"json": {}}),
        ("GET", "/monitoring/sla/error_rate", {}),
        ("GET", "/sla/uptime", {}),
    )

    assert (status.json()["requests"], status.json()["value"]) == (4, 0.75)
    assert uptime.json()["alive_seconds"] >= uptime.json()["uptime_seconds"]


def test_a_broken_database_costs_the_history_and_nothing_else(make_shop: Any, tmp_path: Any) -> None:
    shop = make_shop(database_url=f"sqlite:///{tmp_path}/no/such/folder/shop.db")

    order, readiness = shop.talk(("POST", "/checkout", {"json": {}}), ("GET", "/health/readiness", {}))

    assert order.status_code == 201
    assert readiness.json() == {"ready": False, "failed_checks": ["database"]}


def test_saving_twice_adds_nothing(make_shop: Any, tmp_path: Any) -> None:
    from service.archive import Archive  # noqa: PLC0415
    from service.history import History  # noqa: PLC0415
    from service.timing import now  # noqa: PLC0415

    shop = make_shop(database_url=f"sqlite:///{tmp_path}/shop.db")
    database, history = shop.app.state.parts.database, History(now())
    history.note(now(), 0.02, failed=True)
    archive, again = Archive(database, history, "one"), History(now())

    async def run() -> None:
        await archive.load()
        await archive.save(whole=True)
        await archive.save(whole=True)
        await Archive(database, again, "one").load()

    asyncio.run(run())

    assert again.window(now(), 86400).requests == 1
