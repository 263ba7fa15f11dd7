"""Reads Prometheus's text exposition line by line, so that a sample can be changed and every other byte stays.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text 0.0.4 and 1.0.0) and OpenMetrics 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

NAME_LABEL = "__name__"

_STRING = rb'"(?:\\.|[^"\\])*"'
_LINE = re.compile(
    rb"[ \t]*([a-zA-Z_:][a-zA-Z0-9_:]*)?[ \t]*(\{(?:" + _STRING + rb'|[^"}])*\})?[ \t]*(\S+)([^\n]*\n?)', re.DOTALL
)
_LABEL = re.compile(rb"[\s,]*([^\s=,{}\"]+|" + _STRING + rb")[ \t]*(?:=[ \t]*(" + _STRING + rb"))?")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "\\": "\\", '"': '"'}


@dataclass(frozen=True)
class Sample:
    """One line: ``series`` and ``rest`` are its text before and after the value; timestamp and exemplar are in ``rest``."""

    series: bytes
    labels: Mapping[str, str]
    value: bytes
    rest: bytes

    @property
    def number(self) -> float:
        """Return the value; ``ValueError`` where it is none."""
        return float(self.value)

    def text(self, value: float | bytes) -> bytes:
        """Return the line with another value; bytes are taken as they are."""
        return self.series + (value if isinstance(value, bytes) else number_text(value)) + self.rest


def sample(line: bytes) -> Sample | None:
    """Return the sample of a line; ``None`` for comments, blank lines and what cannot be read."""
    found = _LINE.fullmatch(line)
    if not found or not (found[1] or found[2]):
        return None
    labels = _labels(found[2][1:-1]) if found[2] else {}
    if found[1]:
        labels[NAME_LABEL] = found[1].decode()
    read = Sample(line[: found.start(3)], labels, found[3], found[4])
    return read if NAME_LABEL in labels and _is_number(found[3]) else None


def number_text(value: float) -> bytes:
    """Return a value as an exposition writes it: whole numbers without a fraction, ``+Inf``, ``NaN``."""
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN alone differs from itself
        return f"{value:+}".encode().replace(b"inf", b"Inf").replace(b"+nan", b"NaN").replace(b"-nan", b"NaN")
    return str(int(value)).encode() if value.is_integer() and abs(value) < 1e15 else repr(value).encode()


def _is_number(text: bytes) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _labels(inside: bytes) -> dict[str, str]:
    labels = {}
    for name, value in _LABEL.findall(inside):
        if value:
            labels[_unquoted(name)] = _unquoted(value)
        else:
            # A quoted name without a value is the metric's own: {"my.metric", a="b"}.
            labels[NAME_LABEL] = _unquoted(name)
    return labels


def _unquoted(text: bytes) -> str:
    decoded = text.decode("utf-8", "replace")
    if not decoded.startswith('"'):
        return decoded
    return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[0]), decoded[1:-1])
