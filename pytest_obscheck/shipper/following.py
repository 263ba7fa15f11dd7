"""Log files while they grow: every whole line once, whatever was written when."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

_STAMPS = ("timestamp", "time", "ts", "@timestamp")


@dataclass
class Follower:
    """Reads what was added to one file since the last time; a file that got shorter is begun anew."""

    path: Path
    _read: int = 0
    _rest: bytes = field(default=b"", repr=False)

    def lines(self) -> list[str]:
        """Return the lines that are whole by now."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return []
        if size < self._read:
            self._read, self._rest = 0, b""
        with self.path.open("rb") as file:
            file.seek(self._read)
            added = file.read()
        self._read += len(added)
        *whole, self._rest = (self._rest + added).split(b"\n")
        return [line.decode("utf-8", "replace") for line in whole if line.strip()]


def written_at(line: str, now: float) -> float:
    """Return when a line was written: what it says itself, where it is JSON with a time, else now; never later than now."""
    try:
        fields = json.loads(line)
    except ValueError:
        return now
    said = next((fields[name] for name in _STAMPS if name in fields), None) if isinstance(fields, Mapping) else None
    try:
        at = float(said) if isinstance(said, int | float) else datetime.fromisoformat(str(said)).timestamp()
    except (ValueError, OverflowError):
        return now
    return min(at, now)
