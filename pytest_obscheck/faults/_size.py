"""Sizes as people write them: ``512KB``, ``16MB``; a kilobyte has 1024 bytes, as for Prometheus."""

from __future__ import annotations

import re

UNITS = {"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}


def size(where: str, text: str) -> int:
    """Return the bytes of a field; ``ValueError`` names the field where it is no size."""
    found = re.fullmatch(r"([0-9]+)(KB|MB|GB)", text)
    if not found or not int(found[1]):
        raise ValueError(f"{where}: {text!r} is no size; write it like '512KB', '16MB' or '1GB'")
    return int(found[1]) * UNITS[found[2]]


def spoken(size: float) -> str:
    """Return bytes as a reader wants them: ``3.5MB``."""
    return f"{size / UNITS['MB']:.1f}MB" if size >= UNITS["MB"] else f"{size / UNITS['KB']:.0f}KB"
