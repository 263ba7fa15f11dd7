"""A health endpoint answers as wanted."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.expectations._answers import Answers
from pytest_obscheck.journal import Event
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Look
from pytest_obscheck.when import Duration, Sight, Window, seconds, spoken

PACE = 0.5
"""Seconds between two sights of a question that waits for its answer."""


@dataclass(frozen=True)
class Health:
    """An endpoint answers with a status code; ``status: 0`` means that nothing answers.

    ``json`` are fields of the answer (``checks.database.status`` reaches inside), ``faster`` bounds the answer time, which is
    physical time whatever the speed.
    """

    service: str
    path: str = "/health"
    status: int = 200
    json: Mapping[str, Any] = field(default_factory=dict)
    faster: Duration | None = None

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield that the stack has no such service."""
        services = [name for name, kind in plan.members.items() if kind == "service"]
        if self.service not in plan.members:
            yield f"no service called {self.service!r}; {did_you_mean(self.service, services)}"

    def exprs(self, alerts: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """Return nothing: what an endpoint answers rests on no series."""
        return ()

    def history(self, alerts: Mapping[str, Sequence[str]]) -> float:
        """Return that it looks back on nothing."""
        return 0.0

    def evidence(self) -> Look:
        """Return the look at the endpoint."""
        return Answers(self.service, self.path)

    def holds(self, history: History) -> Sequence[Sight]:
        """Return a sight for every answer, dated by its arrival; one that took long says the same of the time it took.

        That nothing answers is true from the question on. A slow answer fills the time before it where nothing changed.
        """
        sights: list[Sight] = []
        for event in history.looks:
            sight = self._sight(history, event)
            if "unreachable" in event.data.get("data", {}) or (sights and sights[-1].holds is sight.holds):
                sights.extend(dataclasses.replace(sight, at=at) for at in _between(history.story(event.wall), sight.at))
            sights.append(sight)
        return sights

    def _sight(self, history: History, event: Event) -> Sight:
        at = history.story(event.wall + event.data.get("took", 0.0))
        if "error" in event.data:
            return Sight(at, None, event.data["error"])
        answer = event.data["data"]
        if "unreachable" in answer:
            return Sight(at, self.status == 0, f"unreachable at {history.spoken(at)}: {answer['unreachable']}")
        wrong = self._wrong(answer)
        words = f"{answer['status']} in {spoken(answer['seconds'])} at {history.spoken(at)}"
        return Sight(at, not wrong, f"{words}: {wrong}" if wrong else words)

    def _wrong(self, answer: Mapping[str, Any]) -> str:
        if answer["status"] != self.status:
            return f"status {answer['status']} instead of {self.status}"
        if self.faster is not None and answer["seconds"] > seconds(self.faster):
            return f"it took {spoken(answer['seconds'])}, longer than {self.faster}"
        for path, wanted in self.json.items():
            got = _dig(answer["json"], path)
            if got != wanted:
                return f"{path} is {got!r} instead of {wanted!r}"
        return ""

    def tell(self, history: History, window: Window) -> str:
        """Return nothing: the last answer says it."""
        return ""

    def __str__(self) -> str:
        """Return the expectation in words."""
        said = (
            f"{self.service} {self.path} answers {self.status}" if self.status else f"{self.service} {self.path} is unreachable"
        )
        fields = "".join(f", {path} is {wanted!r}" for path, wanted in self.json.items())
        return said + fields + (f", in under {self.faster}" if self.faster else "")


def _between(asked: float, answered: float) -> Iterable[float]:
    """Yield when a question was asked, and every half second until it was answered."""
    return (asked + step * PACE for step in range(math.ceil((answered - asked) / PACE)))


def _dig(value: Any, path: str) -> Any:
    for key in path.split("."):
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, Mapping) and key in value:
            value = value[key]
        else:
            return None
    return value
