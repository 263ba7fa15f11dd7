"""PromQL cut into tokens with their places, so that single spans of the user's text can be replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_KINDS = re.compile(
    r"""
    (?P<space>\s+|\#[^\n]*)
  | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`)
  | (?P<duration>(?:\d+(?:ms|[ywdhms]))+(?![0-9A-Za-z_:]))
  | (?P<number>0[xX][0-9a-fA-F]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
  | (?P<name>[A-Za-z_:][A-Za-z0-9_:]*)
  | (?P<sign>=~|!~|==|!=|>=|<=|[-+*/%^<>=(){}\[\],@])
    """,
    re.VERBOSE,
)
_INSIDE = re.compile(r"(?P<space>\s+)|(?P<duration>(?:\d+(?:ms|[ywdhms]))+)|(?P<number>\d+(?:\.\d*)?)|(?P<sign>[:\]])")
_CLOSES = {"(": ")", "{": "}", "[": "]"}


@dataclass(frozen=True)
class Token:
    """One token; ``kind`` is string, duration, number, name or sign. ``mate`` is the index of the bracket that closes it."""

    kind: str
    text: str
    start: int
    end: int
    mate: int = -1


def tokens(text: str) -> tuple[Token, ...]:
    """Return the tokens of an expression without spaces and comments; ``ValueError`` says where it is not PromQL."""
    return tuple(_mated(list(_cut(text))))


def _cut(text: str) -> Iterator[Token]:
    at, inside = 0, False
    while at < len(text):
        # Between square brackets a colon parts range and step; elsewhere it belongs to names.
        found = (_INSIDE if inside else _KINDS).match(text, at)
        if not found:
            raise ValueError(f"cannot read {text[at : at + 20]!r}")
        at = found.end()
        inside = found[0] == "[" or (inside and found[0] != "]")
        if found.lastgroup != "space":
            yield Token(str(found.lastgroup), found[0], found.start(), found.end())


def _mated(found: Sequence[Token]) -> Iterator[Token]:
    mates: dict[int, int] = {}
    open_ones: list[int] = []
    for number, token in enumerate(found):
        if token.kind == "sign" and token.text in _CLOSES:
            open_ones.append(number)
        elif token.kind == "sign" and token.text in _CLOSES.values():
            if not open_ones or _CLOSES[found[open_ones[-1]].text] != token.text:
                raise ValueError(f"unexpected {token.text!r}")
            mates[open_ones.pop()] = number
    if open_ones:
        raise ValueError(f"{found[open_ones[-1]].text!r} is not closed")
    yield from (Token(t.kind, t.text, t.start, t.end, mates.get(number, -1)) for number, t in enumerate(found))


@dataclass(frozen=True)
class Piece:
    """One change of a text: what stands between ``start`` and ``end`` becomes ``new``; nothing there inserts."""

    start: int
    end: int
    new: str


def replaced(text: str, pieces: Sequence[Piece]) -> str:
    """Return the text with every piece changed; no two of them may overlap."""
    out: list[str] = []
    at = 0
    for piece in sorted(pieces, key=lambda piece: (piece.start, piece.end)):
        out += [text[at : piece.start], piece.new]
        at = piece.end
    return "".join([*out, text[at:]])
