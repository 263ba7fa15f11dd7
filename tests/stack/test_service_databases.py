"""The service and its worker on the real PostgreSQL and the real Redis (or Valkey), as stack.full.yaml starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.components.postgresql import Postgresql
from pytest_obscheck.components.redis import Redis
from pytest_obscheck.derive import Document
from pytest_obscheck.protocols import Launch, Network, Place
from pytest_obscheck.runtimes.process import ProcessRuntime
from pytest_obscheck.stack.programs import program

STACK = Path(__file__).parents[2] / "stack"

pytestmark = pytest.mark.integration


@dataclass
class Town:
    """A shop with everything that it depends on, each a process of its own."""

    runtime: ProcessRuntime
    folder: Path
    addresses: dict[str, str] = field(default_factory=dict)
    running: dict[str, Any] = field(default_factory=dict)

    def database(self, name: str, component: Any) -> None:
        """Start a database and wait for it."""
        self.addresses[name] = self.runtime.reserve(name, component.ports[0])
        addresses = {component.ports[0]: self.addresses[name]}
        place = Place(name, self.folder / name, self.folder, addresses, Network(), lambda text: text, Document.open)
        launch = component.launch(place)
        argv = (program(launch.argv[0]), *launch.argv[1:])
        self.running[name] = self.runtime.run(name, Launch(argv, launch.folder, environment=launch.environment))
        self.wait(component.connect(place).ready, name)

    def service(self, name: str, module: str, path: str) -> None:
        """Start a part of the service and wait until a path of it answers 200."""
        self.addresses[name] = self.runtime.reserve(name, "http")
        port = self.addresses[name].rsplit(":", 1)[1]
        argv = (sys.executable, "-m", module, "--port", port)
        launch = Launch(argv, self.folder / name, cwd=STACK, environment=self.environment())
        self.running[name] = self.runtime.run(name, launch)
        self.wait(lambda: self.status(name, path) == 200, name)

    def environment(self) -> dict[str, str]:
        """Return what the service and its worker are told."""
        return {
            "DATABASE_URL": f"postgresql://shop@{self.addresses['postgresql']}/postgres",
            "REDIS_URL": f"redis://{self.addresses['redis']}/0",
            "CELERY_BROKER_URL": f"redis://{self.addresses['redis']}/1",
            "SAMPLE_INTERVAL": "0.05",
            "DATABASE_TIMEOUT": "5",
        }

    def ask(self, method: str, path: str, name: str = "checkout", **request: Any) -> httpx.Response:
        """Return an answer."""
        return httpx.request(method, f"http://{self.addresses[name]}{path}", trust_env=False, timeout=30, **request)

    def status(self, name: str, path: str) -> int:
        """Return the status of an answer, 0 where there is none."""
        try:
            return self.ask("GET", path, name).status_code
        except httpx.HTTPError:
            return 0

    def samples(self, name: str, *wanted: str) -> list[str]:
        """Return the lines of a part's metrics that begin with one of some names."""
        lines = self.ask("GET", "/metrics", name).text.splitlines()
        return [line for line in lines if line.startswith(wanted)]

    def wait(self, sight: Callable[[], bool], what: str) -> None:
        """Wait until something is so."""
        assert until(SystemClock(), sight, timeout=30), (what, self.running[what].logs() if what in self.running else "")


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """Return a shop on real dependencies."""
    (tmp_path / "run").mkdir()
    runtime = ProcessRuntime(tmp_path / "run")
    made = Town(runtime, tmp_path)
    try:
        made.database("redis", Redis())
        made.database("postgresql", Postgresql("shop"))
        made.service("checkout", "service", "/health/readiness")
        yield made
    finally:
        runtime.close()


