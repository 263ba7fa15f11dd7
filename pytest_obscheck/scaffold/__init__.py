"""What a team has → a stack.yaml and a story for each alert that run at once, and what could not be known."""

from __future__ import annotations

from pytest_obscheck.scaffold.command import init_command

__all__ = ["init_command"]
