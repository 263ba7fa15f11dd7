"""Finds native histograms in Prometheus's delimited protobuf, whose samples the proxy does not alter.

The schema is ``io/prometheus/client/metrics.proto``; the encoding https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_METRIC, _HISTOGRAM = 4, 7
_SPANS, _NEAR_ZERO = (9, 12), (6, 7, 8)


def has_native(body: bytes) -> bool:
    """Whether there is a native histogram in a scrape; what cannot be read has none."""
    try:
        return any(_native(inside) for inside in _histograms(body))
    except (IndexError, ValueError, struct.error):
        return False


def _histograms(body: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(body):
        length, at = _varint(body, at)
        for metric in _held(body[at : at + length], _METRIC):
            yield from _held(metric, _HISTOGRAM)
        at += length


def _native(histogram: bytes) -> bool:
    """Whether a histogram has what Prometheus takes for the mark of a native one: a span, or anything about its zero bucket."""
    return any(field in _SPANS or (field in _NEAR_ZERO and value) for field, value in _fields(histogram))


def _held(message: bytes, wanted: int) -> Iterator[bytes]:
    return (value for field, value in _fields(message) if field == wanted and isinstance(value, bytes))


def _fields(message: bytes) -> Iterator[tuple[int, bytes | float]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            number, at = _varint(message, at)
            yield key >> 3, number
        elif kind == 1:
            yield key >> 3, struct.unpack_from("<d", message, at)[0]
            at += 8
        else:
            length, at = _varint(message, at) if kind == 2 else (4, at)
            yield key >> 3, message[at : at + length]
            at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while message[at] & 0x80:
        number |= (message[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
    return number | message[at] << shift, at + 1
