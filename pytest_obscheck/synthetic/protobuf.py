"""A scrape as Prometheus's delimited protobuf, the only format that carries native histograms.

Written by hand, for it needs six kinds of fields of one frozen schema: ``io/prometheus/client/metrics.proto``, and
https://protobuf.dev/programming-guides/encoding/ (decision note native-histograms.md).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

from pytest_obscheck.synthetic.histogram import Buckets, Histogram

CONTENT_TYPE = b"application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"

COUNTER, GAUGE, SUMMARY, UNTYPED, HISTOGRAM, GAUGE_HISTOGRAM = range(6)
_HOLDER = {GAUGE: 2, COUNTER: 3, SUMMARY: 4, UNTYPED: 5, HISTOGRAM: 7, GAUGE_HISTOGRAM: 7}
"""The field of a ``Metric`` that holds what a type has."""


def varint(number: int) -> bytes:
    """Return a number that is not negative, seven bits a byte."""
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])


def zigzag(number: int) -> int:
    """Return a signed number as one that is not negative."""
    return number << 1 if number >= 0 else (-number << 1) - 1


def whole(at: int, number: int) -> bytes:
    """Return a field with a number that is not negative."""
    return varint(at << 3) + varint(number)


def double(at: int, number: float) -> bytes:
    """Return a field with a floating-point number."""
    return varint(at << 3 | 1) + struct.pack("<d", number)


def held(at: int, inside: bytes) -> bytes:
    """Return a field with a message or a text."""
    return varint(at << 3 | 2) + varint(len(inside)) + inside


def packed(at: int, numbers: Sequence[float]) -> bytes:
    """Return a field with any number of floating-point numbers."""
    return held(at, struct.pack(f"<{len(numbers)}d", *numbers)) if numbers else b""


def timestamp(at: int, unix: float | None) -> bytes:
    """Return a field with a Unix second; nothing for ``None``."""
    if unix is None:
        return b""
    millis = round(unix * 1000)
    return held(at, whole(1, millis // 1000) + whole(2, millis % 1000 * 1_000_000))


def pairs(at: int, labels: Mapping[str, str]) -> bytes:
    """Return a field for each label."""
    return b"".join(held(at, held(1, name.encode()) + held(2, value.encode())) for name, value in labels.items())


def exemplar(at: int, labels: Mapping[str, str], value: float, unix: float | None) -> bytes:
    """Return a field with an exemplar."""
    return held(at, pairs(1, labels) + double(2, value) + timestamp(3, unix))


def metric(kind: int, labels: Mapping[str, str], inside: bytes) -> bytes:
    """Return one metric of a family: its labels, and what its type has."""
    return held(4, pairs(1, labels) + held(_HOLDER[kind], inside))


def family(name: str, kind: int, metrics: Iterable[bytes]) -> bytes:
    """Return a whole family, with its length before it."""
    whole_family = held(1, name.encode()) + whole(3, kind) + b"".join(metrics)
    return varint(len(whole_family)) + whole_family


def native(made: Histogram) -> bytes:
    """Return the native part of a ``Histogram``: a float histogram where it counts anything, as promtool makes of it."""
    floats = double(4, made.count) + double(8, made.zero)
    shared = double(2, made.sum) + varint(5 << 3) + varint(zigzag(made.schema)) + double(6, made.width)
    # Without any span, and nothing near 0, it would be taken for a classic one.
    spans = _spans(12, made.positive) or held(12, whole(1, 0) + whole(2, 0))
    return floats + shared + _spans(9, made.negative) + _counts(11, made.negative) + spans + _counts(14, made.positive)


def _spans(at: int, side: Buckets) -> bytes:
    spans: list[list[int]] = []
    end = 0
    for index in _filled(side):
        if spans and index == end:
            spans[-1][1] += 1
        else:
            spans.append([index - end, 1])
        end = index + 1
    return b"".join(held(at, whole(1, zigzag(offset)) + whole(2, length)) for offset, length in spans)


def _counts(at: int, side: Buckets) -> bytes:
    return packed(at, [side[index] for index in _filled(side)])


def _filled(side: Buckets) -> list[int]:
    return sorted(index for index, count in side.items() if count)
