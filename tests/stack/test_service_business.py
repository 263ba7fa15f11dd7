"""Every endpoint moves its metrics, and a dependency that fails shows in them."""

from __future__ import annotations

from typing import Any

import pytest


class BrokenStore:
    """A cache that cannot be reached."""

    url = "broken://"

    async def get(self, key: str) -> str | None:
        raise ConnectionError

    async def set(self, key: str, value: str, seconds: int) -> None:
        raise ConnectionError

    async def ping(self) -> None:
        raise ConnectionError

    async def close(self) -> None:
        pass


class BrokenQueue:
    """A queue that takes nothing."""

    async def put(self, job: str, payload: Any) -> None:
        from service.failures import Unavailable  # noqa: PLC0415

        raise Unavailable("queue", "ConnectionError")


def _post(shop: Any, path: str, **body: Any) -> Any:
    return shop.ask("POST", path, json=body)


def _has(shop: Any, *lines: str) -> None:
    text = shop.ask("GET", "/metrics").text.splitlines()

    assert [line for line in lines if line not in text] == []


def _break(shop: Any, **parts: Any) -> None:
    """Put other parts in the place of the service's own; the handlers hold the same object."""
    for name, part in parts.items():
        object.__setattr__(shop.app.state.parts, name, part)


@pytest.fixture
def lost(make_shop: Any, tmp_path: Any) -> Any:
    """Return a service whose database cannot be opened."""
    return make_shop(database_url=f"sqlite:///{tmp_path}/no/such/folder/shop.db")


def test_somebody_signs_up_comes_back_and_is_found(shop: Any) -> None:
    made = _post(shop, "/users", source="mobile")
    user = made.json()["id"]
    found = [shop.ask("GET", f"/users/{user}") for _ in range(2)]

    assert made.status_code == 201
    assert [answer.json()["source"] for answer in found] == ["mobile", "mobile"]
    assert _post(shop, f"/users/{user}/visits").status_code == 202
    assert shop.ask("GET", "/users/nobody").status_code == 404
    _has(
        shop,
        'user_registrations_total{source="mobile"} 1.0',
        'user_registrations_total{source="web"} 0.0',
        'cache_operations_total{operation="get",result="hit"} 1.0',
        'cache_operations_total{operation="get",result="miss"} 2.0',
        "cache_requests_total 3.0",
        "cache_hits_total 1.0",
        'database_query_duration_seconds_count{query_type="insert",table="users"} 1.0',
    )


def test_words_that_are_not_on_the_list_are_refused_and_make_no_series(shop: Any) -> None:
    assert _post(shop, "/users", source="x" * 1000).status_code == 422
    assert _post(shop, "/generate", model_type="video").status_code == 422
    assert _post(shop, "/ai/operations", operation_type="pray").status_code == 422
    assert [line for line in shop.samples("") if "video" in line or "xxx" in line] == []


def test_a_generation_is_made_once_and_then_comes_from_the_cache(shop: Any) -> None:
    results = [_post(shop, "/generate", prompt="a cat", model_type="image").json() for _ in range(2)]

    assert results[0] == results[1]
    _has(
        shop,
        'generation_requests_total{model_type="image",status="success"} 2.0',
        'generation_requests_total{model_type="image",status="failed"} 0.0',
        "generation_duration_seconds_count 2.0",
        "active_generations 0.0",
        "cache_hit_ratio 0.5",
    )


def test_a_generation_without_a_database_has_failed(lost: Any) -> None:
    answer = _post(lost, "/generate")

    assert (answer.status_code, answer.json()) == (503, {"error": "database cannot be used: OperationalError"})
    _has(
        lost,
        'generation_requests_total{model_type="text",status="failed"} 1.0',
        "active_generations 0.0",
        'http_requests_total{endpoint="/generate",method="POST",status="503"} 1.0',
    )


