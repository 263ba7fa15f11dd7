"""Lines from files to a push API, while both come and go."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.shipper.following import Follower, written_at
from pytest_obscheck.shipper.pushing import ELASTICSEARCH, KEPT, LOKI, Entry, Push, documents, streams


class Store:
    """A push API that answers as it is told, and remembers the lines that it took."""

    def __init__(self) -> None:
        self.status, self.lines = 204, [""][:0]

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.status == 0:
            raise httpx.ConnectError("refused")
        if self.status < 300:
            self.lines += [text for stream in json.loads(request.content)["streams"] for _, text in stream["values"]]
        return httpx.Response(self.status, text="entry too far behind" if self.status >= 400 else "")


@pytest.fixture
def store() -> Store:
    """Return a push API that takes everything."""
    return Store()


@pytest.fixture
def push(store: Store) -> Push:
    """Return what sends to it."""
    return Push(httpx.AsyncClient(transport=httpx.MockTransport(store.answer)), "http://loki/push", {"env": "test"}, LOKI)


def sent(push: Push, *texts: str) -> dict[str, float]:
    for text in texts:
        push.add(Entry(1.0, "checkout", text))
    asyncio.run(push.flush())
    return {name: float(value) for name, value in (line.split() for line in push.metrics().splitlines() if "#" not in line)}


def counts(**more: float) -> dict[str, float]:
    zero = {"shipper_sent_total": 0.0, "shipper_lost_total": 0.0, "shipper_retries_total": 0.0, "shipper_waiting": 0.0}
    return zero | {f"shipper_{name}": value for name, value in more.items()}


def test_only_whole_lines_are_read_and_each_once(tmp_path: Path) -> None:
    log = tmp_path / "checkout.log"
    follower = Follower(log)

    assert follower.lines() == []
    log.write_bytes(b"one\ntw")
    assert follower.lines() == ["one"]
    log.write_bytes(b"one\ntwo\n\nthr\xffee\n")
    assert follower.lines() == ["two", "thr�ee"]
    assert follower.lines() == []


def test_a_file_that_is_begun_anew_is_read_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "checkout.log"
    follower = Follower(log)
    log.write_text("a long line\n")
    follower.lines()

    log.write_text("short\n")

    assert follower.lines() == ["short"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"timestamp": "2026-01-01T00:00:00.250Z"}', 1767225600.25),
        ('{"ts": 1767225600.5}', 1767225600.5),
        ('{"time": "soon"}', 1767229200.0),
        ('{"timestamp": "2027-01-01T00:00:00Z"}', 1767229200.0),
        ("[1]", 1767229200.0),
        ("plain text", 1767229200.0),
    ],
)
def test_a_line_is_dated_by_itself_and_never_later_than_now(line: str, expected: float) -> None:
    assert written_at(line, now=1767229200.0) == expected


def test_lines_are_sent_as_a_stream_for_each_member() -> None:
    entries: Any = [Entry(1.5, "checkout", "a"), Entry(2.0, "payments", "b"), Entry(2.5, "checkout", "c")]

    assert json.loads(streams(entries, {"env": "test"})) == {
        "streams": [
            {"stream": {"env": "test", "service_name": "checkout"}, "values": [["1500000000", "a"], ["2500000000", "c"]]},
            {"stream": {"env": "test", "service_name": "payments"}, "values": [["2000000000", "b"]]},
        ]
    }


def test_what_is_not_taken_now_is_sent_later(push: Push, store: Store) -> None:
    for status in (0, 503, 429):
        store.status = status
        sent(push, f"during {status}")
    store.status = 204

    assert sent(push, "after") == counts(sent_total=4, retries_total=3)
    assert store.lines == ["during 0", "during 503", "during 429", "after"]


def test_what_is_refused_for_good_is_lost_and_counted(push: Push, store: Store) -> None:
    store.status = 400

    assert sent(push, "a", "b") == counts(lost_total=2)
    assert push.trouble == "400: entry too far behind"


def test_when_too_many_wait_the_oldest_give_way_and_are_counted(push: Push, store: Store) -> None:
    store.status = 0
    sent(push, *(str(number) for number in range(KEPT + 2)))
    store.status = 204

    assert sent(push) == counts(sent_total=KEPT, lost_total=2, retries_total=1)
    assert (store.lines[0], store.lines[-1]) == ("2", str(KEPT + 1))


def test_a_search_engine_gets_a_document_for_each_line() -> None:
    rows = documents([Entry(1.25, "checkout", "a\nb")], {"env": "test"}).splitlines()

    assert [json.loads(row) for row in rows] == [
        {"create": {"_index": "lines"}},
        {
            "@timestamp": "1970-01-01T00:00:01.250000+00:00",
            "message": "a\nb",
            "labels": {"env": "test", "service_name": "checkout"},
        },
    ]


def test_documents_that_are_refused_are_lost_and_counted() -> None:
    items = [{"create": {"status": 201}}, {"create": {"status": 400}}, {"create": {"status": 201}}]
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json={"errors": True, "items": items}))
    push = Push(httpx.AsyncClient(transport=answer), "http://opensearch/_bulk", {}, ELASTICSEARCH)

    assert sent(push, "a", "b", "c") == counts(sent_total=2, lost_total=1)
    assert push.trouble == "1 of 3 lines were refused"
