"""What the real engine makes of an expression: many small questions, answered by one promtool."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AT_ONCE = 250
"""How many questions one promtool is asked: all of them stand on one command line."""
SECONDS = 120.0


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
    answers: dict[str, list[list[float]]] = {}
    for first in range(0, len(questions), AT_ONCE):
        some = questions[first : first + AT_ONCE]
        said = _run(promtool, some)
        answers |= {each.key: [_values(said, number, at) for at in range(len(each.at))] for number, each in enumerate(some)}
    return answers


def _run(promtool: Path, questions: Sequence[Question]) -> dict[tuple[int, int], list[float]]:
    with tempfile.TemporaryDirectory(prefix="obscheck-lint-") as folder:
        files = [_written(Path(folder), number, question) for number, question in enumerate(questions)]
        command: list[str | Path] = [promtool, "test", "rules", *files]
        told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS, stdin=subprocess.DEVNULL)
    found: dict[tuple[int, int], list[float]] = {}
    for number, at, value in re.findall(r'\bobs(\d+)at(\d+)="([^"]+)"', told.stdout + told.stderr):
        found.setdefault((int(number), int(at)), []).append(float(value))
    return found


def _values(said: Mapping[tuple[int, int], list[float]], number: int, at: int) -> list[float]:
    return sorted(said.get((number, at), ()))


def _written(folder: Path, number: int, question: Question) -> Path:
    """Write one test that must fail: what promtool then says it got is the answer, in the label that count_values makes."""
    never = [{"labels": '{obscheck="asks"}', "value": 0}]
    asked = [
        {"expr": f'count_values("obs{number}at{index}", {question.expr})', "eval_time": f"{at}ms", "exp_samples": never}
        for index, at in enumerate(question.at)
    ]
    inputs = [{"series": name, "values": values} for name, values in question.series.items()]
    test = {"interval": f"{question.step}ms", "input_series": inputs, "promql_expr_test": asked}
    file: dict[str, Any] = {"evaluation_interval": f"{question.step}ms", "tests": [test]}
    if question.recordings:
        rules = [{"record": name, "expr": expr} for name, expr in question.recordings]
        (folder / f"{number}.rules.json").write_text(json.dumps({"groups": [{"name": "g", "rules": rules}]}), encoding="utf-8")
        file["rule_files"] = [f"{number}.rules.json"]
    path = folder / f"{number}.json"
    path.write_text(json.dumps(file), encoding="utf-8")
    return path


def flat(answers: Iterable[Iterable[float]]) -> list[float]:
    """Return the values of all instants."""
    return [value for values in answers for value in values]
