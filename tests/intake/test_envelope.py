"""Envelopes, as the protocol allows them and as it does not."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from typing import Any

import brotli
import pytest

from pytest_obscheck.inbox.wire import Request
from pytest_obscheck.intake.envelope import Item, decoded, items
from pytest_obscheck.intake.reports import Reports

HEAD = b'{"event_id": "e", "trace": {"sample_rate": "0.5"}}\n'
WHOLE = (
    HEAD
    + b'{"type": "event"}\n{"event_id": "e"}\n'
    + b'{"type": "attachment", "length": 3, "filename": "a.txt"}\na\nb\n'
    + b'{"type": "session"}\n{"sid": "s"}\n'
)
LOST = json.dumps({"discarded_events": [{"reason": "sample_rate", "category": "error", "quantity": 2}]}).encode()


def test_items_end_with_their_length_or_with_their_line() -> None:
    assert list(items(WHOLE)) == [
        Item("event", {"event_id": "e"}, 17, "0.5"),
        Item("attachment", None, 3, "0.5", "a.txt"),
        Item("session", {"sid": "s"}, 12, "0.5"),
    ]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"[]\n", "the envelope's header is no JSON object"),
        (b'{}\n{"type": "event", "length": 9}\n{}', "an item of length 9, but 2 bytes are left"),
        (
            b'{}\n{"type": "event"}\n{',
            "the event is not JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))",
        ),
    ],
)
def test_what_is_no_envelope_is_refused_with_the_reason(body: bytes, why: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        list(items(body))

    assert str(caught.value) == why


def post(reports: Reports, target: str, body: bytes, encoding: bytes = b"") -> Any:
    request = Request("POST", target, ((b"content-encoding", encoding),), body)
    answer = asyncio.run(reports.answer(request))
    return answer.status, answer.body


@pytest.mark.parametrize(
    ("encoding", "pack"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress), (b"br", brotli.compress), (b"", bytes)]
)
def test_what_came_is_kept_and_what_was_lost_is_counted(encoding: bytes, pack: Any) -> None:
    reports = Reports(lambda: 7.0)
    lost = b'{}\n{"type": "client_report"}\n' + LOST

    assert post(reports, "/api/1/envelope/", pack(HEAD + b'{"type": "event"}\n{"event_id": "e"}\n'), encoding) == (
        200,
        b'{"id": "e"}',
    )
    assert post(reports, "/api/1/envelope/", pack(lost), encoding) == (200, b'{"id": ""}')
    assert post(reports, "/api/1/store/", pack(b'{"event_id": "f"}'), encoding) == (200, b'{"id": "f"}')

    told = asyncio.run(reports.answer(Request("GET", "/reports")))
    assert json.loads(told.body if isinstance(told.body, bytes) else b"") == {
        "events": [
            {"at": 7.0, "kind": "event", "rate": "0.5", "event": {"event_id": "e"}},
            {"at": 7.0, "kind": "event", "rate": "", "event": {"event_id": "f"}},
        ],
        "counts": {"event": 2, "client_report": 1},
        "lost": {"error: sample_rate": 2},
    }


def test_what_cannot_be_read_is_answered_with_400_and_another_path_with_404() -> None:
    reports = Reports(lambda: 7.0)

    assert post(reports, "/api/1/envelope/", b"x", b"gzip")[0] == 400
    assert post(reports, "/elsewhere", b"{}")[0] == 404


def test_an_unknown_encoding_is_named() -> None:
    with pytest.raises(ValueError, match="content encoding 'zstd'; gzip, deflate and br are understood"):
        decoded(b"", "zstd")
