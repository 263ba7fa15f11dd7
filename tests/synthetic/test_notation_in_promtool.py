"""Thousands of made-up expressions mean to us what they mean to the real promtool, and what it refuses is refused."""

from __future__ import annotations

import json
import math
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck import toolchain
from pytest_obscheck.synthetic.notation import labels, samples

pytestmark = pytest.mark.integration

NUMBERS = (
    "0",
    "1",
    "5",
    "007",
    "010",
    "08",
    ".1",
    "0.1",
    "2.5",
    "3.",
    "1e2",
    "1E-3",
    "1_000",
    "1e+2",
    "Inf",
    "inf",
    "NaN",
    "12345678.9",
)
FINITE = tuple(number for number in NUMBERS if not number.isalpha())
PIECES = (*NUMBERS, "_", "x", "x3", "x0", "x1", "+", "-", "stale", " ", "  ", "m", "e", "{{", "}}", "x2 ", " _x4 ", "+1x2")
SERIES_PIECES = (
    "x",
    "a:b",
    "{",
    "}",
    "a",
    "=",
    '"b"',
    "'c'",
    "`d`",
    ",",
    " ",
    '"e.f"',
    r'"\n"',
    r'"\q"',
    "job",
    "!=",
    "{}",
    '="1"',
)
GRAINS = {1: (1, 7), 20: (60, 300, 400)}
"""The whole seconds at which promtool is asked, and the intervals of the samples then: it loads samples at these only."""


