"""What ``${name:format}`` makes of a variable's value, after Grafana's "Advanced variable format options"."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

Plain = Callable[["Value"], str]
"""A format that needs nothing but the value."""
Worded = Callable[["Value", str, Sequence[str]], str]
"""A format that takes the variable's name, and words after its own."""

_DATE = {"YYYY": "%Y", "MM": "%m", "DD": "%d", "HH": "%H", "mm": "%M", "ss": "%S", "YY": "%y"}


@dataclass(frozen=True)
class Value:
    """What a variable stands for now.

    ``many``: it is a list, even where it holds one. ``matched``: it goes into regular expressions (multi-value, or with All).
    ``raw``: the text that stands for All and is put in as it is.
    """

    values: tuple[str, ...]
    many: bool = False
    matched: bool = False
    raw: str | None = None
    text: str = ""

    def __str__(self) -> str:
        """Return it as JavaScript would write it."""
        return self.raw if self.raw is not None else ",".join(self.values)


def formatted(value: Value, how: str, name: str = "") -> str:
    """Return a value as the words after the colon ask for; a format that does not exist is ``glob``, as in Grafana."""
    word, *words = how.split(":")
    if value.raw is not None and word not in ("text", "queryparam"):
        return value.raw
    return WORDED[word](value, name, words) if word in WORDED else FORMATS.get(word, _glob)(value)


def for_promql(value: Value) -> str:
    """Return a value as the Prometheus data source puts it in, where the query asks for no format.

    A value that may be one of several is escaped for a regular expression inside quotes, another for the quotes alone.
    """
    if value.raw is not None:
        return value.raw
    if not value.matched and not value.many:
        return str(value).replace("\\", "\\\\").replace("'", "\\\\'")
    escaped = [_regex_in_quotes(each) for each in value.values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _regex_in_quotes(text: str) -> str:
    return re.sub(r"[$^*{}\[\]'+?.()|]", r"\\\\\g<0>", text.replace("\\", "\\\\\\\\"))


def _joined(separator: str) -> Plain:
    return lambda value: separator.join(value.values)


def _glob(value: Value) -> str:
    joined = ",".join(value.values)
    return f"{{{joined}}}" if value.many and len(value.values) > 1 else joined


def _regex(value: Value) -> str:
    escaped = [re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", each) for each in value.values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def _json(value: Value) -> str:
    return json.dumps(list(value.values), separators=(",", ":"), ensure_ascii=False) if value.many else str(value)


def _quoted(mark: str, escapes: Mapping[str, str]) -> Plain:
    table = str.maketrans({**escapes})
    return lambda value: ",".join(f"{mark}{each.translate(table)}{mark}" for each in value.values)


def _encoded(safe: str) -> Plain:
    # quote() leaves letters, digits and _.-~ alone; encodeURIComponent, made strict, does the same.
    return lambda value: quote(f"{{{value}}}" if value.many else str(value), safe=safe)


def _lucene(value: Value) -> str:
    escaped = [_lucene_escaped(each) for each in value.values]
    if not value.many:
        return escaped[0] if escaped else ""
    quoted = " OR ".join(f'"{each}"' for each in escaped)
    return f"({quoted})" if escaped else "__empty__"


def _lucene_escaped(text: str) -> str:
    number = re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", text)
    return text if number else re.sub(r'[!*+\-=<>\s&|()\[\]{}^~?:\\/"]', r"\\\g<0>", text)


def _distributed(value: Value, name: str, _: Sequence[str]) -> str:
    return f",{name}=".join(value.values)


def _parameters(value: Value, name: str, _: Sequence[str]) -> str:
    values = ("$__all",) if value.text == "All" else value.values
    return "&".join(f"var-{name}={quote(each, safe='')}" for each in values)


def _parameters_called(value: Value, name: str, words: Sequence[str]) -> str:
    called, prefix = [*words, "", ""][:2]
    return "&".join(f"{quote(called or name, safe='')}={quote(prefix, safe='')}{quote(v, safe='')}" for v in value.values)


def _text(value: Value) -> str:
    return value.text or " + ".join(value.values)


def _join(value: Value, _: str, words: Sequence[str]) -> str:
    return (words[0] if words else ",").join(value.values)


def _date(value: Value, _: str, words: Sequence[str]) -> str:
    number = re.match(r"\s*[-+]?\d+", str(value))
    if not number:
        return "NaN"
    milliseconds, how = int(number[0]), ":".join(words) or "iso"
    at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    if how in ("ms", "seconds"):
        return str(value) if how == "ms" else str(round(milliseconds / 1000))
    if how == "iso":
        return f"{at:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
    return re.sub("|".join(_DATE), lambda found: at.strftime(_DATE[found[0]]), how)


def _html(value: Value) -> str:
    return html.escape(", ".join(value.values)).replace("&#x27;", "&#39;")


FORMATS: Mapping[str, Plain] = {
    "csv": _joined(","),
    "doublequote": _quoted('"', {'"': '\\"'}),
    "glob": _glob,
    "html": _html,
    "json": _json,
    "lucene": _lucene,
    "percentencode": _encoded(""),
    "pipe": _joined("|"),
    "raw": _joined(","),
    "regex": _regex,
    "singlequote": _quoted("'", {"'": "\\'"}),
    "sqlstring": _quoted("'", {"'": "''", '"': '\\"'}),
    "text": _text,
    "uriencode": _encoded(";/?:@&=+$,#-_.~"),
}
"""Formats by the word that follows the colon."""

WORDED: Mapping[str, Worded] = {
    "customqueryparam": _parameters_called,
    "date": _date,
    "distributed": _distributed,
    "join": _join,
    "queryparam": _parameters,
}
"""The same for those that take more words."""
