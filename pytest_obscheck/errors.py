"""Everything that pytest-obscheck raises on purpose.

ObscheckError
├── ConfigError         something the user wrote is wrong; holds every problem found
├── StackError          the stack cannot run
│   ├── ProgramMissing  no such program; names the command that installs it
│   ├── ComponentDied   a component ended by itself; shows its last log lines
│   ├── NotReady        a component runs but did not become ready in time
│   └── PortTaken       a port that is needed cannot be had
├── InstallFailed       a program could not be put into the cache
├── LookFailed          evidence could not be had at this moment
├── FaultFailed         a fault could not be injected, confirmed or healed
├── StoryFailed         a claim was seen to be broken (also an AssertionError)
└── StoryUnknown        the story proved nothing, either way
"""

from __future__ import annotations

import difflib
import os
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One mistake: where it is, what is wrong, and what would be right."""

    where: str
    what: str
    right: str = ""

    def __str__(self) -> str:
        """Return ``where: what; right``, leaving out what is empty."""
        said = f"{self.what}; {self.right}" if self.right else self.what
        return f"{self.where}: {said}" if self.where else said


class ObscheckError(Exception):
    """The root of every error of this package."""


class ConfigError(ObscheckError):
    """Something the user wrote is wrong; ``problems`` holds all of it, not just the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Keep the problems; the message has one line for each."""
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class StackError(ObscheckError):
    """The stack cannot run."""


class ProgramMissing(StackError):
    """A program is nowhere to be found, or is too old."""


class ComponentDied(StackError):
    """A component ended by itself."""


class NotReady(StackError):
    """A component runs but did not become ready in time."""


class PortTaken(StackError):
    """A port that is needed cannot be had."""


class InstallFailed(ObscheckError):
    """A program could not be put into the cache."""


class LookFailed(ObscheckError):
    """Evidence could not be had at this moment."""


class FaultFailed(ObscheckError):
    """A fault could not be injected, confirmed or healed."""


class StoryFailed(ObscheckError, AssertionError):
    """At least one claim of a story was seen to be broken."""


class StoryUnknown(ObscheckError):
    """A story proved nothing, either way: the experiment, not the product, is at fault."""


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'x'?`` for the nearest known name, else the list of what is known; case is a small difference."""
    names = sorted(set(known))
    folded = {name.casefold(): name for name in reversed(names)}
    near = difflib.get_close_matches(given.casefold(), folded, n=1, cutoff=0.6)
    near = near or [name for name in folded if len(given) > 2 and given.casefold() in name]
    if near:
        return f"did you mean {folded[near[0]]!r}?"
    return f"known are: {', '.join(names)}" if names else "there are none"


def shown_as(path: Path, root: Path | None) -> str:
    """Return what messages call a file: its path below ``root``, where it lies there."""
    return str(path.relative_to(root)) if root and path.is_relative_to(root) else str(path)


def seen_from(path: Path, home: Path | None) -> str:
    """Return what messages call a file of a stack: its path seen from the stack's folder, where it lies there or beside it."""
    beside = home is not None and home.parent != home.parent.parent and path.is_relative_to(home.parent)
    return os.path.relpath(path, home) if beside else shown_as(path, home)


def said(error: Exception) -> str:
    """Return what an error says; with its type and its place, where it was not raised on purpose."""
    on_purpose = isinstance(error, ObscheckError) or type(error) is LookupError
    return str(error) if on_purpose else f"{type(error).__name__}: {error}{_place(error)}"


def _place(error: Exception) -> str:
    """Return the last line that ran of the file that whoever caught the error had called."""
    frames = traceback.extract_tb(error.__traceback__)
    called = frames[min(1, len(frames) - 1)].filename if frames else ""
    lines = [frame.lineno for frame in frames if frame.filename == called]
    return f" ({Path(called).name}:{lines[-1]})" if lines else ""
