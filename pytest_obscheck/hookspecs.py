"""What other plugins may hook into."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.hookspec
def pytest_obscheck_played(scenario: Any, report: Any, journal: str) -> None:
    """Called when a story was played and judged: its Scenario, its Report, and the path of its journal."""
