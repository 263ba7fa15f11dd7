"""What a program's version says about what it can be told."""

from __future__ import annotations

import re


def major(version: str) -> int:
    """Return the first number of a version, ``3`` of ``v3.14.0``; 0 where it tells none."""
    found = re.match(r"v?(\d+)\.", version)
    return int(found[1]) if found else 0