def promtool(program: Path, files: list[Path]) -> str:
    done = subprocess.run(
        [program, "test", "rules", *files], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.stdout


def an_item(dice: random.Random) -> str:
    sign, number = dice.choice(("", "", "-", "+")), dice.choice(NUMBERS)
    step = f"{dice.choice('+-')}{dice.choice(FINITE)}x{dice.randint(0, 9)}"
    times = "" if number.isalpha() else f"x{dice.randint(0, 9)}"
    return dice.choice(
        ("_", f"_x{dice.randint(0, 9)}", "stale", "stale+1x2", sign + number, sign + number + step, sign + number + times)
    )


def a_test(dice: random.Random, number: int, grain: int) -> dict[str, Any]:
    """Return one test group, whose every expectation is what we make of its series."""
    text, interval = " ".join(an_item(dice) for _ in range(dice.randint(1, 6))), dice.choice(GRAINS[grain])
    series = f's{{n="{number}"}}'
    made = samples(f"{text} 1")
    end = len(made) * interval + 400
    times = {dice.randint(0, end // grain) * grain for _ in range(6)} | {i * interval for i in range(len(made))}
    expected = [_expected(series, made.at(time, interval), time) for time in sorted(times)]
    return {
        "interval": f"{interval}s",
        "input_series": [{"series": series, "values": f"{text} 1"}],
        "promql_expr_test": expected,
    }


def _expected(series: str, value: float | None, time: float) -> dict[str, Any]:
    at = {"eval_time": f"{time}s"}
    if value is None:
        return {"expr": series, **at, "exp_samples": []}
    if math.isnan(value):
        # NaN equals nothing, so that it is not comparable with what is expected.
        return {"expr": f"count({series} != {series})", **at, "exp_samples": [{"labels": "{}", "value": 1}]}
    # PromQL compares to the last bit, the test runner does not.
    return {"expr": f"count({series} == {value!r})", **at, "exp_samples": [{"labels": "{}", "value": 1}]}


@pytest.mark.parametrize("grain", GRAINS)
def test_every_instant_has_the_value_that_promtool_sees(grain: int, obs_program: Callable[[str], Path], tmp_path: Path) -> None:
    program = obs_program("promtool")
    if toolchain.find("promtool").version.startswith("2."):
        pytest.skip("before Prometheus 3 a sample that is exactly five minutes old was still seen")
    dice = random.Random(20261121)  # noqa: S311 - made-up cases, the same ones in each run
    tests = [a_test(dice, number, grain) for number in range(250)]
    path = tmp_path / "equal.yml"
    path.write_text(json.dumps({"evaluation_interval": f"{grain}s", "tests": tests}), encoding="utf-8")

    said = promtool(program, [path])

    assert said.split() == ["SUCCESS"], said[:2000]


def test_promtool_sees_through_a_wrong_value(obs_program: Callable[[str], Path], tmp_path: Path) -> None:
    made = a_test(random.Random(1), 0, 1)  # noqa: S311
    made["promql_expr_test"] = [_expected('s{n="0"}', 3.0000000000000004, 0)]
    made["input_series"][0]["values"] = "3"
    (tmp_path / "wrong.yml").write_text(json.dumps({"rule_files": [], "tests": [made]}), encoding="utf-8")

    assert "FAILED" in promtool(obs_program("promtool"), [tmp_path / "wrong.yml"])


def _accepted(program: Path, folder: Path, pairs: list[tuple[str, str]]) -> list[bool]:
    """Return of each (series, values) whether promtool takes it."""
    folder.mkdir()
    paths = [folder / f"{number:05}.yml" for number in range(len(pairs))]
    for path, (series, values) in zip(paths, pairs, strict=True):
        group = {"interval": "1m", "input_series": [{"series": series, "values": values}]}
        path.write_text(json.dumps({"rule_files": [], "tests": [group]}), encoding="utf-8")
    said = re.findall(r"^  (SUCCESS|FAILED:)$", promtool(program, paths), re.MULTILINE)
    assert len(said) == len(pairs)
    return [word == "SUCCESS" for word in said]


def test_the_same_values_are_refused(obs_program: Callable[[str], Path], tmp_path: Path) -> None:
    dice = random.Random(4)  # noqa: S311
    texts = ["".join(dice.choices(PIECES, k=dice.randint(1, 4))) for _ in range(1000)]
    # Without any sample a series is of no use here; native histograms cannot be exposed.
    texts = [text for text in texts if "{" not in text and "}" not in text and text.strip(" ") not in ("", "_x0")]
    theirs = _accepted(obs_program("promtool"), tmp_path / "values", [("s", text) for text in texts])

    ours = [_reads(samples, text) for text in texts]
    assert [(text, mine, his) for text, mine, his in zip(texts, ours, theirs, strict=True) if mine != his] == []
    assert 80 < sum(ours) < len(ours) - 80


def test_the_same_series_are_refused(obs_program: Callable[[str], Path], tmp_path: Path) -> None:
    dice = random.Random(5)  # noqa: S311
    texts = ["".join(dice.choices(SERIES_PIECES, k=dice.randint(1, 7))) for _ in range(800)]
    texts += [f"{name}{{{inside}}}" for name in ("x", "", "a:b") for inside in _insides(dice)]
    theirs = _accepted(obs_program("promtool"), tmp_path / "series", [(text, "1") for text in texts])

    ours = [_reads(labels, text) for text in texts]
    differ = [(text, mine, his) for text, mine, his in zip(texts, ours, theirs, strict=True) if mine != his]
    # promtool takes series without a name, or with a label twice; no scrape could expose them.
    assert [each for each in differ if each[1] or not _nameless(each[0])] == []
    assert 50 < sum(ours) < len(ours) - 50


def _insides(dice: random.Random) -> Iterator[str]:
    items = ('a="b"', "c='d'", '"e.f"="g"', '"h"', "k=`l`", "", 'm="\\x41"', "n=o", 'p!="q"')
    for _ in range(150):
        yield dice.choice((",", " , ")).join(dice.choices(items, k=dice.randint(1, 3))) + dice.choice(("", ","))


def _nameless(text: str) -> bool:
    try:
        labels(text)
    except ValueError as error:
        return "has no name" in str(error) or "has two labels" in str(error)
    return False


def _reads(read: Callable[[str], object], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True
