"""Which series of a stack follow the story and which are measured: a rule is rewritten as those that it reads need it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from pytest_obscheck.speed.trees import Kind, Matcher, Tree, parsed

NAME = "__name__"
NEITHER = ("up", "ALERTS", "ALERTS_FOR_STATE")
"""What Prometheus makes itself, and is the same however samples come."""


class Source(Enum):
    """Where the samples come from."""

    SCRIPTED = "scripted"
    """The same values, N times closer together, with timestamps and calendars of a virtual clock."""
    REAL = "real"
    """Real processes that work at their real rates, however fast story time passes."""


@dataclass(frozen=True)
class Origins:
    """What is known of where the series of a stack with both kinds of targets come from.

    ``scripted``: the labels of every series that follows the story, by its name; ``job`` is missing where it is not known.
    ``jobs``: the jobs of real targets. ``recordings``: recording rules by name, whose series come from what they read.
    """

    scripted: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    jobs: frozenset[str] = frozenset()
    recordings: Mapping[str, str] = field(default_factory=dict)

    def read_by(self, text: str) -> Mapping[Source, str]:
        """Return the sources of what an expression reads, each with a series of it; ``ValueError`` where it is not PromQL."""
        return dict(sorted(self._all(parsed(text), frozenset()), key=lambda each: each[1]))

    def _all(self, tree: Tree, seen: frozenset[str]) -> Iterator[tuple[Source, str]]:
        for node in tree.walk():
            if node.kind is not Kind.SELECTOR or node.name in NEITHER or node.name in seen:
                continue
            if node.name in self.recordings and node.name not in self.scripted:
                inside = self._all(parsed(self.recordings[node.name]), seen | {node.name})
                yield from ((source, node.name) for source, _ in inside)
            else:
                yield from ((source, node.name or "{}") for source in self._of(node))

    def _of(self, node: Tree) -> Iterator[Source]:
        named = self.scripted.get(node.name, ()) if node.name else [one for each in self.scripted.values() for one in each]
        scripted = any(selects(node.matchers, labels) for labels in named)
        wanted = [each for each in node.matchers if each.label == "job"]
        real = any(selects(wanted, {"job": job}) for job in self.jobs)
        if scripted:
            yield Source.SCRIPTED
        # A metric that a script writes down is the script's, unless somebody asks for it by a job of real targets.
        if not scripted or (wanted and real):
            yield Source.REAL


def selects(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether matchers may select a series; labels that it has not may be added when it is scraped."""
    return all(_OPS[each.op](labels[each.label], each.value) for each in matchers if each.label in labels)


def _like(value: str, pattern: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error:
        return True


_OPS: Mapping[str, Callable[[str, str], bool]] = {
    "=": lambda value, wanted: value == wanted,
    "!=": lambda value, wanted: value != wanted,
    "=~": _like,
    "!~": lambda value, pattern: not _like(value, pattern),
}
