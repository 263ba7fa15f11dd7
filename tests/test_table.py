"""Tables of stories: each row is a story of its own, or the mistake is told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck import Alert, Health, Notification, Sample
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.loader import load
from pytest_obscheck.scenario import Claim, Planned, Scenario
from pytest_obscheck.when import during, never, within

TABLE = """\
name: ${row} is told at ${sink} within ${limit}s
rows:
  - {row: DiskFull, sink: email, series: 'disk{mount="/"}', value: 0.10, limit: 5, status: 503, quiet: 1s, labels: {to: us}}
  - {row: Slow, sink: pagerduty, series: latency, value: 2e3, limit: 1.10, status: 200, quiet: 2s, labels: {}}
faults:
  - sample: {series: "${series}", set: "${value}"}
    from: 1s
    until: 2s
    as: ${row} altered
expect:
  - alert: {name: "${row}", labels: "${labels}"}
    never: 0s .. ${quiet}
  - notification: {sink: "${sink}", labels: {alertname: "${row}", "$${row}": "$${sink}"}}
    within: ${limit}s
    after: ${row} altered
  - health: {service: web, status: "${status}"}
    never: 0s .. 1s
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "scenarios" / "all.obs.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(folder: Path, text: str) -> list[str]:
    """Return the lines of the message that a file gives."""
    with pytest.raises(ConfigError) as caught:
        load(written(folder, text), folder)
    return str(caught.value).splitlines()


def told(name: str, sink: str, sample: Sample, limit: str, status: int, quiet: str, labels: dict[str, str]) -> Scenario:
    fault = Planned(sample, during("1s", "2s"), f"{name} altered")
    claims = (
        Claim(Alert(name, labels=labels), never("0s", quiet)),
        Claim(Notification(sink, {"alertname": name, "${row}": "${sink}"}), within(f"{limit}s", after=fault)),
        Claim(Health("web", status=status), never("0s", "1s")),
    )
    return Scenario(f"{name} is told at {sink} within {limit}s", (), (fault,), claims)


def test_each_row_is_equal_to_the_story_in_python(tmp_path: Path) -> None:
    disk = Sample('disk{mount="/"}', set=0.1)

    assert load(written(tmp_path, TABLE)) == (
        told("DiskFull", "email", disk, "5", 503, "1s", {"to": "us"}),
        told("Slow", "pagerduty", Sample("latency", set=2000.0), "1.10", 200, "2s", {}),
    )


def test_a_row_has_a_place_of_its_own_and_its_claims_the_lines_of_the_template(tmp_path: Path) -> None:
    stories = load(written(tmp_path, TABLE), tmp_path)

    assert [story.where for story in stories] == ["scenarios/all.obs.yaml::DiskFull", "scenarios/all.obs.yaml::Slow"]
    assert [claim.where for claim in stories[1].claims] == [f"scenarios/all.obs.yaml:{line}" for line in (11, 13, 16)]


CLAIM = "expect:\n  - alert: {name: A}\n    never: 0s .. ${t}\n"


def test_without_a_column_row_the_name_of_the_story_is_that_of_the_row(tmp_path: Path) -> None:
    stories = load(written(tmp_path, f"name: calm for ${{t}}\nrows: [{{t: 1s}}, {{t: 2s}}]\n{CLAIM}"), tmp_path)

    assert [(story.name, story.where) for story in stories] == [
        ("calm for 1s", "scenarios/all.obs.yaml::calm for 1s"),
        ("calm for 2s", "scenarios/all.obs.yaml::calm for 2s"),
    ]


def test_without_a_name_the_row_is_that_of_the_story(tmp_path: Path) -> None:
    stories = load(written(tmp_path, f"rows: [{{row: a, t: 1s}}, {{row: b, t: 2s}}]\n{CLAIM}"))

    assert [story.name for story in stories] == ["a", "b"]


def test_a_cell_can_be_a_list_of_claims_and_a_column_a_key(tmp_path: Path) -> None:
    text = "rows:\n  - row: a\n    claims:\n      - alert: {name: A}\n        never: 0s .. 1s\nexpect: ${claims}\n"
    (story,) = load(written(tmp_path, text))
    keyed = "rows: [{row: a, what: alert}]\nexpect:\n  - ${what}: {name: A}\n    never: 0s .. 1s\n"
    (other,) = load(written(tmp_path, keyed))

    assert story == other == Scenario("a", claims=(Claim(Alert("A"), never("0s", "1s")),))


