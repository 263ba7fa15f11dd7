"""A text that a regular expression of a label matcher matches, and one that it does not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

_CATEGORIES = {codes.CATEGORY_DIGIT: "5", codes.CATEGORY_SPACE: " ", codes.CATEGORY_WORD: "x"}
_FALLBACKS = ("", "x", "0", "other", "none-of-these")


def matching(pattern: str) -> str:
    """Return a short text that the whole pattern matches; ``""`` where none is found."""
    try:
        found = "".join(_texts(parser.parse(pattern)))
        return found if re.fullmatch(pattern, found) else _first(pattern, wanted=True)
    except re.error:
        return ""


def avoiding(pattern: str) -> str:
    """Return a short text that the whole pattern does not match, ``""`` (no label at all) if possible."""
    try:
        return _first(pattern, wanted=False)
    except re.error:
        return ""


def _first(pattern: str, *, wanted: bool) -> str:
    return next((text for text in _FALLBACKS if bool(re.fullmatch(pattern, text)) is wanted), "")


def _texts(nodes: Any) -> Iterator[str]:
    for code, argument in nodes:
        yield from _text(code, argument)


def _text(code: Any, argument: Any) -> Iterator[str]:
    if code is codes.LITERAL:
        yield chr(argument)
    elif code is codes.ANY or code is codes.NOT_LITERAL:
        yield "x"
    elif code is codes.IN:
        yield _one_of(argument)
    elif code is codes.BRANCH:
        yield from _texts(argument[1][0])
    elif code is codes.SUBPATTERN:
        yield from _texts(argument[3])
    elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT):
        low, _, inside = argument
        yield "".join(_texts(inside)) * low


def _one_of(choices: Any) -> str:
    code, argument = choices[0]
    if code is codes.NEGATE:
        taken = {chr(value) for kind, value in choices[1:] if kind is codes.LITERAL}
        return next(letter for letter in "xyz0123456789" if letter not in taken)
    if code is codes.RANGE:
        return chr(argument[0])
    return _CATEGORIES.get(argument, "x") if code is codes.CATEGORY else chr(argument)
