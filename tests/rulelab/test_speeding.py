from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_obscheck.cli import main
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.rulelab.speeding import Asked, speed_sheet, write_copies

RULES = """\
groups:
- name: shop
  rules:
  - alert: Errors
    expr: rate(errors_total[1m]) > 1
    for: 2m
  - record: r
    expr: hour()
"""
OUTPUT = """\
exact       Errors  rules.yml:4
cannot      r       rules.yml:7
            hour() hangs on the wall clock, which cannot go faster for real processes; \
run it at speed 1, or offline at an instant of your choice

--- rules.yml
+++ rules.yml (derived)
@@ -3,6 +3,6 @@
   rules:
   - alert: Errors
-    expr: rate(errors_total[1m]) > 1
-    for: 2m
+    expr: "rate(errors_total[1s]) > 1"
+    for: "2s"
   - record: r
     expr: hour()

1 alerts and 1 recording rules: 1 exact, 1 cannot
"""


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.yml").write_text(RULES)
    return Path("rules.yml")


def test_the_table_the_difference_and_the_sums_are_printed(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed", str(rules), "--by", "60", "--source", "real"]) == 0

    assert capsys.readouterr().out == OUTPUT


def test_a_line_of_json_for_each_rule(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["speed", str(rules), "--by", "60", "--format", "ndjson"]) == 0

    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {
            "file": "rules.yml", "group": "shop", kind: name, "class": "exact",
            "reason": "every leaf that holds time is divided by the same factor", "equivalent": "the same state at t/N as at t",
        }
        for kind, name in (("alert", "Errors"), ("record", "r"))
    ]  # fmt: skip


def test_copies_are_written_below_the_folder(rules: Path, tmp_path: Path) -> None:
    assert main(["speed", str(rules), "--by", "60", "-o", "out"]) == 0

    assert (tmp_path / "out/rules.yml").read_text().count('for: "2s"') == 1
    assert rules.read_text() == RULES


def test_copies_never_overwrite_the_rules(rules: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        write_copies(speed_sheet(Asked([rules], "60")), Path())

    assert str(raised.value) == ".: the copies would overwrite your rules; name another folder"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["rules.yml", "--by", "0"], "--by: 0 is not a speed; it must be 1 or more: 60 plays an hour in a minute\n"),
        (
            ["rules.yml", "--by", "7"],
            (
                "Errors (rules.yml:4): 2m divided by 7 is not a whole number of milliseconds; "
                "the nearest speed that divides every duration is 6 or 8\n"
            ),
        ),
        (
            ["rules.yml", "--by", "600"],
            (
                "Errors (rules.yml:4): at speed 600 the range 1m holds 2 scrapes and needs 4; "
                "the largest possible speed is 300, limited by Errors (rules.yml:4)\n"
            ),
        ),
        (
            ["rules.yml", "--by", "60", "--types", "gone.txt"],
            "gone.txt: cannot be read as text; name a file that holds the text of a /metrics page\n",
        ),
        (["gone.yml", "--by", "60"], "gone.yml: there is no such file or folder\n"),
        (["empty.yml", "--by", "60"], "empty.yml: there is no rule in it; name a file with groups of rules\n"),
    ],
)
def test_bad_input_is_one_sentence(rules: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    rules.with_name("empty.yml").write_text("groups: []\n")

    assert main(["speed", *arguments]) == 2

    assert capsys.readouterr().err == told
