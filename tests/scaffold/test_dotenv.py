from __future__ import annotations

from pathlib import Path

import pytest

from pytest_obscheck.scaffold.dotenv import filled, read_variables


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("$A-${A}", "1-1"),
        ("$$A", "$A"),
        ("${NO-x} ${EMPTY-x} ${EMPTY:-x}", "x  x"),
        ("${A+y} ${EMPTY:+y}", "y "),
        ("${NO:-d ${A}}", "d 1"),
        ("${NO:?why}", ""),
    ],
)
def test_a_variable_stands_for_what_compose_fills_in(text: str, meant: str) -> None:
    assert filled({"in": [text, 5]}, {"A": "1", "EMPTY": ""}) == {"in": [meant, 5]}


def test_a_file_of_variables_is_read_as_compose_reads_it(tmp_path: Path) -> None:
    lines = ["\ufeff# ours", "A=1 # one", 'export B="${A}#2" # two', "C='${A}'", "D: ${OUTER}", "E=${A}", "F=", "no line"]
    (tmp_path / ".env").write_text("\r\n".join(lines), encoding="utf-8")

    found = read_variables(tmp_path / ".env", {"OUTER": "o"})

    assert found == {"A": "1", "B": "1#2", "C": "${A}", "D": "o", "E": "1", "F": ""}
    assert read_variables(tmp_path / "none", {}) == {}
