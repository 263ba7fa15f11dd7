"""Time ranges and the intervals that come of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pytest_obscheck.panel.times import Range, duration, interval, interval_values, moment, written

NOW = datetime(2026, 3, 18, 15, 42, 30, tzinfo=UTC).timestamp()  # a Wednesday


@pytest.mark.parametrize(
    ("text", "end", "expected"),
    [
        ("now", False, "2026-03-18T15:42:30"),
        ("now-6h", False, "2026-03-18T09:42:30"),
        ("now-1d-30m", False, "2026-03-17T15:12:30"),
        ("now/h", False, "2026-03-18T15:00:00"),
        ("now/d", False, "2026-03-18T00:00:00"),
        ("now/d", True, "2026-03-18T23:59:59.999"),
        ("now-1d/d", False, "2026-03-17T00:00:00"),
        ("now/w", False, "2026-03-15T00:00:00"),
        ("now/M", True, "2026-03-31T23:59:59.999"),
        ("now/y", False, "2026-01-01T00:00:00"),
        ("2026-01-31T12:00:00Z", False, "2026-01-31T12:00:00"),
        ("1767225600000", False, "2026-01-01T00:00:00"),
    ],
)
def test_a_time_is_read_as_grafana_reads_it(text: str, end: bool, expected: str) -> None:
    assert moment(text, NOW, end) == pytest.approx(datetime.fromisoformat(f"{expected}+00:00").timestamp())


def test_what_is_no_time_is_quoted_with_one_that_is() -> None:
    with pytest.raises(ValueError, match="yesterday") as raised:
        moment("yesterday", NOW)

    assert str(raised.value) == "'yesterday' is not a time; write it like 'now-1h' or '2026-01-31T12:00:00Z'"


@pytest.mark.parametrize(
    ("hours", "points", "least", "expected"),
    [
        (1, 1000, 15, "15s"), (1, 1000, 0.2, "5s"), (6, 1000, 15, "20s"),
        (24, 1000, 15, "1m"), (720, 1000, 15, "30m"), (1, 30, 1, "2m"),
    ],
)  # fmt: skip
def test_an_interval_is_the_range_over_the_points_rounded(hours: float, points: int, least: float, expected: str) -> None:
    assert written(interval(Range(0, hours * 3600), points, least)) == expected


def test_a_rate_spans_four_scrapes_at_least() -> None:
    values = interval_values(step=15.0, scrape=15.0)

    assert {name: str(value) for name, value in values.items()} == {
        "__interval": "15s",
        "__interval_ms": "15000",
        "__rate_interval": "1m",
        "__rate_interval_ms": "60000",
    }
    assert str(interval_values(step=300.0, scrape=15.0)["__rate_interval"]) == "315s"


def test_the_range_has_names_in_seconds_and_milliseconds() -> None:
    assert {name: str(value) for name, value in Range(10.0, 3610.0).values().items()} == {
        "__from": "10000",
        "__to": "3610000",
        "__range": "3600s",
        "__range_s": "3600",
        "__range_ms": "3600000",
    }


def test_a_duration_may_be_a_least_one() -> None:
    assert [duration(text) for text in ("15s", ">1m30s", "250ms")] == [15.0, 90.0, 0.25]
    with pytest.raises(ValueError, match="soon"):
        duration("soon")
