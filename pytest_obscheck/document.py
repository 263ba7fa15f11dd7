"""A user's YAML file as the harness edits it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol


class Document(Protocol):
    """A user's YAML file that is never parsed and dumped again: only spans of its text are replaced."""

    path: Path
    value: Any

    def line(self, *path: str | int) -> int:
        """Return the 1-based line of the node at that path; the nearest existing ancestor's where there is none."""

    def set(self, path: Sequence[str | int], value: Any) -> None:
        """Give the node at ``path`` a value, adding the key to an existing mapping where it is missing."""

    def remove(self, path: Sequence[str | int]) -> None:
        """Take the key (and its value) or the list item at ``path`` out of the text."""

    def text(self) -> str:
        """Return the working copy."""
