"""Each line is one JSON object with the ids of its request."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Written = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written(_service_can_be_imported: None) -> Iterator[Written]:
    """Return a function that returns the lines that the service has written, as fields."""
    from service.logs import Lines, as_json  # noqa: PLC0415

    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    lines: Any = Lines("checkout", as_json)
    handler.setFormatter(lines)
    log = logging.getLogger("service")
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    log.removeHandler(handler)
    log.setLevel(logging.NOTSET)


def test_a_request_is_one_line_with_its_ids(shop: Any, written: Written) -> None:
    answer = shop.ask("POST", "/checkout", json={}, headers={"X-Correlation-ID": "order-7", "X-User-ID": "ann"})

    line = written()[-1]
    assert answer.headers["X-Correlation-ID"] == "order-7"
    assert line.pop("timestamp").endswith("+00:00")
    assert len(line.pop("request_id")) == 32
    assert 0 < line.pop("duration") < 60
    assert line == {
        "level": "info",
        "service": "checkout",
        "message": "POST /checkout 201",
        "logger": "service.instrumentation",
        "correlation_id": "order-7",
        "user_id": "ann",
        "method": "POST",
        "endpoint": "/checkout",
        "status": 201,
    }


def test_a_request_without_a_correlation_id_gets_one(shop: Any, written: Written) -> None:
    answers = [shop.ask("GET", "/") for _ in range(2)]

    ids = [answer.headers["X-Correlation-ID"] for answer in answers]
    assert len(set(ids)) == 2
    assert [line["correlation_id"] for line in written()] == ids


@pytest.mark.parametrize("bad", ["a b", 'x"}{"level":"error', "x" * 129, "é"])
def test_a_correlation_id_that_could_do_harm_is_replaced(shop: Any, bad: str) -> None:
    answer = shop.ask("GET", "/", headers={"X-Correlation-ID": bad.encode()})

    assert len(answer.headers["X-Correlation-ID"]) == 32


def test_lines_from_deep_inside_carry_the_ids_of_the_request(shop: Any, written: Written) -> None:
    shop.payments_answers(503)
    shop.ask("POST", "/checkout", json={}, headers={"X-Correlation-ID": "order-8"})

    inside, request = written()
    assert (inside["level"], inside["message"], inside["reason"]) == ("warn", "a payment failed", "payments answered 503")
    assert (request["level"], request["status"]) == ("error", 502)
    assert inside["correlation_id"] == request["correlation_id"] == "order-8"
    assert inside["request_id"] == request["request_id"]


def test_lines_of_jobs_and_database_threads_carry_the_ids_too(make_shop: Any, written: Written, tmp_path: Any) -> None:
    shop = make_shop(database_url=f"sqlite:///{tmp_path}/no/such/folder/shop.db")

    shop.ask("POST", "/users", json={}, headers={"X-Correlation-ID": "order-9"})

    failed = [line for line in written() if line["message"] == "a dependency is not available"]
    assert [(line["correlation_id"], line["error_type"]) for line in failed] == [("order-9", "OperationalError")]


def test_an_exception_names_its_type(shop: Any, written: Written) -> None:
    @shop.app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("a bug")

    shop.ask("GET", "/broken")

    line = written()[-1]
    assert (line["level"], line["status"], line["error_type"]) == ("error", 500, "RuntimeError")


def test_probes_and_scrapes_are_for_debugging(shop: Any, written: Written) -> None:
    shop.ask("GET", "/health/liveness")
    shop.ask("GET", "/metrics")

    assert {line["level"] for line in written()} == {"debug"}


def test_a_line_by_the_short_cut_is_what_it_would_be_by_a_logger_and_keeps_its_place() -> None:
    from service.logs import Batches, Lines, as_json, bound  # noqa: PLC0415

    stream = io.StringIO()
    handler, log = Batches(stream, most=9), logging.Logger("shop")  # noqa: LOG001  one of its own
    lines: Any = Lines("checkout", as_json)
    handler.setFormatter(lines)
    log.addHandler(handler)
    with bound({"request_id": "1"}):
        log.info("GET / %d", 200, extra={"status": 200})
        handler.keep("shop", logging.INFO, "GET / 200", {"status": 200})
    with bound({"request_id": "2"}):
        handler.keep("shop", logging.ERROR, "GET / 500", {"status": 500, "error_type": "RuntimeError"})

    one, same, last = (json.loads(line) for line in stream.getvalue().splitlines())
    assert one.pop("timestamp") <= same.pop("timestamp") <= last.pop("timestamp")
    assert one == same
    assert last == {
        "level": "error",
        "service": "checkout",
        "message": "GET / 500",
        "logger": "shop",
        "request_id": "2",
        "status": 500,
        "error_type": "RuntimeError",
    }


def test_the_short_cut_is_taken_where_the_process_writes_in_batches_alone() -> None:
    from service.logs import Batches, Lines, as_json, short_cut  # noqa: PLC0415

    root, log, stream = logging.getLogger(), logging.getLogger("shop"), io.StringIO()
    handler, lines = Batches(stream, most=1), Lines("checkout", as_json)
    handler.setFormatter(lines)  # type: ignore[arg-type]
    by_logger = short_cut(log)
    root.addHandler(handler)
    try:
        short_cut(log)(logging.INFO, "below the level of the logger", {})
        by_logger(logging.INFO, "below it, too", {})
    finally:
        root.removeHandler(handler)

    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["below the level of the logger"]


def test_a_line_break_in_a_message_makes_no_second_line() -> None:
    from service.logs import as_json, as_text, line_fields  # noqa: PLC0415

    record = logging.makeLogRecord(
        {"msg": "two\nlines", "levelno": logging.WARNING, "levelname": "WARNING", "name": "x", "of": "a b"}
    )

    fields = line_fields(record, "checkout")
    assert "\n" not in as_json(fields)
    assert as_text({**fields, "timestamp": "T"}) == 'T WARN checkout: two\\nlines of="a b"'


def test_a_logged_exception_comes_with_its_type_and_stack() -> None:
    from service.logs import line_fields  # noqa: PLC0415

    with pytest.raises(KeyError) as caught:
        {}["what"]
    record = logging.makeLogRecord({"msg": "failed", "exc_info": (KeyError, caught.value, caught.tb)})

    fields = line_fields(record, "checkout")
    assert (fields["error_type"], fields["error"]) == ("KeyError", "'what'")
    assert fields["stack"].splitlines()[0] == "Traceback (most recent call last):"


def test_lines_are_written_some_at_a_time_and_a_warning_at_once_with_all_before_it() -> None:
    from service.logs import Batches, bound  # noqa: PLC0415

    stream = io.StringIO()
    handler, log = Batches(stream, most=3), logging.Logger("batches")  # noqa: LOG001  one of its own
    handler.setFormatter(logging.Formatter("%(message)s %(bound)s"))
    log.addHandler(handler)
    with bound({"request_id": "1"}):
        log.info("a")
    assert stream.getvalue() == ""

    with bound({"request_id": "2"}):
        log.warning("b")
    assert stream.getvalue() == "a {'request_id': '1'}\nb {'request_id': '2'}\n"

    for message in "cde":
        log.info(message)
    assert stream.getvalue().endswith("c {}\nd {}\ne {}\n")

    log.info("f")
    handler.flush()
    handler.flush()
    assert stream.getvalue().count("f {}") == 1
