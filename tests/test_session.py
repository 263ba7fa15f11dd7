"""What a saved run is judged from, and where it is saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck import Health
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.journal import Journal, dump, header
from pytest_obscheck.judge import judge
from pytest_obscheck.reports.terminal import Terminal
from pytest_obscheck.saved import to_data
from pytest_obscheck.scenario import Claim, Scenario
from pytest_obscheck.session import again
from pytest_obscheck.when import eventually, never

NOT = "not a journal that can be judged: "
STORY = Scenario("a story", claims=(Claim(Health("shop"), eventually("0s", "1s")), Claim(Health("shop"), never("0s", "1s"))))


def a_run() -> Journal:
    journal = Journal()
    journal.write("scenario", 999.0, **to_data(STORY))
    journal.write("zero", 1000.123456789)
    for step in range(12):
        journal.write("look", 1000.123456789 + step / 7, key="health shop /health", data={"unreachable": "refused"}, took=1 / 3)
    return journal


def test_a_saved_run_is_judged_the_same_again_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "run.ndjson"
    journal = a_run()
    path.write_text(dump(journal), encoding="utf-8")
    report = judge(STORY, journal)

    assert again(path) == (report, Terminal().report([report]))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", f"{NOT}this journal has schema None; this version reads schema 3"),
        (f"{header()}\n", f"{NOT}it holds no story"),
        ("nonsense", f"{NOT}line 1 is not JSON (Expecting value); the journal is cut short or not one"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_judged_says_why(tmp_path: Path, text: str | None, wanted: str) -> None:
    path = tmp_path / "run.ndjson"
    if text is not None:
        path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        again(path)

    assert str(caught.value) == f"{path}: {wanted}"
