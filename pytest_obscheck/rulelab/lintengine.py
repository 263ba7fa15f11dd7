"""What the real engine makes of an expression: the values that it has over some series, at some instants."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_obscheck.rulelab import promtool as engine

LABEL = "obscheck_value"
_VALUE = re.compile(rf'\b{LABEL}="([^"]+)"')


@dataclass(frozen=True)
class Question:
    """What is the value of ``expr`` over these series? ``values`` in promtool's notation, ``step`` and ``at`` in milliseconds.

    ``recordings`` are (name, expression), each after those that it needs.
    """

    key: str
    expr: str
    series: Mapping[str, str]
    step: int
    at: tuple[int, ...]
    recordings: tuple[tuple[str, str], ...] = ()


def ask(promtool: Path, questions: Sequence[Question]) -> dict[str, list[list[float]]]:
    """Return key → for each instant the distinct values; none where the expression has no value, or no sense."""
    said = engine.ask(promtool, [_trial(question) for question in questions])
    return {each.key: [_values(answer, at) for at in range(len(each.at))] for each, answer in zip(questions, said, strict=True)}


def _trial(question: Question) -> engine.Trial:
    """Return the question as promtool is asked: with the distinct values in a label, however many series there are."""
    recordings = [{"record": name, "expr": expr} for name, expr in question.recordings]
    counted = f'count_values("{LABEL}", {question.expr})'
    queries = [engine.Query(str(index), counted, at) for index, at in enumerate(question.at)]
    return engine.Trial({}, list(question.series.items()), question.step, 0, queries, before=recordings)


def _values(answer: engine.Answer, at: int) -> list[float]:
    return sorted(float(value) for labels in answer.values.get(str(at), ()) for value in _VALUE.findall(labels))


def flat(answers: Iterable[Iterable[float]]) -> list[float]:
    """Return the values of all instants."""
    return [value for values in answers for value in values]
