"""Sentry's envelopes: a line of JSON, then items, each a line of JSON and a payload.

The format: https://develop.sentry.dev/sdk/data-model/envelopes/
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import brotli

DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "identity": bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
}
EVENTS = ("event", "transaction")
KEPT = ("event", "transaction", "session", "sessions", "client_report")


@dataclass(frozen=True)
class Item:
    """One item: its type, its payload where it is JSON that is kept, its size in bytes, and the sample rate of its trace."""

    type: str
    payload: Any
    size: int
    sample_rate: str = ""
    filename: str = ""


def decoded(body: bytes, encoding: str) -> bytes:
    """Return a body as it was before its content encoding; ``ValueError`` where it is not in that encoding."""
    if encoding not in DECODERS:
        raise ValueError(f"content encoding {encoding!r}; gzip, deflate and br are understood")
    try:
        return DECODERS[encoding](body)
    except (OSError, EOFError, zlib.error, brotli.error) as error:
        raise ValueError(f"not {encoding} ({error})") from None


def stored(body: bytes) -> Item:
    """Return the one event of the older ``store`` endpoint; ``ValueError`` where it is none."""
    return Item("event", _object(body, "the event"), len(body))


def items(body: bytes) -> Iterator[Item]:
    """Yield the items of an envelope; ``ValueError`` where it is none."""
    first, _, rest = body.partition(b"\n")
    head = _object(first, "the envelope's header")
    rate = str((head.get("trace") or {}).get("sample_rate", ""))
    while rest.strip(b"\n"):
        line, _, rest = rest.lstrip(b"\n").partition(b"\n")
        header = _object(line, "an item's header")
        payload, rest = _payload(header, rest)
        kind = str(header.get("type", ""))
        value = _object(payload, f"the {kind}") if kind in KEPT else None
        yield Item(kind, value, len(payload), rate, str(header.get("filename", "")))


def _payload(header: dict[str, Any], rest: bytes) -> tuple[bytes, bytes]:
    """Return an item's payload, and what comes after: without a length it ends with its line."""
    if "length" not in header:
        line, _, after = rest.partition(b"\n")
        return line, after
    length = header["length"]
    if not isinstance(length, int) or not 0 <= length <= len(rest):
        raise ValueError(f"an item of length {length!r}, but {len(rest)} bytes are left")
    return rest[:length], rest[length:]


def _object(raw: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except ValueError as error:
        raise ValueError(f"{what} is not JSON ({error})") from None
    if not isinstance(value, dict):
        raise ValueError(f"{what} is no JSON object")  # noqa: TRY004 -- all that is wrong with a body is one kind of error
    return value