def test_a_cache_that_fails_is_counted_and_does_no_harm(shop: Any) -> None:
    object.__setattr__(shop.app.state.parts.cache, "store", BrokenStore())

    assert _post(shop, "/generate").status_code == 201
    assert shop.ask("GET", "/health/readiness").json() == {"ready": False, "failed_checks": ["cache"]}
    _has(
        shop,
        'cache_operations_total{operation="get",result="error"} 1.0',
        'cache_operations_total{operation="set",result="error"} 1.0',
        "cache_requests_total 1.0",
        "cache_hit_ratio 0.0",
    )


def test_the_hit_ratio_of_no_reads_is_not_a_number(shop: Any) -> None:
    _has(shop, "cache_hit_ratio NaN")


def test_an_ai_operation_is_counted_by_type_and_model(shop: Any) -> None:
    answer = _post(shop, "/ai/operations", operation_type="embed", model_name="large", model_type="audio")

    assert answer.status_code == 201
    _has(
        shop,
        'ai_operations_total{operation_type="embed",status="success"} 1.0',
        'ai_model_requests_total{model_name="large",model_type="audio",status="success"} 1.0',
        'ai_model_inference_duration_seconds_count{model_name="large",model_type="audio"} 1.0',
    )


def test_an_ai_operation_whose_result_is_lost_has_failed(lost: Any) -> None:
    assert _post(lost, "/ai/operations").status_code == 503
    _has(lost, 'ai_operations_total{operation_type="classify",status="failed"} 1.0')


def test_a_payment_adds_its_amount_and_a_failed_one_nothing(shop: Any) -> None:
    assert _post(shop, "/pay", amount=12.5).status_code == 201
    shop.payments_answers(500)
    assert _post(shop, "/pay", amount=100).status_code == 502

    _has(
        shop,
        "payment_amount_total 12.5",
        'payment_requests_total{provider="example-pay",status="success"} 1.0',
        'payment_requests_total{provider="example-pay",status="refused"} 1.0',
        'payment_requests_total{provider="example-pay",status="timeout"} 0.0',
    )


def test_alone_the_service_collects_the_money_itself(make_shop: Any) -> None:
    from service.app import create_app  # noqa: PLC0415
    from service.settings import Settings  # noqa: PLC0415

    shop = make_shop()
    shop.app = create_app(Settings(port=0))

    assert _post(shop, "/checkout", amount=1).json()["payment"] == "payment-1"
    assert _post(shop, "/checkout", amount=-1).status_code == 502
    assert shop.ask("GET", "/health/readiness").status_code == 200


def _until_done(*before: tuple[str, str, dict[str, Any]]) -> list[tuple[str, str, dict[str, Any]]]:
    # Each request lets the job beside it go on.
    return [*before, *[("GET", "/metrics/business", {})] * 20]


def test_a_transaction_is_submitted_and_then_confirmed(shop: Any) -> None:
    first, *_, business = shop.talk(*_until_done(("POST", "/blockchain/transactions", {"json": {"transaction_type": "mint"}})))

    assert (first.status_code, first.json()["status"]) == (202, "submitted")
    transactions = business.json()["transactions"]
    assert 0 <= transactions.pop("average_confirmation_seconds") < 30
    assert transactions == {"total": 1, "confirmed": 1, "failed": 0, "waiting": 0}


def test_a_transaction_that_finds_no_queue_has_failed_and_waits_for_nobody(shop: Any) -> None:
    _break(shop, queue=BrokenQueue())

    answer = _post(shop, "/blockchain/transactions")

    assert (answer.status_code, answer.json()) == (503, {"error": "queue cannot be used: ConnectionError"})
    _has(shop, 'blockchain_transactions_total{status="failed",transaction_type="transfer"} 1.0')
    assert shop.ask("GET", "/metrics/business").json()["transactions"]["waiting"] == 0


