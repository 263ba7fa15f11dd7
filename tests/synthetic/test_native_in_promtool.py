"""Native histograms mean to us what they mean to the real promtool: each sum of a made-up line, and each refusal."""

from __future__ import annotations

import json
import random
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.synthetic.histogram import Histogram
from pytest_obscheck.synthetic.notation import samples

pytestmark = pytest.mark.integration

PIECES = (
    "schema:0", "schema:-4", "schema:1.5", "SCHEMA:2", "sum:-0.3", "sum:+1", "sum:NaN", "sum:-Inf", "count:3.1", "count:1_000",
    "count:010", "count:.5", "count:5.", "z_bucket:7.1", "z_bucket_w:0.05", "z_bucket_w:-1", "buckets:[5.1 10 7]", "buckets:[]",
    "buckets:[ 1]", "buckets:[1 ]", "buckets:[-1  2]", "offset:-3", "offset:+3", "n_buckets:[4]", "n_offset:1",
    "counter_reset_hint:gauge", "counter_reset_hint:maybe", "count", "count: 1", "x:1", ",",
)  # fmt: skip
ENDS = ("", "", "", "x3", "x", "+{{count:1}}x2", "+{{count:1}}", "-{{}}x1", " + {{}}x1", "+1x2")
OURS_ALONE = re.compile(r"less than nothing|no count|custom buckets|schema that there is not")


def promtool(program: Path, paths: list[Path]) -> str:
    argv = [program, "test", "rules", *paths]
    return subprocess.run(argv, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def a_list(dice: random.Random, sign: str) -> list[str]:
    counts = " ".join(dice.choice(("0", "1", "2.5", "0.1", "7")) for _ in range(dice.randint(1, 5)))
    return [f"{sign}buckets:[{counts}]", f"{sign}offset:{dice.randint(-6, 6)}"]


def a_histogram(dice: random.Random, least: int = -4) -> str:
    parts = [
        f"schema:{dice.randint(least, 8)}",
        f"sum:{dice.choice(('0.1', '-3', '12.7'))}",
        f"count:{dice.choice(('0.1', '30'))}",
    ]
    parts += dice.choice(([], [f"z_bucket:{dice.choice(('0.1', '4'))}"]))
    parts += dice.choice(([], [f"z_bucket_w:{dice.choice(('0.001', '0.3', '1', '2.6'))}"]))
    parts += [part for sign in ("", "n_") if dice.random() < 0.7 for part in a_list(dice, sign)]
    # What scrapes add to the others says whether there was a reset, which is not for us to know.
    parts.append("counter_reset_hint:gauge")
    dice.shuffle(parts)
    return f"{{{{{' '.join(parts)}}}}}"


def a_line(dice: random.Random) -> str:
    first = a_histogram(dice)
    step = a_histogram(dice, int(re.findall(r"schema:(-?[0-9]+)", first)[0]))
    return f"{first}{dice.choice(('', f'x{dice.randint(0, 3)}', f'+{step}x{dice.randint(0, 9)}'))}"


def a_test(number: int, text: str, wrong: float = 0.0) -> dict[str, Any]:
    """Return a test group that expects what we make of the text; ``wrong`` is added to each sum."""
    series, made = f's{{n="{number}"}}', samples(text)
    expected: list[dict[str, Any]] = []
    for at in range(len(made)):
        value = made.at(at * 60, 60)
        assert isinstance(value, Histogram)
        seen = str(value + Histogram(8, sum=wrong) if wrong else value)
        sample = {"labels": series, "histogram": seen}
        expected.append({"expr": series, "eval_time": f"{at}m", "exp_samples": [sample]})
    return {"interval": "1m", "input_series": [{"series": series, "values": text}], "promql_expr_test": expected}


def test_every_histogram_of_a_line_is_the_one_that_promtool_has(obs_program: Callable[[str], Path], tmp_path: Path) -> None:
    dice = random.Random(11)  # noqa: S311 - made-up cases, the same ones in each run
    tests = [a_test(number, a_line(dice)) for number in range(120)]
    (tmp_path / "equal.yml").write_text(json.dumps({"tests": tests}), encoding="utf-8")

    said = promtool(obs_program("promtool"), [tmp_path / "equal.yml"])

    assert said.split() == ["SUCCESS"], said[:3000]


def test_promtool_sees_through_a_wrong_histogram(obs_program: Callable[[str], Path], tmp_path: Path) -> None:
    made = a_test(0, "{{sum:1 count:2 buckets:[1 1] counter_reset_hint:gauge}}+{{sum:0.1 count:1 buckets:[1]}}x3", wrong=0.5)
    (tmp_path / "wrong.yml").write_text(json.dumps({"tests": [made]}), encoding="utf-8")

    assert "FAILED" in promtool(obs_program("promtool"), [tmp_path / "wrong.yml"])


def test_the_same_histograms_are_refused(obs_program: Callable[[str], Path], tmp_path: Path) -> None:
    dice = random.Random(12)  # noqa: S311
    opening, closing = ("{{", "{{", "{{", "{{ ", "{"), ("}}", "}}", "}}", " }}", "}")
    texts = [
        dice.choice(opening) + dice.choice((" ", "  ")).join(dice.choices(PIECES, k=dice.randint(0, 3))) + dice.choice(closing)
        + dice.choice(ENDS)
        for _ in range(300)
    ]  # fmt: skip
    paths = [tmp_path / f"{number:04}.yml" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        group = {"interval": "1m", "input_series": [{"series": "s", "values": text}]}
        path.write_text(json.dumps({"tests": [group]}), encoding="utf-8")
    said = re.findall(r"^  (SUCCESS|FAILED:)$", promtool(obs_program("promtool"), paths), re.MULTILINE)

    pairs = list(zip(texts, (_refusal(text) for text in texts), (word == "FAILED:" for word in said), strict=True))
    assert [each for each in pairs if bool(each[1]) != each[2] and not (each[1] and OURS_ALONE.search(each[1]))] == []
    assert 25 < sum(not refused for _, refused, _ in pairs) < len(pairs) - 25


def _refusal(text: str) -> str:
    try:
        samples(text)
    except ValueError as error:
        return str(error)
    return ""
