"""Why an alert on log lines stayed quiet: its streams, the stages that no line passes, and the value that it compares."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.expectations._courses import Compared, Points, courses, said
from pytest_obscheck.matching import subset
from pytest_obscheck.signals import AnswersLogQL

STEPS = 240
"""At how many instants of the story the compared value is computed."""
_STRING = re.compile(r'"(?:\\.|[^"\\])*"|`[^`]*`')
_PIPELINE = re.compile(r"\{[^{}]*\}[^\[{]*(?=\[)")
_STAGE = re.compile(r"\|[=~>]?|![=~>]")
_MATCHER = re.compile(rf"(\w+)\s*(=~|!~|!=|=)\s*({_STRING.pattern})")
_COMPARED = re.compile(r"(?s)\s*(?P<lhs>.*[^\s=!<>])\s*(?P<sign>>=|<=|==|>|<)\s*(?P<bound>-?\d[\d.]*(?:[eE]-?\d+)?)\s*")
_JOINED = re.compile(r"\b(?:and|or|unless)\b")


class Pipeline(NamedTuple):
    """Which lines are counted: the selector of their streams, and the stages that they must pass."""

    selector: str
    stages: tuple[str, ...] = ()


def pipelines(expr: str) -> list[Pipeline]:
    """Return the pipelines of an expression in LogQL, each once."""
    bare = _masked(expr)
    return list(dict.fromkeys(_pipeline(expr[found.start() : found.end()]) for found in _PIPELINE.finditer(bare)))


def _pipeline(text: str) -> Pipeline:
    bare = _masked(text)
    selector = bare.index("}") + 1
    starts, filtering = [selector], True
    for found in _STAGE.finditer(bare, selector):
        # Behind a bare `|`, a sign of inequality belongs to the filter of a label.
        if found[0].startswith("!") and not filtering:
            continue
        filtering = found[0] != "|"
        starts.append(found.start())
    pieces = [text[start:end].strip() for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]
    return Pipeline(text[:selector], tuple(piece for piece in pieces if piece))


def compared(expr: str) -> list[Compared]:
    """Return the comparisons with a number that decide an expression; of what joins several, each."""
    bare, found = _masked(expr), []
    for start, end in _parts(bare):
        asked = _COMPARED.fullmatch(bare, start, end)
        if asked:
            lhs = expr[asked.start("lhs") : asked.end("lhs")]
            found.append(Compared(" ".join(lhs.split()), asked["sign"], float(asked["bound"])))
    return found


def _parts(bare: str) -> Iterator[tuple[int, int]]:
    """Yield the operands of `and`, `or` and `unless` that stand in no parentheses, as spans of a text."""
    start = 0
    for found in _JOINED.finditer(bare):
        before = bare[start : found.start()]
        if before.count("(") == before.count(")") and before.count("{") == before.count("}"):
            yield start, found.start()
            start = found.end()
    yield start, len(bare)


def _masked(text: str) -> str:
    """Return a text in which strings hold nothing, each as long as it was."""
    return _STRING.sub(lambda found: "\0" * len(found[0]), text)


@dataclass(frozen=True)
class LogsBehind:
    """A store of logs, asked about a story's time and what has the wanted labels."""

    store: AnswersLogQL
    since: float
    until: float
    labels: Mapping[str, str]

    def told(self, expr: str) -> dict[str, Any]:
        """Return ``missing``, ``lacking``, ``peaks`` and ``courses``, as the look at series has them."""
        missing = [self._missing(each) for each in pipelines(expr)]
        points = ((each, self._points(each.lhs)) for each in compared(expr))
        return {
            "missing": said(words for words, _ in missing),
            "lacking": said(words for words, hopeless in missing if hopeless),
            **courses(points, self.since, self.until),
        }

    def _missing(self, pipeline: Pipeline) -> tuple[str, bool]:
        """Return what keeps a pipeline from counting any line, and whether no value of a label could help."""
        if not self.store.stream_labels("", pipeline.selector, self.since, self.until):
            return self._streamless(pipeline.selector)
        passed, before = pipeline.selector, self._count(pipeline.selector)
        for stage in pipeline.stages if before else ():
            if re.match(r"\|\s*unwrap\b", stage):
                break
            left = self._count(f"{passed} {stage}")
            if not left:
                return f"no line of {passed} passes {stage} (there are {before:.0f})", False
            passed, before = f"{passed} {stage}", left
        return ("", False) if before else (f"the streams {passed} have no line", False)

    def _streamless(self, selector: str) -> tuple[str, bool]:
        """Return which matcher of a selector no stream has."""
        names = self.store.stream_labels("", "", self.since, self.until)
        for name, sign, text in _MATCHER.findall(selector):
            if name not in names:
                return f"no stream has a label {name!r}; {did_you_mean(name, names)}", True
            if not self.store.stream_labels(name, f"{{{name}{sign}{text}}}", self.since, self.until):
                values = self.store.stream_labels(name, "", self.since, self.until)
                return f"no stream has {name}{sign}{text}; {did_you_mean(_unquoted(text), values)}", False
        return f"no stream matches {selector}", False

    def _count(self, pipeline: str) -> float:
        """Return how many lines of the story's time come out of a pipeline."""
        span = max(1, math.ceil(self.until - self.since))
        found = self.store.query_logql(f"sum(count_over_time({pipeline} [{span}s]))", self.until - 0.001, self.until, 1.0)
        return max((value for series in found for _, value in series.points), default=0.0)

    def _points(self, expr: str) -> Points:
        step = max(0.25, (self.until - self.since) / STEPS)
        every = self.store.query_logql(expr, self.since, self.until, step)
        wanted = {name: value for name, value in self.labels.items() if any(name in series.labels for series in every)}
        return [point for series in every if subset(series.labels, wanted) for point in series.points]


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return text.strip('"`')