def test_a_report_is_ordered_made_and_read(shop: Any) -> None:
    _post(shop, "/generate")

    *_, report, none = shop.talk(
        *_until_done(("POST", "/reports", {})),
        lambda answers: ("GET", f"/reports/{answers[0].json()['id']}", {}),
        ("GET", "/reports/none", {}),
    )

    done = report.json()
    assert (done["status"], done["result"]) == ("done", [{"kind": "generation", "status": "success", "number": 1}])
    assert none.status_code == 404
    _has(shop, "report_generation_duration_seconds_count 1.0", "queue_processing_seconds_count 1.0")


def test_the_objective_for_reports_is_the_edge_of_a_bucket(shop: Any) -> None:
    _has(shop, 'report_generation_duration_seconds_bucket{le="30.0"} 0.0')


def test_a_project_with_a_title_is_accepted_and_one_without_is_not(shop: Any) -> None:
    projects = [_post(shop, "/projects", title=title).json()["id"] for title in ("a shop", " ")]
    answers = [_post(shop, f"/projects/{project}/submission").json()["status"] for project in projects]

    assert answers == ["accepted", "rejected"]
    assert _post(shop, "/projects/none/submission").status_code == 404
    _has(
        shop,
        "projects_created_total 2.0",
        'projects_submitted_total{status="accepted"} 1.0',
        'projects_submitted_total{status="rejected"} 1.0',
    )


def test_a_calculation_is_timed(shop: Any) -> None:
    totals = [_post(shop, "/calc", values=[0.5, 0.25]).json() for _ in range(2)]

    assert totals == [{"total": 0.75}, {"total": 0.75}]
    _has(shop, "calc_duration_seconds_count 2.0")


def test_business_metrics_come_from_the_database(shop: Any) -> None:
    _post(shop, "/users")
    for _ in range(3):
        _post(shop, "/ai/operations", operation_type="embed")

    business = shop.ask("GET", "/metrics/business").json()
    assert business["users"] == {"daily": 1, "weekly": 1, "total": 1, "new": 1}
    assert business["transactions"]["average_confirmation_seconds"] is None
    operations = business["operations"]
    assert operations["embed"].pop("average_seconds") > 0
    assert operations == {"embed": {"success": 3, "failed": 0}}


def test_the_rounds_show_who_is_active_and_what_waits(make_shop: Any) -> None:
    shop = make_shop(sample_interval=0.01)
    _post(shop, "/users")
    shop.talk(*_until_done())

    _has(
        shop,
        "active_users_total 1.0",
        'active_users{timeframe="daily"} 1.0',
        'queue_depth{queue="celery"} 0.0',
        "celery_queue_age_seconds 0.0",
        "transaction_queue_size 0.0",
        "pg_pool_total 1.0",
        "pg_pool_used 0.0",
        "database_connections_active 0.0",
    )


def test_a_queue_that_cannot_be_seen_is_neither_empty_nor_full(make_shop: Any) -> None:
    shop = make_shop(broker_url="redis://127.0.0.1:1/0", queue_timeout=1.0)
    shop.talk()

    _has(shop, 'queue_depth{queue="celery"} NaN', "celery_queue_age_seconds NaN")


@pytest.mark.parametrize(
    "name",
    [
        "process_cpu_seconds_total",
        'system_cpu_seconds_total{mode="user"}',
        "system_load1",
        "system_context_switches_total",
        "system_memory_available_bytes",
        "system_memory_usage_ratio",
        "system_swap_total_bytes",
        'system_disk_usage_ratio{mountpoint="/"}',
        "system_network_receive_bytes_total",
    ],
)
def test_the_machine_is_measured(shop: Any, name: str) -> None:
    assert len(shop.samples(f"{name} ")) == 1


def test_without_instrumentation_nothing_is_counted(make_shop: Any) -> None:
    shop = make_shop(instrumentation="off")

    answer = shop.ask("GET", "/")

    assert "X-Correlation-ID" not in answer.headers
    assert shop.samples("http_requests_total") == []
