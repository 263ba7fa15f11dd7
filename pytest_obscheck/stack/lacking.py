"""What is said where no member of a stack can do what is asked of it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import get_args, get_type_hints

from pytest_obscheck import registry
from pytest_obscheck.capabilities import does


def lacking(capability: type, named: str | None, able: Iterable[str]) -> str:
    """Return that no member can do this, or that the named one cannot, and which do, or what could be added."""
    those = f"those that do: {', '.join(able)}" if able else _to_add(capability)
    who = "no member of the stack" if named is None else f"{named!r} is no member that"
    return "; ".join([f"{who} {does(capability)}", *([those] if those else [])])


def _to_add(capability: type) -> str:
    could = components_with(capability)
    return f"add one to stack.yaml: {', '.join(could)}" if could else ""


@cache
def components_with(capability: type) -> tuple[str, ...]:
    """Return the names of the components whose clients can do this."""
    return tuple(name for name in registry.names("components") if any(issubclass(each, capability) for each in _clients(name)))


def _clients(component: str) -> Iterable[type]:
    try:
        client = get_type_hints(registry.find("components", component).connect).get("return")
    except NameError:  # what only a type checker can read
        return ()
    return [each for each in get_args(client) or (client,) if isinstance(each, type)]
