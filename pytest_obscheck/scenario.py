"""The story as data: loads and faults in windows, and claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.protocols import Expectation, Fault, Load
from pytest_obscheck.when import Always, Never, Once, Phrase, Window, Within


@dataclass(frozen=True)
class Planned:
    """A load or a fault in its window. ``name`` is what ``after:`` calls it; its cure is ``cure of NAME``."""

    what: Any
    window: Window
    name: str
    where: str = field(default="", compare=False)

    @property
    def cure(self) -> str:
        """Return the name of the moment at which its harm is gone."""
        return f"cure of {self.name}"

    def __str__(self) -> str:
        """Return the name, as ``after:`` writes it."""
        return self.name


@dataclass(frozen=True)
class Claim:
    """An expectation plus when it must hold. ``warm``: whether it needs the ranges of its rule filled before time zero."""

    expectation: Expectation
    phrase: Phrase
    name: str = ""
    warm: bool = True
    where: str = field(default="", compare=False)

    def __str__(self) -> str:
        """Return the claim in the words of a report."""
        return f"{self.expectation} {self.phrase}"


@dataclass(frozen=True)
class Scenario:
    """One story.

    ``share``: whether it may run on a stack that other stories have used, or use now. ``stack``: the path of the stack.yaml on
    which it is played, and ``speed`` how much faster its time passes; ``""`` for what the run names. ``instant``: what the
    virtual clock of sped-up scripted samples shows when it begins; ``""`` for that of the stack.
    """

    name: str
    loads: tuple[Planned, ...] = ()
    faults: tuple[Planned, ...] = ()
    claims: tuple[Claim, ...] = ()
    share: bool = False
    stack: str = ""
    speed: str = ""
    instant: str = ""
    where: str = field(default="", compare=False)


def one_experiment(one: Scenario, other: Scenario) -> bool:
    """Whether two stories do the same: the same loads and faults, in the same windows, by the same names."""
    return (one.loads, one.faults) == (other.loads, other.faults)


def must_last(scenario: Scenario) -> float:
    """Return the story second before which it cannot be over: until then something must happen, or must not."""
    ends = [claim.phrase.span.end for claim in scenario.claims if isinstance(claim.phrase, Always | Never | Once)]
    return max(ends, default=0.0)


def unnamed(name: str, taken: Iterable[str]) -> str:
    """Return ``name``, or ``name 2``, ``name 3`` … where it is taken."""
    used = set(taken)
    names = (name if n == 1 else f"{name} {n}" for n in range(1, len(used) + 2))
    return next(candidate for candidate in names if candidate not in used)


def hangs_on_itself(claim: Claim, claims: Iterable[Claim]) -> bool:
    """Whether a claim waits for a claim that waits, at some remove, for itself."""
    named = {each.name: each for each in claims if each.name}
    seen: set[str] = set()
    after = _after(claim)
    while after in named and after not in seen:
        seen.add(after)
        after = _after(named[after])
    return after in seen


def _after(claim: Claim) -> str:
    return claim.phrase.after if isinstance(claim.phrase, Within) else ""


@dataclass
class Draft:
    """A story while it is written in Python: ``load``, ``fault`` and ``expect`` add to it, ``done`` returns the Scenario.

    ``names`` gives the registered name of an extension, which is what ``after:`` calls a fault that has no ``as_``.
    """

    name: str
    names: Mapping[type, str]
    where: str = ""
    share: bool = False
    stack: str = ""
    speed: str = ""
    instant: str = ""
    _loads: list[Planned] = field(default_factory=list)
    _faults: list[Planned] = field(default_factory=list)
    _claims: list[Claim] = field(default_factory=list)

    def load(self, what: Load, window: Window, as_: str = "") -> Planned:
        """Put traffic into a window."""
        return self._plan(self._loads, what, window, as_)

    def fault(self, what: Fault, window: Window, as_: str = "") -> Planned:
        """Put a fault into a window; the result, and its ``cure``, can be the anchor of ``within(..., after=)``."""
        return self._plan(self._faults, what, window, as_)

    def expect(self, what: Expectation, phrase: Phrase, as_: str = "", warm: bool = True) -> Claim:
        """Claim that something holds, and when."""
        claim = Claim(what, phrase, as_, warm, self.where)
        self._claims.append(claim)
        return claim

    def done(self) -> Scenario:
        """Return the story as data."""
        loads, faults, claims = tuple(self._loads), tuple(self._faults), tuple(self._claims)
        return Scenario(self.name, loads, faults, claims, self.share, self.stack, self.speed, self.instant, self.where)

    def _plan(self, into: list[Planned], what: Any, window: Window, as_: str) -> Planned:
        taken = [planned.name for planned in (*self._loads, *self._faults)]
        planned = Planned(what, window, as_ or unnamed(self.names[type(what)], taken), self.where)
        into.append(planned)
        return planned
