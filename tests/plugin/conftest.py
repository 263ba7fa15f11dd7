"""A project for the plugin, seen from outside, with a stack that needs no program but Python."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from pytest_obscheck import registry

STACK = 'services:\n  web:\n    command: [python, -m, http.server, --bind, 127.0.0.1, "${port.http}"]\n'


@dataclass(frozen=True)
class Shop:
    """A project in pytester's folder."""

    pytester: pytest.Pytester

    @property
    def path(self) -> Path:
        """Return its folder."""
        return self.pytester.path

    def write(self, name: str, text: str) -> None:
        """Write a file of it."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def runpytest(self, *args: str) -> pytest.RunResult:
        """Run pytest in it."""
        return self.pytester.runpytest(*args)


@pytest.fixture(autouse=True)
def _everything_is_imported() -> None:
    """Import all modules: pytester forgets those that its run imports, and classes would then be there twice."""
    import_module("pytest_obscheck.session")
    list(registry.Names())


@pytest.fixture
def bare(pytester: pytest.Pytester) -> Shop:
    """Return a project with a stack and no story."""
    made = Shop(pytester)
    made.write("stack/stack.yaml", STACK)
    return made
