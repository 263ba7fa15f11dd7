"""Configuration files that are no YAML, as they stand."""

from __future__ import annotations

from pytest_obscheck.components._files import local, shown
from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Place


def text_of(place: Place, config: str) -> tuple[str, str]:
    """Return what the user's file is called, and its text; ``ConfigError`` where it cannot be read."""
    path = local(place, place.home, config)
    try:
        return shown(place, path), path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError([Problem(f"{place.name}: {config}", f"cannot be read ({why})")]) from None


def checked(place: Place, config: str) -> Facts:
    """Return nothing of a file but that it can be read: what is secret in it is not known, so no journal gets it."""
    text_of(place, config)
    return Facts()
