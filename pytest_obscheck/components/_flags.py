"""The user's own command-line flags, next to those that the harness must give."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from urllib.parse import urlsplit


def kept(args: Sequence[str], ours: Collection[str]) -> tuple[str, ...]:
    """Return the user's flags without those that the harness gives itself; Go's parsers refuse a flag given twice.

    ``--flag=value`` and ``--flag value`` are understood, one dash or two.
    """
    left: list[str] = []
    skip = False
    for arg, behind in zip(args, (*args[1:], "--"), strict=False):
        name, equals, _ = arg.lstrip("-").partition("=")
        if skip:
            skip = False
        elif arg.startswith("-") and name in ours:
            skip = not equals and not behind.startswith("-")
        else:
            left.append(arg)
    return tuple(left)


def given(args: Sequence[str], name: str) -> str:
    """Return the value of a flag among the user's; ``""`` where it is not given."""
    for arg, behind in zip(args, (*args[1:], ""), strict=False):
        flag, equals, value = arg.lstrip("-").partition("=")
        if arg.startswith("-") and flag == name:
            return value if equals else behind
    return ""


def prefix(args: Sequence[str]) -> str:
    """Return the path below which Prometheus or Alertmanager then serves its pages: ``/prometheus``, or ``""``."""
    path = given(args, "web.route-prefix") or urlsplit(given(args, "web.external-url")).path
    inside = path.strip("/")
    return f"/{inside}" if inside else ""
