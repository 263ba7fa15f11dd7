"""What a run tells while it goes on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_obscheck.playing import Voice


class Terminal:
    """Takes down what is printed."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def ensure_newline(self) -> None:
        """Begin a new line."""

    def write_line(self, line: str) -> None:
        self.said.append(line)

    def flush(self) -> None:
        """Show it."""


def a_voice(**plugins: Any) -> Any:
    return Voice(SimpleNamespace(pluginmanager=SimpleNamespace(getplugin=plugins.get)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("tell", ["obscheck: 2 stories are played again", "obscheck: 2 stories are played again"]),
        ("announce", ["obscheck: 2 stories are played again"]),
    ],
)
def test_what_happens_is_told_each_time_and_what_is_so_once(how: str, said: list[str]) -> None:
    terminal = Terminal()
    voice = a_voice(terminalreporter=terminal)
    for _ in range(2):
        getattr(voice, how)("2 stories are played again")

    assert terminal.said == said


def test_who_has_no_terminal_tells_nothing() -> None:
    a_voice().tell("2 stories are played again")
