"""Durations in lists of flags: ``--name=5m`` or ``--name 5m``, and the defaults of those that are not given."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from pytest_obscheck.speed.durations import milliseconds
from pytest_obscheck.speed.factor import Span, span
from pytest_obscheck.speed.promql import Speed


def sped_flags(
    args: Sequence[str], defaults: Mapping[str, str], speed: Speed, known: Collection[str] | None
) -> tuple[str, ...]:
    """Return the flags with those of ``defaults`` divided; what an older program does not know is not added.

    A flag that means "at once" or "never" by 0 stays so.
    """
    given = values(args, defaults)
    added = {name: text for name, text in defaults.items() if name not in given and (known is None or name in known)}
    kept = tuple(_without(args, defaults))
    return (*kept, *(f"--{name}={_shorter(text, speed)}" for name, text in {**given, **added}.items()))


def flag_spans(args: Sequence[str], defaults: Mapping[str, str], program: str) -> Iterator[Span]:
    """Yield the durations of the flags, given or by default."""
    for name, text in {**defaults, **values(args, defaults)}.items():
        yield from span(text, f"{program} --{name}", name)


def values(args: Sequence[str], names: Collection[str]) -> dict[str, str]:
    """Return what the flags of these names say; the last word counts."""
    found = {}
    for number, arg in enumerate(args):
        name, equals, value = arg.removeprefix("--").partition("=")
        if arg.startswith("--") and name in names:
            found[name] = value if equals else "".join(args[number + 1 : number + 2])
    return found


def _without(args: Sequence[str], names: Collection[str]) -> Iterator[str]:
    skip = False
    for arg in args:
        name, equals, _ = arg.removeprefix("--").partition("=")
        mine = arg.startswith("--") and name in names
        if not mine and not skip:
            yield arg
        skip = mine and not equals


def _shorter(text: str, speed: Speed) -> str:
    return speed.shorter(text) if milliseconds(text) else text