def test_without_rows_nothing_is_filled_in(tmp_path: Path) -> None:
    (story,) = load(written(tmp_path, "name: ${x} $${y}\nexpect:\n  - alert: {name: A}\n    never: 0s .. 1s\n"))

    assert story.name == "${x} $${y}"


WHERE = "scenarios/all.obs.yaml"
QUOTES = "inside '{ }' and '[ ]' a column is written in quotes: \"${column}\""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"rows: []\n{CLAIM}", [f"{WHERE}:1: the table has no row; write one as '- row: NAME', or take 'rows:' out"]),
        (f"rows: {{t: 1s}}\n{CLAIM}", [f"{WHERE}:1: rows is not a list; write each entry on a line that begins with '- '"]),
        (f"rows: [1s]\n{CLAIM}", [f"{WHERE}:1: a row is not a mapping; write it as 'key: value' lines"]),
        (
            f"rows:\n  - row: a\n    time: 1s\n{CLAIM}",
            [
                f"{WHERE}:3: no text uses the column 'time'; write '${{time}}' where it belongs, or take it out",
                f"{WHERE}:6: no column called 't'; known are: row, time",
            ],
        ),
        (
            f"rows:\n  - {{row: a, t: 1s, sink: x}}\nname: ${{snik}}\n{CLAIM}",
            [
                f"{WHERE}:2: no text uses the column 'sink'; write '${{sink}}' where it belongs, or take it out",
                f"{WHERE}:3: no column called 'snik'; did you mean 'sink'?",
            ],
        ),
        (
            f"rows:\n  - {{row: a, t: 1s}}\n  - {{row: b}}\n{CLAIM}",
            [f"{WHERE}:3: the row has no column 't', which line 6 uses; add 't: …'"],
        ),
        (
            f"rows:\n  - row: a\n    t: [1s]\n{CLAIM}",
            [f"{WHERE}:3: t is not text, but stands inside a text in line 6; write text"],
        ),
        (
            f"rows:\n  - row: a\n    t: ${{row}}\n{CLAIM}",
            [f"{WHERE}:3: t: '${{row}}' stands in a row, where nothing is filled in; write it out, and '$${{' for '${{'"],
        ),
        (
            f"rows:\n  - {{row: a, t: 1s}}\n  - {{row: a, t: 2s}}\n{CLAIM}",
            [f"{WHERE}:3: two rows are called 'a'; give each a 'row:' of its own"],
        ),
        (
            f"rows:\n  - {{row: a b, t: 1s}}\n  - {{row: a-b, t: 2s}}\n{CLAIM}",
            [f"{WHERE}:3: the rows 'a b' and 'a-b' are called alike; give each a 'row:' of its own"],
        ),
        (
            f"name: calm\nrows:\n  - {{row: a, t: 1s}}\n  - {{row: b, t: 2s}}\n{CLAIM}",
            [f"{WHERE}:4: two rows tell a story named 'calm'; write a column into the story's name, such as '${{row}}'"],
        ),
        (
            f"rows:\n  - {{t: 1s}}\n{CLAIM}",
            [f"{WHERE}:2: the row has no name; add 'row: NAME', or a 'name:' with a column in it to the story"],
        ),
        (
            f"rows:\n  - {{row: 'a::b', t: 1s}}\n{CLAIM}",
            [f"{WHERE}:2: the row's name 'a::b' cannot be part of a node id; write it on one line and without '::'"],
        ),
        (
            "rows: [{row: a, t: 1s}]\nexpect:\n  - alert: {name: ${row}}\n    never: 0s .. ${t}\n",
            [
                f"{WHERE}:3: not YAML: did not find expected ',' or '}}'; {QUOTES}",
            ],
        ),
    ],
)
def test_each_mistake_in_a_table_says_what_is_wrong_and_what_would_be_right(
    tmp_path: Path, text: str, wanted: list[str]
) -> None:
    assert sorted(mistakes(tmp_path, text)) == wanted


def test_a_wrong_cell_is_told_with_its_row_and_a_wrong_template_once_with_its_line(tmp_path: Path) -> None:
    text = """\
rows:
  - {row: a, status: many, t: 1s}
  - {row: b, status: 200, t: soon}
expect:
  - health: {service: web, status: "${status}"}
    never: 0s .. ${t}
  - alrt: {name: "${row}"}
    never: 0s .. 1s
"""

    assert mistakes(tmp_path, text) == [
        f"{WHERE}:2: health: status is 'many', which is not a whole number",
        f"{WHERE}:7: no expectation called 'alrt'; did you mean 'alert'?",
        f"{WHERE}:6: 'soon' is not a duration; write it like '800ms', '10s' or '1m30s'",
    ]
