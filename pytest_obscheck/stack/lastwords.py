"""What a program that failed said last, short enough to be read in a test report."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pytest_obscheck.protocols import Running

LINES = 10
"""How many lines of a log a message shows."""

_READ = 300
"""How many lines are read for that: a stack trace is many lines, and is told in one."""

_BEGIN = re.compile(r"Traceback \(most recent call last\)")
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>[0-9]+)')
_CHAIN = ("During handling of the above exception", "The above exception was the direct cause")
_NOT_THE_USERS = re.compile(r"site-packages|<frozen |/lib/python3")


def last_words(running: Running) -> str:
    """Return the last lines of a program's log, for the end of a sentence."""
    lines = list(dict.fromkeys(condensed(running.logs(_READ))))[-LINES:]
    return "its last lines:\n  " + "\n  ".join(lines) if lines else "it wrote no log"


def condensed(lines: Sequence[str]) -> list[str]:
    """Return log lines with each Python stack trace as one line: ``file:line: Error: message``."""
    return list(_condensed(iter([line.rstrip() for line in lines])))


def _condensed(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        if _BEGIN.search(line):
            yield _trace(lines)
        elif line and not line.startswith(_CHAIN):
            yield line


def _trace(lines: Iterator[str]) -> str:
    """Take the rest of a stack trace out of the lines; the first that is not indented is the error itself."""
    frames = []
    for line in lines:
        found = _FRAME.search(line)
        if found:
            frames.append(f"{found['file']}:{found['line']}: ")
        elif line and not line.startswith((" ", "\t", "|", "+")):
            return f"{_where(frames)}{line}"
    return f"{_where(frames)}it ended in the middle of a stack trace"


def _where(frames: Sequence[str]) -> str:
    own = [frame for frame in frames if not _NOT_THE_USERS.search(frame)]
    return next(reversed(own or frames), "")
