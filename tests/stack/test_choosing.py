"""Which runtime a stack is given, and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck.errors import StackError
from pytest_obscheck.stack import read
from pytest_obscheck.stack.choosing import choose

STACK = Path(__file__).parents[2] / "stack/stack.yaml"


@pytest.fixture
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what is said where no daemon answers."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    return f"containers: no Docker daemon answers at unix://{tmp_path}/docker.sock; start it, or set DOCKER_HOST"


@pytest.mark.usefixtures("nobody")
def test_without_a_daemon_auto_is_processes_and_says_why_in_passing(tmp_path: Path) -> None:
    runtime, words = choose("auto", read(STACK), tmp_path)

    assert (runtime.name, words) == (
        "process",
        f"runtime process (no Docker daemon answers at unix://{tmp_path}/docker.sock)",
    )
    runtime.close()


def test_what_was_asked_for_and_cannot_be_had_is_not_replaced(tmp_path: Path, nobody: str) -> None:
    with pytest.raises(StackError) as caught:
        choose("container", read(STACK), tmp_path)

    assert str(caught.value) == nobody


@pytest.mark.integration
@pytest.mark.container
@pytest.mark.usefixtures("daemon")
def test_with_a_daemon_auto_is_containers_where_the_images_are_there(tmp_path: Path) -> None:
    runtime, words = choose("auto", read(STACK), tmp_path)

    assert (runtime.name, words) == ("container", "runtime container")
    runtime.close()
