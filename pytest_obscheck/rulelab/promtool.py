"""Many small questions to the real engine: each trial is a test file of its own, and promtool says what it got."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_obscheck.speed.durations import spelled

SIDE_BY_SIDE = 2
NEVER = [{"labels": "never", "value": 0}]
"""Expected of every query, so that promtool always says what it got instead."""
_ASKED = re.compile(r"# (?P<trial>\d+) (?P<tag>\S+)\", time: [^,\n]*, ?(?P<error>err: .*)?$")
_SAMPLE = re.compile(r'(?P<labels>\{(?:[^{}"]|"(?:\\.|[^"\\])*")*\}) (?P<value>\S+?)(?:, |$)')


@dataclass(frozen=True)
class Query:
    """One question: its tag, the expression, and when to evaluate it, in milliseconds after the start."""

    tag: str
    expr: str
    at: int


@dataclass(frozen=True)
class Trial:
    """One rule over some series with the questions about it; ``step`` and ``start`` are milliseconds."""

    rule: Mapping[str, Any]
    series: Sequence[tuple[str, str]]
    step: int
    start: int
    queries: Sequence[Query]


@dataclass(frozen=True)
class Answer:
    """What promtool got: values by labels, or its error for a query, or for the trial as a whole."""

    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    error: str = ""


def ask(promtool: Path, trials: Sequence[Trial]) -> list[Answer]:
    """Return the answer to each trial, asked of two promtool processes side by side."""
    with tempfile.TemporaryDirectory(prefix="obscheck-", dir=_memory()) as scratch:
        folder = Path(scratch)
        for number, trial in enumerate(trials):
            _write(folder, number, trial)
        processes = [_started(promtool, folder, range(part, len(trials), SIDE_BY_SIDE), part) for part in range(SIDE_BY_SIDE)]
        said = [_said(folder, part, process) for part, process in enumerate(processes)]
    found = dict(pair for text in said for pair in _answers(text))
    return [found.get(number, Answer(error=_complaint(said[number % SIDE_BY_SIDE], number))) for number in range(len(trials))]


def _memory() -> str | None:
    """Return a folder in memory where there is one: the engine's scratch is many small files."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a folder of our own is made in it


def _write(folder: Path, number: int, trial: Trial) -> None:
    rules = {"groups": [{"name": "rules", "rules": [dict(trial.rule)]}]}
    (folder / f"{number}.rules.yml").write_text(json.dumps(rules))
    queries = [
        {"expr": f"{query.expr}\n# {number} {query.tag}", "eval_time": spelled(query.at), "exp_samples": NEVER}
        for query in trial.queries
    ]
    test: dict[str, Any] = {
        "interval": spelled(trial.step),
        "input_series": [{"series": name, "values": values} for name, values in trial.series],
        "promql_expr_test": queries,
    }
    if trial.start:
        test["start_timestamp"] = datetime.fromtimestamp(trial.start / 1000, UTC).isoformat().replace("+00:00", "Z")
    whole = {"rule_files": [f"{number}.rules.yml"], "evaluation_interval": spelled(trial.step), "tests": [test]}
    (folder / f"{number}.yml").write_text(json.dumps(whole))


def _started(promtool: Path, folder: Path, numbers: Sequence[int], part: int) -> subprocess.Popen[bytes] | None:
    if not numbers:
        return None
    with (folder / f"said.{part}").open("wb") as said:
        return subprocess.Popen(
            [promtool, "test", "rules", *(f"{number}.yml" for number in numbers)],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(folder), "GOMAXPROCS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )


def _said(folder: Path, part: int, process: subprocess.Popen[bytes] | None) -> str:
    if process is None:
        return ""
    try:
        process.wait()
    finally:
        process.kill()
        process.wait()
    return (folder / f"said.{part}").read_text(errors="replace")


def _answers(text: str) -> Iterator[tuple[int, Answer]]:
    found: dict[int, dict[str, Mapping[str, float]]] = {}
    errors: dict[int, str] = {}
    asked: re.Match[str] | None = None
    for line in text.splitlines():
        if told := _ASKED.search(line):
            asked = told
            if told["error"]:
                errors.setdefault(int(told["trial"]), told["error"].removeprefix("err: "))
        elif asked and line.lstrip().startswith("got: "):
            found.setdefault(int(asked["trial"]), {})[asked["tag"]] = _values(line.lstrip().removeprefix("got: "))
            asked = None
    for trial in {*found, *errors}:
        yield trial, Answer(found.get(trial, {}), errors.get(trial, ""))


def _values(got: str) -> dict[str, float]:
    return {sample["labels"]: float(sample["value"]) for sample in _SAMPLE.finditer(got)}


def _complaint(text: str, number: int) -> str:
    lines = text.splitlines()
    told = [line.strip() for line in lines if f"{number}.rules.yml" in line and "Unit Testing" not in line]
    return told[0] if told else "promtool gave no answer"
