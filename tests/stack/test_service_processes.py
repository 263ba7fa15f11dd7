"""Both services as the harness starts them: real processes, real ports."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from pytest_obscheck.clock import SystemClock, until

STACK = Path(__file__).parents[2] / "stack"

pytestmark = pytest.mark.integration


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _running(*argv: str, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    own = {"PATH": os.environ["PATH"], **environment}
    process = subprocess.Popen([sys.executable, "-m", *argv], cwd=STACK, env=own)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _wait_for(url: str) -> None:
    assert until(SystemClock(), lambda: _answers(url), timeout=20), f"{url} did not answer"


def test_payments_takes_money_counts_it_and_ends_when_told() -> None:
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with _running("service.payments", environment={"PORT": str(port)}) as process:
        _wait_for(f"{url}/health")
        with httpx.Client(base_url=url, trust_env=False) as client:
            accepted = client.post("/payments", json={"amount": 3})
            rejected = [client.post("/payments", content=body) for body in (b"", b"{}", b"[]", b'{"amount": -1}')]
            unknown = client.get("/nowhere")
            metrics = client.get("/metrics").text
        process.terminate()
        code = process.wait(timeout=10)

    assert (accepted.status_code, accepted.json()) == (201, {"id": "payment-1", "status": "accepted"})
    assert [answer.status_code for answer in rejected] == [422] * 4
    assert unknown.status_code == 404
    assert metrics.splitlines()[2:] == ['payments_total{status="accepted"} 1', 'payments_total{status="rejected"} 4']
    assert code == 0


def test_an_order_goes_through_both_services() -> None:
    pay, own = _free_port(), _free_port()
    url = f"http://127.0.0.1:{own}"
    with (
        _running("service.payments", environment={"PORT": str(pay)}),
        _running("service", "--port", str(own), environment={"PAYMENTS_URL": f"http://127.0.0.1:{pay}"}) as process,
    ):
        _wait_for(f"{url}/health/readiness")
        answer = httpx.post(f"{url}/checkout", json={"amount": 3}, trust_env=False)
        process.terminate()
        process.wait(timeout=10)

    assert (answer.status_code, answer.json()["payment"]) == (201, "payment-1")


def test_checkout_lives_but_is_not_ready_without_payments() -> None:
    pay, own = _free_port(), _free_port()
    url = f"http://127.0.0.1:{own}"
    with _running("service", "--port", str(own), environment={"PAYMENTS_URL": f"http://127.0.0.1:{pay}"}):
        _wait_for(f"{url}/health/liveness")
        readiness = httpx.get(f"{url}/health/readiness", trust_env=False)
        order = httpx.post(f"{url}/checkout", json={"amount": 3}, trust_env=False)

    assert readiness.status_code == 503
    assert (order.status_code, order.json()) == (502, {"error": "payments cannot be used: ConnectError"})


def test_wrong_settings_end_the_process_with_their_names() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "service", "--port", "0"],
        cwd=STACK,
        env={"PATH": os.environ["PATH"], "PAYMENTS_URL": "payments"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert ended.returncode == 2
    assert ended.stderr == (
        "PORT: '0' is not a port; give a number from 1 to 65535\n"
        "PAYMENTS_URL: 'payments' is not an address; write it like 'http://127.0.0.1:8081'\n"
    )
