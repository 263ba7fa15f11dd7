"""What lets alerts bear on each other's messages in Alertmanager: which come together, and which mute which."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_obscheck.components._files import names, rows
from pytest_obscheck.plan import Inhibition, Matcher

_MATCHER = re.compile(r"""\s*([^=!~\s]+)\s*(=~|!~|!=|=)\s*(?:"((?:\\.|[^"\\])*)"|([^",]*?))\s*""")


def groupings(config: Any) -> tuple[tuple[str, ...], ...]:
    """Return the labels by which the routes of an alertmanager.yml group; ``()`` is all in one group."""
    root = config.get("route") if isinstance(config, Mapping) else None
    return tuple(dict.fromkeys(_groupings(root if isinstance(root, Mapping) else {}, ())))


def _groupings(route: Mapping[str, Any], inherited: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    by = tuple(name for _, name in names(route, "group_by")) or inherited
    yield by
    for _, inner in rows(route, "routes"):
        yield from _groupings(inner, by)


def inhibitions(config: Any) -> tuple[Inhibition, ...]:
    """Return the inhibition rules of an alertmanager.yml."""
    return tuple(
        Inhibition(_matchers(rule, "source"), _matchers(rule, "target"), tuple(name for _, name in names(rule, "equal")))
        for _, rule in rows(config, "inhibit_rules")
    )


def _matchers(rule: Mapping[str, Any], side: str) -> tuple[Matcher, ...]:
    """Return what one side must match, in today's notation and that of old; what cannot be read may match and is left out."""
    found = [_MATCHER.fullmatch(text) for _, text in names(rule, f"{side}_matchers")]
    told = [Matcher(each[1], each[2], each[3] if each[3] is not None else each[4]) for each in found if each]
    old = [(rule.get(f"{side}_match"), "="), (rule.get(f"{side}_match_re"), "=~")]
    pairs = [(name, sign, value) for held, sign in old if isinstance(held, Mapping) for name, value in held.items()]
    return (*told, *(Matcher(str(name), sign, str(value)) for name, sign, value in pairs))
