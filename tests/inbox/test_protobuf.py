"""Native histograms are found in protobuf that the synthetic target writes, and in nothing else."""

from __future__ import annotations

import pytest

from pytest_obscheck.inbox.protobuf import has_native
from pytest_obscheck.synthetic.histogram import Histogram
from pytest_obscheck.synthetic.protobuf import HISTOGRAM, double, family, held, metric, native, whole

CLASSIC = double(4, 3.0) + double(2, 1.5) + held(3, double(4, 3.0) + double(2, float("inf")))


def a_family(inside: bytes) -> bytes:
    first = family("jobs_total", 0, [held(4, held(3, double(1, 5.0)))] * 40)
    return first + family("took", HISTOGRAM, [metric(HISTOGRAM, {"a": "b"}, CLASSIC), metric(HISTOGRAM, {}, inside)])


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        (CLASSIC, False),
        (native(Histogram()), True),
        (native(Histogram(count=1.0, zero=1.0)), True),
        (native(Histogram(count=1.0, negative={3: 1.0})), True),
        (CLASSIC + double(6, 0.001), True),
        (CLASSIC + double(6, 0.0) + whole(7, 0), False),
    ],
)
def test_a_native_histogram_is_known_by_its_spans_and_its_zero_bucket(inside: bytes, found: bool) -> None:
    assert has_native(a_family(inside)) is found


@pytest.mark.parametrize("body", [b"", b"up 1\n", b"\xff" * 30, a_family(native(Histogram()))[:300]])
def test_what_cannot_be_read_has_none(body: bytes) -> None:
    assert has_native(body) is False
