"""A client for Prometheus in agent mode, which scrapes and sends on, and answers neither PromQL nor for rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.components._promql import PrometheusClient


@dataclass
class AgentClient:
    """Asks one agent; ``targets`` raises ``LookFailed`` where it cannot."""

    whole: PrometheusClient

    def ready(self) -> bool:
        """Whether it scrapes now."""
        return self.whole.ready()

    def close(self) -> None:
        """Give up the connections to it."""
        self.whole.close()

    def targets(self) -> list[Mapping[str, Any]]:
        """Return the active targets as Prometheus's API names them."""
        return self.whole.targets()
