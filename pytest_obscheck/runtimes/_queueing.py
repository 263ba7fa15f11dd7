"""How long processes of this machine have stood in line for a processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def waited(pid: int) -> float:
    """Return for how many seconds one thread of a process, or of what it started, could have run and did not; the longest.

    It is the kernel's own count since the thread began (the second field of ``schedstat``), 0 where it keeps none.
    """
    return max(_waits(pid), default=0) / 1e9


def _waits(pid: int) -> Iterator[int]:
    # What has ended meanwhile waits for nothing.
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError, IndexError):
                yield int((task / "schedstat").read_text(encoding="ascii").split()[1])
                for child in (task / "children").read_text(encoding="ascii").split():
                    yield from _waits(int(child))
