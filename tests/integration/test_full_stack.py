"""The shop on PostgreSQL, Redis and Celery: whatever of it is slow, frozen, dead or out of reach is noticed, and told."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

STORIES = Path(__file__).parent / "databases"
TOO_SLOW = "the machine was too slow"


# The story with two rows comes back to the databases that its first row has harmed.
@pytest.mark.parametrize("story", ["dead-worker", "frozen-worker", "no-dependency", "slow-database"])
def test_what_the_full_stack_rests_on_is_missed(project: Any, story: str) -> None:
    shutil.copytree(STORIES, project.path / "stories")
    words = ("--obs-stack=stack/stack.full.yaml", f"stories/{story}.obs.yaml")

    said = project.pytest(*words)
    said = project.pytest(*words) if TOO_SLOW in said else said

    assert (said.code, project.left()) == (0, ([], [])), said.out
