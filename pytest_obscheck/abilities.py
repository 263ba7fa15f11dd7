"""What an extension may be able to do beyond its kind; the machine asks for the ability, never for a class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from pytest_obscheck.protocols import Expectation, History, Look, Place
from pytest_obscheck.speed import Timing
from pytest_obscheck.when import Window


@runtime_checkable
class HoldsTime(Protocol):
    """A component with durations in its configuration, or with series of its own, that pass with the story."""

    def timing(self, place: Place) -> Timing:
        """Return what of it is story time; ``ConfigError`` where a duration cannot be read. ``place`` has no addresses yet."""


@runtime_checkable
class StandsFor(Protocol):
    """A component that says which version of its program production runs."""

    @property
    def version(self) -> str:
        """Return that version, or the first numbers of it; ``""`` where nothing is said."""


@runtime_checkable
class AltersSamples(Protocol):
    """A fault that changes what is measured instead of what happens; reports of verdicts that rest on it say so."""

    def alters(self) -> Sequence[str]:
        """Return the names of the metrics whose samples it alters."""


@runtime_checkable
class StopsMember(Protocol):
    """A fault while which a member does nothing; what nobody saw because it was asked is the story's own doing."""

    def stops(self) -> str:
        """Return the name of the member."""


@runtime_checkable
class TakesFromMachine(Protocol):
    """A fault or an expectation that may harm more than its stack: then nothing else is played on the machine meanwhile."""

    def takes(self) -> str:
        """Return what of the machine it takes from everybody there; ``""`` for nothing."""


@runtime_checkable
class StarvesMember(Protocol):
    """A fault while which a member waits for a processor, which is then no sign that the machine is too slow."""

    def starves(self) -> str:
        """Return the name of the member."""


@runtime_checkable
class Explains(Protocol):
    """An expectation that wants one more look, after the story, to be able to say why it did not hold."""

    def autopsy(self) -> Look | None:
        """Return what to look at when the story is over, for the whole of its time; ``None`` for nothing."""


@runtime_checkable
class MayBeEmpty(Protocol):
    """An expectation of something that cannot happen where what it reads is not there: that it never does says little then."""

    def lacks(self, history: History) -> str:
        """Return what is not there at all, from the plan, or the look when the story was over; ``""`` for nothing."""


@runtime_checkable
class LooksBesides(Protocol):
    """An expectation whose verdict rests on more than one look; it finds the others in the journal by their keys."""

    def further_looks(self) -> Sequence[Look]:
        """Return what else to look at while the story plays."""


@runtime_checkable
class AsksService(Protocol):
    """A look that is itself a request to one of the team's services, which counts it as it counts every other."""

    def asks(self) -> str:
        """Return whom it asks for what: ``checkout /health/readiness``."""


@runtime_checkable
class AboutAlert(Protocol):
    """An expectation about one alert."""

    def alertname(self) -> str:
        """Return the alert's name; ``""`` for any alert."""


@runtime_checkable
class OutlastsHoles(Protocol):
    """An expectation from which a missing evaluation or sample need not hide anything: what takes time cannot come and go."""

    def outlasts(self, history: History, span: Window, until: float) -> float:
        """Return how long a hole somewhere in a span must be to hide from it what happens before ``until``; 0: however short.

        All in story seconds.
        """


@runtime_checkable
class EvaluatedAfterwards(Protocol):
    """An expectation about an alert whose rule is evaluated once more when the story is over."""

    def would_be_quiet(self, history: History, span: Window) -> bool:
        """Whether evaluations that were missed in a span of story time would have found nothing, and changed nothing."""


@runtime_checkable
class CountsSamples(Protocol):
    """An expectation that knows which samples there were: one that is missing changes what is right, and is no excuse."""

    def counts_samples(self) -> bool:
        """Whether this one does."""


@runtime_checkable
class IsFiring(Protocol):
    """An expectation that may hold just while its alert fires: what can only make that fire longer does not hide it."""

    def is_firing(self) -> bool:
        """Whether this one does."""


@runtime_checkable
class AboutMessages(Protocol):
    """An expectation about messages, on which other alerts can bear: what comes in one message, what is muted."""

    def reaches(self) -> str:
        """Return the name of the sink that they reach."""


@runtime_checkable
class AboutSeries(Protocol):
    """An expectation whose verdict rests on series."""

    def exprs(self, alerts: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Return the PromQL that it rests on, if any; ``alerts``: name → its expression and those of recordings behind it."""

    def history(self, alerts: Mapping[str, Sequence[str]]) -> float:
        """Return how many seconds of history that PromQL looks back on."""


@runtime_checkable
class SeparatesNetworks(Protocol):
    """A runtime that gives each member a network of its own, which it can be taken off."""

    networked: bool


@runtime_checkable
class LimitsMembers(Protocol):
    """A runtime that gives each member a cgroup of its own, whose limits it can change."""

    limiting: bool


@runtime_checkable
class MakesImages(Protocol):
    """A runtime that can make images of programs, for want of a registry."""

    def unable(self, images: Sequence[str]) -> str:
        """Return why nothing can run here, in one line; ``""`` where it can."""

    def make(self, image: str, program: str, files: Mapping[str, str]) -> None:
        """Make an image that holds these files and nothing else (path inside → path here), and starts the program."""

    def close(self) -> None:
        """Let go of what makes them."""


def looks_behind(expectations: Iterable[Expectation]) -> list[Look]:
    """Return what verdicts on expectations rest on, each look once."""
    every = list(expectations)
    besides = [look for each in every if isinstance(each, LooksBesides) for look in each.further_looks()]
    return list(dict.fromkeys([*(each.evidence() for each in every), *besides]))
