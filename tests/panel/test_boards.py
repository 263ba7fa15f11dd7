"""Dashboard files as they come: of every age, wrapped, with rows and repetitions, or broken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.panel.boards import Board, Source, read
from pytest_obscheck.panel.formats import Value
from pytest_obscheck.panel.unfold import unfolded

Written = Callable[..., Board]


def panel(title: str, **more: Any) -> dict[str, Any]:
    return {"title": title, "type": "timeseries", "targets": [{"expr": "up"}], **more}


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Return what writes a dashboard to a file and reads it."""

    def write(model: Any, *others: Any) -> Board:
        for number, each in enumerate((model, *others)):
            (tmp_path / f"{number}.json").write_text(json.dumps(each), encoding="utf-8")
        found, problems = read(tmp_path, tmp_path)
        assert problems == []
        return found[0]

    return write


def titles(board: Board, **values: tuple[str, ...]) -> list[str]:
    known = {name: Value(each, many=True, matched=True) for name, each in values.items()}
    return [each.title for each in unfolded(board.panels, known)]


@pytest.mark.parametrize(
    "wrap", [lambda x: x, lambda x: {"dashboard": x, "meta": {}}, lambda x: {"kind": "Dashboard", "spec": x}]
)
def test_a_dashboard_is_found_in_what_is_wrapped_around_it(written: Written, wrap: Callable[[Any], Any]) -> None:
    assert titles(written(wrap({"title": "Shop", "panels": [panel("Orders")]}))) == ["Orders"]


def test_the_rows_of_old_dashboards_hold_their_panels(written: Written) -> None:
    rows = [{"title": "$zone", "repeat": "zone", "panels": [panel("CPU $zone"), panel("Disk")]}, {"panels": [panel("Sum")]}]

    board = written({"rows": rows})

    assert titles(board, zone=("a", "b")) == ["CPU a", "Disk", "CPU b", "Disk", "Sum"]


def test_an_open_row_repeats_the_panels_after_it_and_a_closed_one_those_inside(written: Written) -> None:
    panels = [
        panel("First"),
        {"type": "row", "title": "open", "repeat": "zone"},
        panel("A $zone"),
        {
            "type": "row",
            "title": "closed",
            "collapsed": True,
            "panels": [panel("B", repeat="pod"), panel("$pod", repeat="pod")],
        },
        panel("saved", repeatPanelId=3),
    ]

    assert titles(written({"panels": panels}), zone=("x", "y"), pod=("p", "q")) == ["First", "A x", "A y", "B", "B", "p", "q"]


def test_a_repeated_panel_sees_one_value_at_a_time(written: Written) -> None:
    board = written({"panels": [panel("$pod", repeat="pod")]})

    found = unfolded(board.panels, {"pod": Value(("p", "q"), many=True, matched=True, raw=".*")})

    assert [each.scope["pod"].values for each in found] == [("p",), ("q",)]


def test_a_library_panel_is_taken_from_the_file_or_from_beside_it(written: Written) -> None:
    linked = [{"id": 1, "libraryPanel": {"uid": uid, "name": uid}} for uid in ("in", "beside", "gone")]
    elements = {"in": {"kind": 1, "model": panel("Inside")}}
    beside = {"uid": "beside", "kind": 1, "model": panel("Beside")}

    board = written({"panels": linked, "__elements": elements}, beside)

    assert [(each.title, each.trouble) for each in board.panels] == [
        ("Inside", ""),
        ("Beside", ""),
        ("gone", "the library panel 'gone' is in none of the files"),
    ]


def test_a_query_has_its_own_data_source_or_that_of_its_panel(written: Written) -> None:
    targets = [{"expr": "a"}, {"expr": "b", "datasource": {"uid": "x", "type": "loki"}}, {"expr": "c", "hide": True}]

    (found,) = written({"panels": [panel("P", datasource="Metrics", targets=targets)]}).panels

    assert [target.source for target in found.targets] == [Source("Metrics"), Source("x", "loki")]


def test_what_an_exported_dashboard_leaves_open_becomes_a_variable(written: Written) -> None:
    inputs = [{"name": "DS_PROMETHEUS", "type": "datasource", "pluginId": "prometheus"}]

    board = written({"panels": [panel("P")], "__inputs": inputs})

    assert [(each.name, each.type, each.query) for each in board.variables] == [("DS_PROMETHEUS", "datasource", "prometheus")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{"panels": [\n{]}',
            "shop.json:2: not JSON: Expecting property name enclosed in double quotes; export the dashboard again",
        ),
        ("[]", "shop.json: not a dashboard: it has no panels; export it as JSON of the classic model"),
        (
            '{"apiVersion": "dashboard.grafana.app/v2", "spec": {"elements": {}}}',
            "shop.json: a dashboard of schema v2, which is not read here; export it as JSON of the classic model",
        ),
    ],
)
def test_a_file_that_is_no_dashboard_is_one_sentence(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "shop.json").write_text(text, encoding="utf-8")

    assert [str(problem) for problem in read(tmp_path / "shop.json", tmp_path)[1]] == [expected]


def test_what_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    assert [str(problem) for name in ("gone.json", "empty") for problem in read(tmp_path / name, tmp_path)[1]] == [
        "gone.json: cannot be read: No such file or directory",
        "empty: no dashboard is in it; dashboards are files that end in .json",
    ]
