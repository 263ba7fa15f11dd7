"""Dashboard files → boards, as plain data; or one sentence on why a file is none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_obscheck.errors import Problem, shown_as
from pytest_obscheck.panel.formats import Value


@dataclass(frozen=True)
class Source:
    """A data source as a dashboard refers to it: by uid or name, by type, or by neither for the default one."""

    uid: str = ""
    type: str = ""


@dataclass(frozen=True)
class Target:
    """One query of a panel. ``step``: the shortest interval that it allows. ``model``: its JSON, for who knows the product."""

    ref: str
    source: Source
    query: str
    instant: bool = False
    step: str = ""
    factor: int = 1
    model: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Panel:
    """One panel as it stands in the file, or a row that holds others.

    ``shares``: the id of the panel whose result it shows. ``reshaped``: its transformations. ``scope``: variables that
    are fixed for it, because it is one of several repetitions. ``trouble``: why it cannot be judged at all.
    """

    title: str
    type: str
    id: int = 0
    targets: tuple[Target, ...] = ()
    repeat: str = ""
    inside: tuple[Panel, ...] = ()
    reshaped: tuple[Mapping[str, Any], ...] = ()
    shares: int | None = None
    least: str = ""
    points: int = 0
    span: str = ""
    shift: str = ""
    scope: Mapping[str, Value] = field(default_factory=dict)
    trouble: str = ""


@dataclass(frozen=True)
class Variable:
    """One entry of ``templating``; ``options`` are the values that the file lists, ``current`` the ones that it has picked."""

    name: str
    type: str
    query: str
    source: Source = field(default_factory=Source)
    regex: str = ""
    sort: int = 0
    multi: bool = False
    all: bool = False
    all_value: str = ""
    current: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    model: Mapping[str, Any] = field(default_factory=dict, compare=False)


@dataclass(frozen=True)
class Board:
    """One dashboard. ``start`` and ``end`` are its times as the file writes them."""

    title: str
    where: str
    panels: tuple[Panel, ...]
    variables: tuple[Variable, ...]
    start: str = "now-6h"
    end: str = "now"


def read(path: Path, root: Path | None = None) -> tuple[list[Board], list[Problem]]:
    """Return the dashboards of a file, or of all JSON files below a folder, and what is wrong with those that are none."""
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    boards, problems = [], []
    if not files:
        problems.append(Problem(shown_as(path, root), "no dashboard is in it", "dashboards are files that end in .json"))
    library = _Library()
    for file, loaded in [(file, _loaded(file, shown_as(file, root))) for file in files]:
        if isinstance(loaded, Problem):
            problems.append(loaded)
        elif not library.took(loaded):
            boards.append((loaded, shown_as(file, root)))
    return [_board(model, where, library) for model, where in boards], problems


def _loaded(file: Path, where: str) -> Any:
    try:
        model = json.loads(file.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        return Problem(f"{where}:{error.lineno}", f"not JSON: {error.msg}", "export the dashboard again")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        return Problem(where, f"cannot be read: {said}")
    return _unwrapped(model) or Problem(where, _not_one(model), "export it as JSON of the classic model")


def _not_one(model: Any) -> str:
    if isinstance(model, Mapping) and "elements" in (model.get("spec") or model):
        return "a dashboard of schema v2, which is not read here"
    return "not a dashboard: it has no panels"


def _unwrapped(model: Any) -> Any:
    """Return the dashboard inside of what an API or a resource wraps around it; ``None`` where there is none."""
    for key in ("dashboard", "spec"):
        if isinstance(model, Mapping) and isinstance(model.get(key), Mapping):
            model = model[key]
    if isinstance(model, Mapping) and any(isinstance(model.get(key), list) for key in ("panels", "rows")):
        return model
    return model if _is_library_element(model) else None


def _is_library_element(model: Any) -> bool:
    return isinstance(model, Mapping) and isinstance(model.get("model"), Mapping) and "uid" in model


@dataclass
class _Library:
    """Panels that several dashboards share, by uid."""

    panels: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def took(self, model: Mapping[str, Any]) -> bool:
        """Keep what a file says of library panels; return whether that is all that it says."""
        for uid, element in (model.get("__elements") or {}).items() if isinstance(model.get("__elements"), Mapping) else ():
            self.panels[uid] = element.get("model", {})
        if _is_library_element(model):
            self.panels[str(model["uid"])] = model["model"]
            return True
        return False


def _board(model: Mapping[str, Any], where: str, library: _Library) -> Board:
    rows = [{**row, "type": "row", "collapsed": True} for row in _list(model, "rows")]
    panels = tuple(_panel(panel, library) for panel in [*rows, *_list(model, "panels")] if not panel.get("repeatPanelId"))
    inputs = {f"${{{each.get('name')}}}": str(each.get("pluginId", "")) for each in _list(model, "__inputs")}
    times = model.get("time") or {}
    variables = tuple(_variable(each) for each in _list(model.get("templating") or {}, "list") if each.get("name"))
    board = Board(
        str(model.get("title") or where), where, panels, variables, times.get("from", "now-6h"), times.get("to", "now")
    )
    return _typed(board, inputs)


def _typed(board: Board, inputs: Mapping[str, str]) -> Board:
    """Give the sources that are left open for whoever imports the dashboard a variable each, with the type that they need."""
    open_ = tuple(
        Variable(name.strip("${}"), "datasource", type_)
        for name, type_ in inputs.items()
        if type_ and name.strip("${}") not in {variable.name for variable in board.variables}
    )
    return Board(board.title, board.where, board.panels, (*open_, *board.variables), board.start, board.end)


def _panel(model: Mapping[str, Any], library: _Library) -> Panel:
    linked, trouble = model.get("libraryPanel"), ""
    if isinstance(linked, Mapping) and not model.get("targets"):
        found = library.panels.get(str(linked.get("uid")))
        trouble = "" if found else f"the library panel {linked.get('name')!r} is in none of the files"
        model = {**(found or {}), **{key: model[key] for key in ("id", "repeat", "gridPos") if key in model}}
    targets = tuple(_targets(model))
    shared = next((t.model.get("panelId") for t in targets if t.source.uid == "-- Dashboard --"), None)
    return Panel(
        title=str(model.get("title") or (linked or {}).get("name") or f"panel {model.get('id', '?')}"),
        type=str(model.get("type", "")),
        id=int(model.get("id") or 0),
        targets=targets,
        repeat=str(model.get("repeat") or ""),
        inside=tuple(_panel(inner, library) for inner in _list(model, "panels") if not inner.get("repeatPanelId")),
        reshaped=tuple(each for each in _list(model, "transformations") if not each.get("disabled")),
        shares=shared if isinstance(shared, int) else None,
        least=str(model.get("interval") or ""),
        points=int(model.get("maxDataPoints") or 0),
        span=str(model.get("timeFrom") or ""),
        shift=str(model.get("timeShift") or ""),
        trouble=trouble,
    )


def _targets(panel: Mapping[str, Any]) -> Iterator[Target]:
    """Yield the queries that a panel sends: hidden ones only where an expression may rest on them."""
    targets = _list(panel, "targets")
    rests = any(_source(target.get("datasource")).type == "__expr__" for target in targets)
    for number, target in enumerate(targets):
        if target.get("hide") and not rests:
            continue
        source = _source(target.get("datasource"))
        if source == Source():
            source = _source(panel.get("datasource"))
        yield Target(
            ref=str(target.get("refId") or chr(ord("A") + number % 26)),
            source=source,
            query=_query(target),
            instant=bool(target.get("instant")) and not target.get("range"),
            step=str(target.get("interval") or ""),
            factor=int(target.get("intervalFactor") or 1),
            model=target,
        )


def _query(model: Mapping[str, Any]) -> str:
    found = (model.get(key) for key in ("expr", "query", "expression", "rawSql"))
    return next((text for text in found if isinstance(text, str) and text.strip()), "")


def _source(given: Any) -> Source:
    if isinstance(given, Mapping):
        return Source(str(given.get("uid") or ""), str(given.get("type") or ""))
    return Source(str(given or ""))


def _variable(model: Mapping[str, Any]) -> Variable:
    query = model.get("query")
    current = model.get("current") if isinstance(model.get("current"), Mapping) else {}
    return Variable(
        name=str(model["name"]),
        type=str(model.get("type") or "query"),
        query=(_query(query) or json.dumps(query)) if isinstance(query, Mapping) else str(query or ""),
        source=_source(model.get("datasource")),
        regex=str(model.get("regex") or ""),
        sort=int(model.get("sort") or 0),
        multi=bool(model.get("multi")),
        all=bool(model.get("includeAll")),
        all_value=str(model.get("allValue") or ""),
        current=_texts((current or {}).get("value")),
        options=tuple(str(each.get("value")) for each in _list(model, "options") if each.get("value") != "$__all"),
        model=model,
    )


def _texts(value: Any) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return tuple(str(each) for each in value) if isinstance(value, Sequence) and not isinstance(value, str) else (str(value),)


def _list(model: Any, key: str) -> list[Mapping[str, Any]]:
    found = model.get(key) if isinstance(model, Mapping) else None
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def every(panels: Iterable[Panel]) -> Iterator[Panel]:
    """Yield panels and those inside of them, rows left out."""
    for panel in panels:
        if panel.type == "row":
            yield from every(panel.inside)
        else:
            yield panel
