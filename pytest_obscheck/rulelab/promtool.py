"""Many small questions to the real engine: each trial is a test file of its own, and promtool says what it got."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_obscheck.speed.durations import spelled

SIDE_BY_SIDE = 2
PACK = 8
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
    """One rule over some series with the questions about it; ``step`` and ``start`` are milliseconds.

    ``before``: rules that must be evaluated before it. An empty ``rule`` is none.
    ``names``: every metric and rule that it reads or makes; empty where it may read any, so that it must be alone.
    """

    rule: Mapping[str, Any]
    series: Sequence[tuple[str, str]]
    step: int
    start: int
    queries: Sequence[Query]
    names: frozenset[str] = frozenset()
    before: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Answer:
    """What promtool got: values by labels, or its error for a query, or for the trial as a whole."""

    values: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    error: str = ""


def ask(promtool: Path, trials: Sequence[Trial]) -> list[Answer]:
    """Return the answer to each trial, asked of two promtool processes side by side.

    Trials that share nothing share a storage, for making one costs more than playing a rule in it. Those of which one
    goes wrong are asked again, each alone.
    """
    answers = _ask(promtool, trials, packed(trials))
    odd = [number for number, answer in enumerate(answers) if answer.error]
    again = _ask(promtool, trials, [[number] for number in odd]) if odd else answers
    return [again[number] if number in set(odd) else answer for number, answer in enumerate(answers)]


def packed(trials: Sequence[Trial]) -> list[list[int]]:
    """Return the numbers of the trials in packs of one step and start, within which no name comes twice."""
    packs: dict[tuple[int, int], list[tuple[list[int], set[str]]]] = {}
    alone = [[number] for number, trial in enumerate(trials) if not trial.names]
    for number in sorted(range(len(trials)), key=lambda number: _length(trials[number])):
        trial = trials[number]
        if trial.names:
            mine = packs.setdefault((trial.step, trial.start), [])
            fitting = (pack for pack in mine if len(pack[0]) < PACK and not pack[1] & trial.names)
            members, names = next(fitting, ([], set()))
            if not members:
                mine.append((members, names))
            members.append(number)
            names |= trial.names
    return [*alone, *(members for several in packs.values() for members, _ in several)]


def _length(trial: Trial) -> int:
    """Return for how long a trial is played: every rule of a pack is evaluated until the last question to any of them."""
    return max((query.at for query in trial.queries), default=0)


def _ask(promtool: Path, trials: Sequence[Trial], packs: Sequence[Sequence[int]]) -> list[Answer]:
    with tempfile.TemporaryDirectory(prefix="obscheck-", dir=_memory()) as scratch:
        folder = Path(scratch)
        for number, pack in enumerate(packs):
            _write(folder, number, [(each, trials[each]) for each in pack])
        parts = [[str(number) for number in range(part, len(packs), SIDE_BY_SIDE)] for part in range(SIDE_BY_SIDE)]
        processes = [_started(promtool, folder, names) for names in parts if names]
        try:
            said = [_said(folder, name, process) for name, process in processes]
        finally:
            _end(process for _, process in processes)
    found = dict(pair for text in said for pair in _answers(text))
    return [_whole(found.get(number, Answer()), trial, said) for number, trial in enumerate(trials)]


def _whole(answer: Answer, trial: Trial, said: Sequence[str]) -> Answer:
    """Return the answer, or what promtool complained of where it did not answer every question."""
    if answer.error or all(query.tag in answer.values for query in trial.queries):
        return answer
    lines = (line.strip() for text in said for line in text.splitlines())
    words = (f'"{trial.rule.get("alert") or trial.rule.get("record")}"', "error", "err:")
    told = (line for word in words for line in lines if word in line)
    return Answer(error=next(told, "promtool gave no answer"))


def _memory() -> str | None:
    """Return a folder in memory where there is one: the engine's scratch is many small files."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a folder of our own is made in it


def _write(folder: Path, number: int, pack: Sequence[tuple[int, Trial]]) -> None:
    first = pack[0][1]
    queries = [
        {"expr": f"{query.expr}\n# {each} {query.tag}", "eval_time": spelled(query.at), "exp_samples": NEVER}
        for each, trial in pack
        for query in trial.queries
    ]
    test: dict[str, Any] = {
        "interval": spelled(first.step),
        "input_series": [{"series": name, "values": values} for _, trial in pack for name, values in trial.series],
        "promql_expr_test": queries,
    }
    if first.start:
        test["start_timestamp"] = datetime.fromtimestamp(first.start / 1000, UTC).isoformat().replace("+00:00", "Z")
    rules = [dict(rule) for _, trial in pack for rule in (*trial.before, trial.rule) if rule]
    (folder / f"{number}.rules.yml").write_text(json.dumps({"groups": [{"name": "rules", "rules": rules}]}))
    whole = {"rule_files": [f"{number}.rules.yml"], "evaluation_interval": spelled(first.step), "tests": [test]}
    (folder / f"{number}.yml").write_text(json.dumps(whole))


def _started(promtool: Path, folder: Path, names: Sequence[str]) -> tuple[str, subprocess.Popen[bytes]]:
    with (folder / f"{names[0]}.said").open("wb") as said:
        process = subprocess.Popen(
            [promtool, "test", "rules", *(f"{name}.yml" for name in names)],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(folder), "GOMAXPROCS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    return names[0], process


def _said(folder: Path, name: str, process: subprocess.Popen[bytes]) -> str:
    process.wait()
    return (folder / f"{name}.said").read_text(errors="replace")


def _end(processes: Iterable[subprocess.Popen[bytes]]) -> None:
    """Leave no process behind, whatever interrupted the wait."""
    for process in processes:
        process.kill()
        process.wait()


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