def test_a_job_goes_from_the_service_through_the_queue_to_the_worker(town: Town) -> None:
    ordered = [town.ask("POST", path, json={}) for path in ("/blockchain/transactions", "/reports", "/users")]
    assert [answer.status_code for answer in ordered] == [202, 202, 201]
    town.wait(lambda: 'queue_depth{queue="celery"} 2.0' in town.samples("checkout", "queue_depth"), "a backlog")
    (age,) = town.samples("checkout", "celery_queue_age_seconds")
    assert float(age.split()[1]) > 0

    town.service("worker", "service.worker", "/health/readiness")
    report = f"/reports/{ordered[1].json()['id']}"
    town.wait(lambda: town.ask("GET", report).json()["status"] == "done", "a report")
    town.wait(lambda: 'queue_depth{queue="celery"} 0.0' in town.samples("checkout", "queue_depth"), "an empty queue")

    business = town.ask("GET", "/metrics/business").json()
    assert (business["transactions"]["confirmed"], business["users"]["total"]) == (1, 1)
    assert business["transactions"]["average_confirmation_seconds"] > 0
    assert town.samples("worker", "queue_processing_seconds_count", 'blockchain_transactions_total{status="confirmed"') == [
        'blockchain_transactions_total{status="confirmed",transaction_type="transfer"} 1.0',
        'blockchain_transactions_total{status="confirmed",transaction_type="mint"} 0.0',
        'blockchain_transactions_total{status="confirmed",transaction_type="swap"} 0.0',
        "queue_processing_seconds_count 2.0",
    ]


def test_a_dead_database_makes_the_service_not_ready_and_nothing_else(town: Town) -> None:
    town.running["postgresql"].kill()

    answer = town.ask("POST", "/users", json={})
    readiness = town.ask("GET", "/health/readiness")
    assert answer.status_code == 503
    assert readiness.json() == {"ready": False, "failed_checks": ["database"]}
    assert town.status("checkout", "/health/liveness") == 200

    town.running["postgresql"].start()
    town.wait(lambda: town.status("checkout", "/health/readiness") == 200, "readiness")
    assert town.ask("POST", "/users", json={}).status_code == 201


def test_a_frozen_database_costs_each_request_its_limit_and_no_more(town: Town) -> None:
    town.running["postgresql"].pause()
    try:
        unready = {"ready": False, "failed_checks": ["database"]}
        # What was found out just before the database froze still counts for a moment.
        town.wait(lambda: town.ask("GET", "/health/readiness").json() == unready, "the frozen database")
        assert town.ask("POST", "/calc", json={}).status_code == 200
        # The service ends although one of its threads still waits.
        town.running["checkout"].stop()
        assert town.running["checkout"].exit_code() != -signal.SIGKILL
    finally:
        town.running["postgresql"].resume()


def test_without_redis_the_cache_misses_and_the_queue_refuses(town: Town) -> None:
    town.running["redis"].kill()

    assert town.ask("POST", "/generate", json={}).status_code == 201
    assert town.ask("POST", "/reports", json={}).status_code == 503
    assert town.ask("GET", "/health/readiness").json()["failed_checks"] == ["cache", "queue"]
    town.wait(lambda: 'queue_depth{queue="celery"} NaN' in town.samples("checkout", "queue_depth"), "an unknown depth")

    town.running["redis"].start()
    town.wait(lambda: town.status("checkout", "/health/readiness") == 200, "readiness")


def test_the_service_remembers_what_happened_before_it_was_restarted(town: Town) -> None:
    for _ in range(3):
        town.ask("POST", "/calc", json={})
    town.running["checkout"].stop()
    town.running["checkout"].start()
    town.wait(lambda: town.status("checkout", "/health/readiness") == 200, "readiness")

    assert town.ask("GET", "/monitoring/sla/availability").json()["requests"] == 3


def test_a_worker_without_a_queue_says_what_it_needs() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "service.worker"],
        cwd=STACK,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert ended.returncode == 2
    assert ended.stderr == (
        "CELERY_BROKER_URL: the worker needs it, and the same as the service has\n"
        "DATABASE_URL: the worker needs it, and the same as the service has\n"
    )


def test_every_line_that_the_worker_writes_is_json(town: Town) -> None:
    town.service("worker", "service.worker", "/health/readiness")
    town.ask("POST", "/reports", json={})
    town.wait(lambda: "queue_processing_seconds_count 1.0" in town.samples("worker", "queue_processing"), "a job")

    lines = (town.folder / "worker" / "worker.log").read_text().splitlines()
    assert {json.loads(line)["service"] for line in lines if line} <= {"checkout-worker"}
