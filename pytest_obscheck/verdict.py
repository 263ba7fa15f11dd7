"""Passed, unknown or failed, because of what, and how outcomes combine."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

TOO_SLOW = "the machine was too slow"
"""How every sentence begins that says so of a claim."""

SEEN = "; seen was: "
"""Stands before what an unknown verdict would have been: worth reading, though it decides nothing."""


VOID = "the experiment is void"


class Outcome(StrEnum):
    """What can be said of a claim. Unknown is not a weak pass: nothing was proved."""

    PASSED = "passed"
    UNKNOWN = "unknown"
    FAILED = "failed"


@dataclass(frozen=True)
class Verdict:
    """What is said of one claim or fault, and why."""

    claim: str
    outcome: Outcome
    words: str
    where: str = ""


def combine(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome of the whole: failed beats unknown beats passed; nothing at all is unknown."""
    seen = set(outcomes)
    for outcome in (Outcome.FAILED, Outcome.UNKNOWN, Outcome.PASSED):
        if outcome in seen:
            return outcome
    return Outcome.UNKNOWN


@dataclass(frozen=True)
class Report:
    """What is said of one story: of its faults, of its claims, and anything else worth knowing."""

    name: str
    where: str
    outcome: Outcome
    faults: tuple[Verdict, ...] = ()
    claims: tuple[Verdict, ...] = ()
    notes: tuple[str, ...] = ()
