"""What can keep the service from doing its work, as its handlers see it."""

from __future__ import annotations


class Unavailable(Exception):
    """Something that the service depends on does not do its part; whoever asked gets a 503."""

    def __init__(self, what: str, reason: str) -> None:
        """Name what is not available, and why."""
        self.what = what
        super().__init__(f"{what} cannot be used: {reason}")
