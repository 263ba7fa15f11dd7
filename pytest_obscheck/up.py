"""A stack by hand: run it until Ctrl-C, or show how its working copies differ from the user's files."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from pytest_obscheck import derive
from pytest_obscheck.capabilities import CatchesNotifications
from pytest_obscheck.errors import ConfigError, Problem, did_you_mean
from pytest_obscheck.session import Session
from pytest_obscheck.speed import Pace
from pytest_obscheck.stack import LiveStack, read
from pytest_obscheck.stack.pacing import checked


def up(path: Path, follow: Sequence[str], say: Callable[[str], None], speed: str = "1") -> int:
    """Start the stack, print a table of its URLs, print the followed logs as they grow, and end it at Ctrl-C."""
    session = Session(read(path, Path.cwd()), "process", speed=checked(speed, "--speed"))
    unknown = [name for name in follow if name not in session.file.members]
    if unknown:
        said = did_you_mean(unknown[0], session.file.members)
        raise ConfigError([Problem("--follow", f"no member called {unknown[0]!r}", said)])
    # A shell gives its background jobs no Ctrl-C, and a supervisor of services ends them by SIGTERM: both must end the stack.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        say("".join(f"{each}\n" for each in (*session.plan.unlike, *session.plan.facts.notes)))
        stack = session.stack()
        say(table(stack) + _pace(stack.plan.pace) + "Ctrl-C ends it all.\n")
        _until_interrupted(session, stack, follow, say)
    except KeyboardInterrupt:
        say("\nending …\n")
    finally:
        session.close()
    return 0


def table(stack: LiveStack) -> str:
    """Return a line for each member: its name, its URLs, and the production names that lead to it."""
    rows = [("MEMBER", "ADDRESS", "PRODUCTION NAMES")]
    for name, seat in stack.seats.items():
        addresses = " ".join(f"{port}=http://{address}" for port, address in seat.place.addresses.items())
        rows.append((name, addresses, " ".join(seat.member.hosts)))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


def _until_interrupted(session: Session, stack: LiveStack, follow: Sequence[str], say: Callable[[str], None]) -> None:
    logs = {name: stack.seats[name].place.folder / f"{name}.log" for name in follow}
    read_to = dict.fromkeys(follow, 0)
    since = session.clock.now()
    while True:
        for name, log in logs.items():
            text = log.read_bytes()[read_to[name] :] if log.exists() else b""
            read_to[name] += len(text)
            for line in text.decode(errors="replace").splitlines():
                say(f"{name}: {line}\n")
        until = session.clock.now()
        for each in stack.that(CatchesNotifications).arrived(since, until):
            say(f"→ {each.sink}: {each.status} {each.text.strip().splitlines()[0] if each.text.strip() else ''}\n")
        since = until
        session.clock.sleep(0.3)


def render(path: Path, speed: str = "1") -> str:
    """Return the diff between the user's files and the working copies as ``diff -u`` writes it, and what it does not show.

    That are secrets, of which neither side has any; what is accepted and hardly meant; what no speed suits.
    """
    session = Session(read(path, Path.cwd()), "process", speed=checked(speed, "--speed"))
    try:
        stack = session.laid_out()
        told = (f"{each}\n" for each in (*stack.plan.facts.secrets, *stack.plan.unlike, *stack.plan.facts.notes))
        return "".join([*_diffs(stack), *told, _pace(stack.plan.pace)])
    finally:
        session.close()


def _diffs(stack: LiveStack) -> Iterator[str]:
    """Yield a diff for each working copy of each member; neither side shows a secret."""
    masked, derived = stack.plan.facts.files, stack.derived()
    for name, seat in stack.seats.items():
        for copy, original in seat.launch.originals.items():
            yield derive.diff(_unquoted(masked[original]), _unquoted(derived[f"{name}/{copy}"]), original)


def _pace(pace: Pace) -> str:
    """Return how fast the story's time passes, and a line for each rule and route that does not go along."""
    if not pace.speed.changes:
        return ""
    left = [f"kept as it is: {problem}\n" for problem in pace.unfit.values()]
    fixed = [f"kept as it is: receiver {name}: {problem}\n" for name, problem in pace.fixed.items()]
    return f"speed {pace.by:g} ({pace.words})\n" + "".join([*left, *fixed])


def _unquoted(text: str) -> str:
    """Return a text whose hidden URLs have no quotes: hiding them adds some, which is no difference."""
    return re.sub(r"""(["'])(\w+://[^"'\s]*/<secret>)\1""", r"\2", text)
