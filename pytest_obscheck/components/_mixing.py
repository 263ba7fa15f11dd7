"""What lets alerts bear on each other's messages in Alertmanager: where they go, which come together, which mute which."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from pytest_obscheck.components._files import Spot, names, rows
from pytest_obscheck.plan import Branch, Inhibition, Matcher

_MATCHER = re.compile(r"""\s*([^=!~\s]+)\s*(=~|!~|!=|=)\s*(?:"((?:\\.|[^"\\])*)"|([^",]*?))\s*""")


def branches(config: Any, where: Callable[[Spot], str]) -> Iterator[Branch]:
    """Yield the routes of an alertmanager.yml, each before those below it; ``where`` says where a path of keys stands."""
    root = config.get("route") if isinstance(config, Mapping) else None
    if isinstance(root, Mapping):
        yield from _branches(root, ("route",), Branch(""), where)


def _branches(route: Mapping[str, Any], spot: Spot, above: Branch, where: Callable[[Spot], str]) -> Iterator[Branch]:
    branch = replace(
        above,
        receiver=str(route.get("receiver") or above.receiver),
        matchers=(*above.matchers, *_matchers(route)),
        by=tuple(name for _, name in names(route, "group_by")) or above.by,
        wait=str(route.get("group_wait") or above.wait),
        interval=str(route.get("group_interval") or above.interval),
        repeat=str(route.get("repeat_interval") or above.repeat),
        where=where(spot),
    )
    yield branch
    for number, inner in rows(route, "routes"):
        yield from _branches(inner, (*spot, "routes", number), branch, where)


def inhibitions(config: Any, where: Callable[[Spot], str]) -> Iterator[Inhibition]:
    """Yield the inhibition rules of an alertmanager.yml; ``where`` says where a path of keys stands."""
    for number, rule in rows(config, "inhibit_rules"):
        equal = tuple(name for _, name in names(rule, "equal"))
        yield Inhibition(_matchers(rule, "source_"), _matchers(rule, "target_"), equal, where(("inhibit_rules", number)))


def _matchers(rule: Mapping[str, Any], side: str = "") -> tuple[Matcher, ...]:
    """Return what one side must match, in today's notation and that of old; what cannot be read may match and is left out."""
    found = [_MATCHER.fullmatch(text) for _, text in names(rule, f"{side}matchers")]
    told = [Matcher(each[1], each[2], each[3] if each[3] is not None else each[4]) for each in found if each]
    old = [(rule.get(f"{side}match"), "="), (rule.get(f"{side}match_re"), "=~")]
    pairs = [(name, sign, value) for held, sign in old if isinstance(held, Mapping) for name, value in held.items()]
    return (*told, *(Matcher(str(name), sign, str(value)) for name, sign, value in pairs))
