"""Native histograms: what cannot be exposed is refused with a reason, and what the query API tells is read back."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_obscheck.synthetic.histogram import Histogram, from_api
from pytest_obscheck.synthetic.notation import samples


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "{{schema:-53 custom_values:[1 2] count:1 buckets:[1]}}",
            (
                "has custom buckets, which no format of a scrape carries; Prometheus makes them of a classic histogram:"
                " write its _bucket, _sum and _count with `type: histogram`, and"
                " `convert_classic_histograms_to_nhcb: true` into prometheus.yml"
            ),
        ),
        (
            "{{count:1 counter_reset_hint:reset}}",
            "says whether a counter was reset, which Prometheus finds out by itself from what it scrapes; leave the hint out",
        ),
        ("{{sum:1 sum:2}}", "has 'sum' twice; keep one of them"),
        ("{{schema:1}}+{{schema:0}}x3", "adds schema 0 to schema 1; a step has the same or a higher one"),
    ],
)
def test_what_no_target_can_expose_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        samples(text)

    assert str(raised.value) == f"{text!r} {said}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "{{sum:1 buckets:[1 2]}}",
            "the histogram {{schema:0 sum:1 count:0 buckets:[1 2]}} has something in its buckets but no count; write count:3",
        ),
        (
            "{{count:2 buckets:[2]}}-{{count:1 buckets:[1]}}x3",
            (
                "the histogram {{schema:0 sum:0 count:-1 buckets:[-1]}} counts less than nothing;"
                " begin with more, or take less away"
            ),
        ),
    ],
)
def test_what_prometheus_would_not_take_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        samples(text)

    assert str(raised.value) == f"{text!r}: {said}"


def test_a_step_is_added_as_often_as_it_says() -> None:
    made = samples("{{sum:1 count:2 z_bucket:2 z_bucket_w:0.1}}+{{schema:1 sum:0.5 count:1 buckets:[1] offset:4}}x3 _ 7")

    assert [str(made.at(number, 1)) for number in (0, 3, 4, 5)] == [
        "{{schema:0 sum:1 count:2 z_bucket:2 z_bucket_w:0.1}}",
        "{{schema:0 sum:2.5 count:5 z_bucket:2 z_bucket_w:0.1 buckets:[3] offset:2}}",
        "{{schema:0 sum:2.5 count:5 z_bucket:2 z_bucket_w:0.1 buckets:[3] offset:2}}",
        "7.0",
    ]


def test_what_the_query_api_tells_is_the_histogram_that_it_was() -> None:
    told: dict[str, Any] = {
        "count": "8",
        "sum": "2.5",
        "buckets": [
            [1, "-2.8284271247461903", "-2", "1"],
            [3, "-0.001", "0.001", "3"],
            [0, "1", "1.4142135623730951", "1"],
            [0, "2.82842712474619", "4", "3"],
        ],
    }

    assert from_api(told) == Histogram(1, 2.5, 8.0, 3.0, 0.001, {1: 1.0, 4: 3.0}, {3: 1.0})
    assert from_api({"count": "0", "sum": "0"}) == Histogram()


def test_custom_buckets_of_the_query_api_are_known_as_such() -> None:
    assert from_api({"count": "3", "sum": "2", "buckets": [[0, "1", "2.5", "1"], [0, "2.5", "5", "2"]]}) is None
    assert from_api({"count": "3", "sum": "2", "buckets": [[0, "0.5", "1.5", "1"]]}) is None
