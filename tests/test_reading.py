"""From YAML nodes to dataclasses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest

from pytest_obscheck.matching import ComparisonText
from pytest_obscheck.reading import Reader
from pytest_obscheck.when import Duration


@dataclass(frozen=True)
class Everything:
    """One field of each type that extensions use."""

    text: str
    from_: str = ""
    count: int = 0
    ratio: float = 0.0
    on: bool = False
    span: Duration = "1s"
    is_: ComparisonText | None = None
    mode: Literal["fast", "slow"] = "fast"
    words: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    anything: Any = None
    command: tuple[str, ...] | str = ()
    path: Path = Path()
    _hidden: int = 0

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError("count is negative; write 0 or more")


def read(folder: Path, text: str) -> tuple[Everything | None, list[str]]:
    path = folder / "a.yaml"
    path.write_text(text, encoding="utf-8")
    reader = Reader(path, "a.yaml")
    root = reader.root()
    assert root is not None
    return reader.build(Everything, root, "it"), [str(problem) for problem in reader.problems]


def value(folder: Path, line: str) -> Any:
    """Return the value of the one field that is written in a line beside ``text``."""
    made, problems = read(folder, f"{line}\ntext: x\n")
    assert problems == []
    name = {"from": "from_", "is": "is_"}.get(line.partition(":")[0], line.partition(":")[0])
    return getattr(made, name)


@pytest.mark.parametrize("text", ["1.10", "no", "17:00", "0755", "1e3", "~x", "true", "2024-01-01", "0x1F", "'quoted'"])
def test_text_is_taken_as_it_is_written(tmp_path: Path, text: str) -> None:
    assert value(tmp_path, f"from: {text}") == text.strip("'")
    assert value(tmp_path, f"words: [{text}]") == (text.strip("'"),)
    assert value(tmp_path, f"labels: {{version: {text}}}") == {"version": text.strip("'")}


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("count: 5", 5),
        ("count: 0010", 10),
        ("count: +3", 3),
        ("ratio: 5", 5.0),
        ("ratio: -0.5", -0.5),
        ("ratio: 1e-3", 0.001),
        ("ratio: .5", 0.5),
        ("ratio: 5.", 5.0),
        ("ratio: .inf", math.inf),
        ("ratio: -.inf", -math.inf),
        ("ratio: Inf", math.inf),
        ("on: true", True),
        ("on: False", False),
        ("span: 1m30s", "1m30s"),
        ("is: '>= 0.5'", ">= 0.5"),
        ("is: '> -1'", "> -1"),
        ("is:", None),
        ("mode: slow", "slow"),
        ("words: []", ()),
        ("labels:", {}),
        ("anything: {a: [1, no, null]}", {"a": [1, False, None]}),
        ("command: python -m shop", "python -m shop"),
        ("command: [python, -m, shop]", ("python", "-m", "shop")),
        ("path: a/b", Path("a/b")),
    ],
)
def test_values_become_what_their_field_wants(tmp_path: Path, line: str, wanted: Any) -> None:
    found = value(tmp_path, line)

    assert (found, type(found)) == (wanted, type(wanted))


def test_not_a_number_is_a_number(tmp_path: Path) -> None:
    assert all(math.isnan(value(tmp_path, f"ratio: {text}")) for text in (".nan", "NaN"))


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("count: 1.5", "a.yaml:1: it: count is '1.5', which is not a whole number"),
        ("count: many", "a.yaml:1: it: count is 'many', which is not a whole number"),
        ("count:", "a.yaml:1: it: count is not a whole number"),
        ("ratio: half", "a.yaml:1: it: ratio is 'half', which is not a number"),
        ("on: yes", "a.yaml:1: it: on is 'yes', which is not true or false"),
        ("from: [a]", "a.yaml:1: it: from is not text"),
        ("span: 10", "a.yaml:1: it: span is '10', which is not a duration; write it like '800ms' or '1m30s'"),
        ('span: "10s\\n"', "a.yaml:1: it: span is '10s\\n', which is not a duration; write it like '800ms' or '1m30s'"),
        ("is: about 5", "a.yaml:1: it: is is 'about 5', which is not a comparison; write it like '>= 0.5'"),
        ("mode: fats", "a.yaml:1: it: mode is 'fats'; did you mean 'fast'?"),
        ("words: a", "a.yaml:1: it: words is not a list; write it like [a, b]"),
        ("labels: [a]", "a.yaml:1: it: labels is not a mapping; write it like {key: value}"),
        ("labels: {a: {b: c}}", "a.yaml:1: it: labels is not text"),
        ("frm: a", "a.yaml:1: it has no field 'frm'; did you mean 'from'?"),
        ("_hidden: 1", "a.yaml:1: it has no field '_hidden'; known are: KNOWN"),
        ("from_: a", "a.yaml:1: it has no field 'from_'; did you mean 'from'?"),
        ("count: -1", "a.yaml:1: it: count is negative; write 0 or more"),
    ],
)
def test_what_a_field_cannot_be_is_told_with_its_line(tmp_path: Path, line: str, wanted: str) -> None:
    known = "anything, command, count, from, is, labels, mode, on, path, ratio, span, text, words"

    assert read(tmp_path, f"{line}\ntext: x\n") == (None, [wanted.replace("KNOWN", known)])


def test_every_field_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Two:
        first: str
        second: str

    path = tmp_path / "a.yaml"
    path.write_text("{}", encoding="utf-8")
    reader = Reader(path, "a.yaml")
    root = reader.root()
    assert root is not None

    assert reader.build(Two, root, "it") is None
    assert [str(problem) for problem in reader.problems] == [
        "a.yaml:1: it needs 'first' and 'second'; its fields are: first, second"
    ]


def test_every_problem_of_a_mapping_is_told_with_its_own_line(tmp_path: Path) -> None:
    _, problems = read(tmp_path, "count: x\nratio: y\nnone: z\n")

    assert problems == [
        "a.yaml:1: it: count is 'x', which is not a whole number",
        "a.yaml:2: it: ratio is 'y', which is not a number",
        "a.yaml:3: it has no field 'none'; did you mean 'on'?",
    ]
