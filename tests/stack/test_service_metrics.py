"""The series that the rules rely on: their names, labels and buckets."""

from __future__ import annotations

from typing import Any

import pytest

REQUESTS = "http_requests_total{"
PAYMENTS = "payment_requests_total{"


def test_an_order_is_counted_under_its_route_and_status(shop: Any) -> None:
    answer = shop.ask("POST", "/checkout", json={"amount": 5})

    assert answer.status_code == 201
    assert answer.json()["payment"] == "payment-1"
    assert shop.samples(REQUESTS) == ['http_requests_total{endpoint="/checkout",method="POST",status="201"} 1.0']
    assert shop.counted(PAYMENTS) == ['payment_requests_total{provider="example-pay",status="success"} 1.0']


def test_a_payment_that_is_refused_is_a_bad_gateway(shop: Any) -> None:
    shop.payments_answers(503)

    answer = shop.ask("POST", "/checkout", json={})

    assert (answer.status_code, answer.json()) == (502, {"error": "payments answered 503"})
    assert shop.samples(REQUESTS) == ['http_requests_total{endpoint="/checkout",method="POST",status="502"} 1.0']
    assert shop.counted(PAYMENTS) == ['payment_requests_total{provider="example-pay",status="refused"} 1.0']


def test_payments_that_hangs_is_a_gateway_timeout(hasty_shop: Any) -> None:
    hasty_shop.payments_hangs()

    answer = hasty_shop.ask("POST", "/checkout", json={})

    assert (answer.status_code, answer.json()) == (504, {"error": "payments did not answer within 0.02 s"})
    assert hasty_shop.samples(REQUESTS) == ['http_requests_total{endpoint="/checkout",method="POST",status="504"} 1.0']
    assert hasty_shop.counted(PAYMENTS) == ['payment_requests_total{provider="example-pay",status="timeout"} 1.0']


def test_payments_that_is_gone_is_a_bad_gateway(shop: Any) -> None:
    shop.payments_is_gone()

    answer = shop.ask("POST", "/checkout", json={})

    assert (answer.status_code, answer.json()) == (502, {"error": "payments cannot be used: ConnectError"})
    assert shop.counted(PAYMENTS) == ['payment_requests_total{provider="example-pay",status="error"} 1.0']


@pytest.mark.parametrize("text", ["no json", "[]", '{"number": 1}'])
def test_an_answer_that_makes_no_sense_is_a_bad_gateway(shop: Any, text: str) -> None:
    shop.payments_answers(201, text)

    answer = shop.ask("POST", "/checkout", json={})

    assert answer.status_code == 502
    assert shop.counted(PAYMENTS) == ['payment_requests_total{provider="example-pay",status="error"} 1.0']


def test_unknown_paths_share_one_series(shop: Any) -> None:
    for path in ("/one", "/two", "/health/three"):
        assert shop.ask("GET", path).status_code == 404

    assert shop.samples(REQUESTS) == ['http_requests_total{endpoint="unmatched",method="GET",status="404"} 3.0']


def test_made_up_methods_share_one_series(shop: Any) -> None:
    for method in ("BREW", "BOIL"):
        shop.ask(method, "/nowhere")

    assert shop.samples(REQUESTS) == ['http_requests_total{endpoint="unmatched",method="other",status="404"} 2.0']


def test_an_exception_in_the_service_is_counted_as_500(shop: Any) -> None:
    @shop.app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a bug")

    assert shop.ask("GET", "/broken").status_code == 500
    assert shop.samples(REQUESTS) == ['http_requests_total{endpoint="/broken",method="GET",status="500"} 1.0']


def test_routes_of_health_carry_their_prefix(shop: Any) -> None:
    shop.ask("GET", "/health/liveness")

    assert shop.samples(REQUESTS) == ['http_requests_total{endpoint="/health/liveness",method="GET",status="200"} 1.0']


def test_a_slow_payment_counts_in_full_for_the_order(hasty_shop: Any) -> None:
    hasty_shop.payments_hangs()

    hasty_shop.ask("POST", "/checkout", json={})

    bucket = 'http_request_duration_seconds_bucket{endpoint="/checkout",'
    assert hasty_shop.samples(f'{bucket}le="0.01"') == [f'{bucket}le="0.01",method="POST"}} 0.0']
    assert hasty_shop.samples(f'{bucket}le="10.0"') == [f'{bucket}le="10.0",method="POST"}} 1.0']


def test_buckets_reach_from_5_ms_to_10_s_and_have_the_objective_as_an_edge(shop: Any) -> None:
    shop.ask("GET", "/")

    lines = shop.samples("http_request_duration_seconds_bucket")
    edges = {line.split('le="')[1].split('"')[0] for line in lines}
    expected = {"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0", "10.0", "+Inf"}
    assert edges == expected


def test_the_process_is_measured_too(shop: Any) -> None:
    assert len(shop.samples("process_cpu_seconds_total ")) == 1
    assert len(shop.samples("process_resident_memory_bytes ")) == 1


def test_metrics_are_plain_exposition_text(shop: Any) -> None:
    answer = shop.ask("GET", "/metrics")

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
