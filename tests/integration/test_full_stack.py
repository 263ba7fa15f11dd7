"""The shop on PostgreSQL, Redis and Celery: whatever of it is slow, frozen, dead or out of reach is noticed, and told."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

STORIES = Path(__file__).parent / "databases"
TOO_SLOW = "the machine was too slow"


def test_what_the_full_stack_rests_on_is_missed(project: Any) -> None:
    shutil.copytree(STORIES, project.path / "stories")

    said = project.pytest("--obs-stack=stack/stack.full.yaml", "stories")
    if TOO_SLOW in said:
        said = project.pytest("--obs-stack=stack/stack.full.yaml", "--last-failed", "stories")

    assert (said.code, project.left()) == (0, ([], [])), said.out
