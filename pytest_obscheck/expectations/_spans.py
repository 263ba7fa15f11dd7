"""Which spans are meant: by service, name, kind, attributes, status, duration, and by what is below them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.matching import label_matches
from pytest_obscheck.signals import Span
from pytest_obscheck.when import seconds

KINDS = ("server", "client", "producer", "consumer", "internal")
FIELDS = ("service", "name", "kind", "attributes", "failed", "longer", "shorter", "child")


@dataclass(frozen=True)
class Wanted:
    """A span with these properties; what is empty is not asked. ``child`` may be at any depth below it."""

    service: str = ""
    name: str = ""
    kind: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    failed: bool | None = None
    longer: str = ""
    shorter: str = ""
    child: Wanted | None = None

    def own(self, span: Span) -> bool:
        """Whether a span has the properties, whatever is below it."""
        named = _named(span.service, self.service) and _named(span.name, self.name)
        told = all(label_matches(span.attributes.get(key, ""), value) for key, value in self.attributes)
        long = not self.longer or span.seconds > seconds(self.longer)
        short = not self.shorter or span.seconds < seconds(self.shorter)
        return named and told and long and short and self.kind in ("", span.kind) and self.failed in (None, span.failed)

    def __str__(self) -> str:
        """Return it in words: ``a server span 'POST /pay' of checkout over 700ms with a client span``."""
        parts = ["a", *(["failed"] if self.failed else ["unfailed"] if self.failed is False else []), self.kind, "span"]
        parts += [repr(self.name)] if self.name else []
        parts += [f"of {self.service}"] if self.service else []
        parts += [f"over {self.longer}"] if self.longer else []
        parts += [f"under {self.shorter}"] if self.shorter else []
        parts += [f"({', '.join(f'{key}={value}' for key, value in self.attributes)})"] if self.attributes else []
        parts += [f"above {self.child}"] if self.child else []
        return " ".join(part for part in parts if part)


def _named(name: str, wanted: str) -> bool:
    """Whether a name is the wanted one, in whatever case: Zipkin keeps names in lower case."""
    if wanted.startswith("~"):
        return re.fullmatch(wanted[1:], name, re.IGNORECASE) is not None
    return not wanted or name.lower() == wanted.lower()


def wanted(fields: Mapping[str, Any]) -> Wanted:
    """Return a filter from the fields of a story; ``ValueError`` names what is wrong with one."""
    for name in fields:
        if name not in FIELDS:
            raise ValueError(f"child: it has no field {name!r}; {did_you_mean(name, FIELDS)}")
    kind, child = str(fields.get("kind") or ""), fields.get("child")
    if kind and kind not in KINDS:
        raise ValueError(f"kind: there is no kind {kind!r}; {did_you_mean(kind, KINDS)}")
    attributes = tuple(sorted((str(key), str(value)) for key, value in (fields.get("attributes") or {}).items()))
    texts = {name: str(fields.get(name) or "") for name in ("service", "name", "longer", "shorter")}
    for text in filter(None, (texts["longer"], texts["shorter"])):
        seconds(text)
    for pattern in (
        value[1:] for value in (texts["service"], texts["name"], *dict(attributes).values()) if value.startswith("~")
    ):
        _compiled(pattern)
    failed = fields.get("failed")
    return Wanted(**texts, kind=kind, attributes=attributes, failed=failed, child=wanted(child) if child else None)


def _compiled(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None


def matching(spans: Iterable[Span], filter_: Wanted) -> list[Span]:
    """Return the spans that are meant, in the order in which they ended."""
    below: dict[tuple[str, str], list[Span]] = {}
    every = list({(span.trace, span.id, span.service): span for span in spans}.values())
    for span in every:
        below.setdefault((span.trace, span.parent), []).append(span)
    return sorted((span for span in every if _meant(span, filter_, below)), key=ended)


def _meant(span: Span, filter_: Wanted, below: Mapping[tuple[str, str], Sequence[Span]]) -> bool:
    child = filter_.child
    return filter_.own(span) and (child is None or any(_meant(each, child, below) for each in _under(span, below)))


def _under(span: Span, below: Mapping[tuple[str, str], Sequence[Span]]) -> Iterable[Span]:
    """Yield every span below one; a trace that goes round in a circle is not followed twice."""
    todo, seen = [span], {span.id}
    while todo:
        for each in below.get((span.trace, todo.pop().id), ()):
            if each.id not in seen:
                seen.add(each.id)
                todo.append(each)
                yield each


def ended(span: Span) -> float:
    """Return the Unix second at which a span ended."""
    return span.start + span.seconds
