"""The command: every verb is one call, and every mistake one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_obscheck import Health, journal, never
from pytest_obscheck.cli import main
from pytest_obscheck.journal import Journal
from pytest_obscheck.saved import to_data
from pytest_obscheck.scenario import Claim, Scenario
from pytest_obscheck.session import again
from pytest_obscheck.testing import a_journal

SHUT = Scenario("the shop is shut", claims=(Claim(Health("web", "/", status=200), never("0s", "2s")),))
PASSED = "the shop is shut: passed\n"


def a_run(path: Path, *, opens: bool = False) -> Path:
    """Write the journal of a story in which the shop stayed shut, or opened in the middle."""
    key = str(SHUT.claims[0].expectation.evidence())
    answer = {"status": 200 if opens else 503, "seconds": 0.01, "json": None, "text": ""}
    looks = a_journal(**{key.replace(" ", "_"): [(0.2 * n, answer) for n in range(10)]})
    told = Journal()
    told.write("scenario", 999.0, **to_data(SHUT))
    for event in looks.events:
        told.write(event.kind, event.wall, **{**event.data, "key": key} if event.kind == "look" else event.data)
    path.write_text(journal.dump(told), encoding="utf-8")
    return path


@pytest.mark.parametrize("opens", [False, True])
def test_judge_prints_the_report_of_a_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str], opens: bool) -> None:
    run = a_run(tmp_path / "x.ndjson", opens=opens)
    code = main(["judge", str(run)])

    assert (code, capsys.readouterr().out) == (int(opens), again(run)[1])


def test_judge_prints_every_run_of_a_folder_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    b, a = a_run(tmp_path / "b.ndjson", opens=True), a_run(tmp_path / "a.ndjson")
    (tmp_path / "a.txt").write_text("not a journal")
    code = main(["judge", str(tmp_path)])

    assert (code, capsys.readouterr().out) == (1, again(a)[1] + again(b)[1])


def test_judge_says_where_a_journal_was_cut_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = a_run(tmp_path / "x.ndjson")
    run.write_text(run.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    code = main(["judge", str(run)])

    assert code == 2
    assert capsys.readouterr().err.startswith(f"{run}: not a journal that can be judged: line 14 is not JSON (")


def test_a_journal_that_ends_between_two_lines_proves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = a_run(tmp_path / "x.ndjson")
    run.write_text("".join(run.read_text(encoding="utf-8").splitlines(keepends=True)[:5]), encoding="utf-8")
    code = main(["judge", str(run)])

    # Of what is not seen, less than a second is no blindness: that the story was not over must be told by its end.
    assert (code, capsys.readouterr().out.splitlines()[-1]) == (
        1,
        "  ! the journal is cut short: it ends at 200ms, before the story was over",
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hello\n", "line 1 is not JSON (Expecting value); the journal is cut short or not one"),
        ('{"kind": "journal", "schema": 7}\n', "this journal has schema 7; this version reads schema 3"),
        ('{"kind": "journal", "schema": 3}\n', "it holds no story"),
    ],
)
def test_judge_says_what_is_no_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, expected: str) -> None:
    (tmp_path / "x").write_text(text, encoding="utf-8")
    code = main(["judge", str(tmp_path / "x")])

    assert (code, capsys.readouterr().err) == (2, f"{tmp_path / 'x'}: not a journal that can be judged: {expected}\n")


def test_judge_says_what_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["judge", str(tmp_path / "x")])

    assert (code, capsys.readouterr().err) == (2, f"{tmp_path / 'x'}: cannot be read: No such file or directory\n")


def test_a_folder_without_a_journal_is_no_run_that_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["judge", str(tmp_path)])

    assert (code, capsys.readouterr().err) == (2, f"{tmp_path}: there is no journal in it; name a folder of --obs-report\n")


def test_schema_prints_a_json_schema(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["schema"])
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)

    assert (code, schema["title"]) == (0, "pytest-obscheck story")


@pytest.mark.parametrize("verb", ["up", "render"])
def test_a_stack_that_is_not_there_is_a_sentence(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([verb, str(tmp_path / "stack.yaml")])

    what = "there is no such file; `obscheck init` writes a first one, from what is here"
    assert (code, capsys.readouterr().err) == (2, f"{tmp_path / 'stack.yaml'}: {what}\n")


def test_a_member_to_follow_that_is_not_there_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "stack.yaml").write_text("services:\n  web: {command: [python]}\n")
    code = main(["up", str(tmp_path / "stack.yaml"), "--follow", "wbe"])

    assert (code, capsys.readouterr().err) == (2, "--follow: no member called 'wbe'; did you mean 'web'?\n")


@pytest.mark.parametrize("words", [[], ["jugde"], ["judge"], ["up", "--folow", "x"]])
def test_a_wrong_word_is_exit_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(words)

    assert raised.value.code == 2
    assert capsys.readouterr().err.startswith("usage: obscheck")


def test_install_and_doctor_belong_to_the_toolchain(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def install(names: list[str], via: str, out: Any) -> int:
        return out.write(f"install {names} {via}\n") and 3

    def doctor(out: Any) -> int:
        return out.write("doctor\n") and 4

    monkeypatch.setattr("pytest_obscheck.toolchain.commands.install_command", install)
    monkeypatch.setattr("pytest_obscheck.toolchain.commands.doctor_command", doctor)
    codes = [main(["install", "amtool", "--via", "go"]), main(["doctor"])]

    assert (codes, capsys.readouterr().out) == ([3, 4], "install ['amtool'] go\ndoctor\n")


def test_ctrl_c_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("pytest_obscheck.toolchain.commands.doctor_command", interrupted)

    assert main(["doctor"]) == 130


def test_a_reader_that_has_read_enough_is_no_trouble() -> None:
    command = [sys.executable, "-m", "pytest_obscheck", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        said = process.stderr.read()

    assert (process.returncode, said) == (141, "")
