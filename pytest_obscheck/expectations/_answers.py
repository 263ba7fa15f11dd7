"""The harness's own probing of a service: what one of its endpoints answers, again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_obscheck.capabilities import ReportsHealth
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.protocols import Stack

TIMEOUT = 3.0
"""Seconds after which an answer is given up."""


@dataclass(frozen=True)
class Answers:
    """What one endpoint of one service answers."""

    service: str
    path: str
    every: float = 0.2

    def look(self, stack: Stack, since: float, until: float) -> dict[str, Any]:
        """Return ``status``, ``json`` and ``seconds``, or ``unreachable``: that, too, is an answer."""
        member = stack.that(ReportsHealth, named=self.service)
        try:
            answer = member.ask(self.path, timeout=TIMEOUT)
        except LookFailed as error:
            return {"unreachable": str(error)}
        return {"status": answer.status, "json": answer.json, "seconds": answer.seconds}

    def asks(self) -> str:
        """Return the service and the path."""
        return f"{self.service} {self.path}"

    def __str__(self) -> str:
        """Return the key."""
        return f"health {self.service} {self.path}"
