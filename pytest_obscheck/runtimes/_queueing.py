"""How long processes of this machine have stood in line for a processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def waited(pid: int) -> dict[str, float]:
    """Return for how many seconds each thread of a process, and of what it started, could have run and did not.

    It is the kernel's own count since the thread began (the second field of ``schedstat``); nothing where it keeps none.
    """
    return {thread: waits / 1e9 for thread, waits in _waits(pid)}


def _waits(pid: int) -> Iterator[tuple[str, int]]:
    # What has ended meanwhile waits for nothing.
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError, IndexError):
                yield task.name, int((task / "schedstat").read_text(encoding="ascii").split()[1])
                for child in (task / "children").read_text(encoding="ascii").split():
                    yield from _waits(int(child))
