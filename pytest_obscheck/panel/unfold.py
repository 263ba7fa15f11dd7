"""Rows and panels that repeat, one for each value of a variable; rows are left out, what they hold is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from pytest_obscheck.panel.boards import Panel
from pytest_obscheck.panel.formats import Value
from pytest_obscheck.panel.interpolation import interpolated


def unfolded(panels: Iterable[Panel], values: Mapping[str, Value]) -> Iterator[Panel]:
    """Yield the panels that a viewer would see, with the values of their titles put in and their scope set."""
    for row in _rows(panels):
        for scope in _scopes(row.repeat, values, row.scope):
            for panel in row.inside:
                for inner in _scopes(panel.repeat, values, scope):
                    title = interpolated(panel.title, {**values, **inner}, _shown)
                    yield replace(panel, title=title, scope=inner)


def _shown(value: Value) -> str:
    return value.text or " + ".join(value.values)


def _rows(panels: Iterable[Panel]) -> Iterator[Panel]:
    """Yield rows that hold their panels: an open row of a file is followed by them, a closed one has them inside."""
    row = Panel("", "row")
    for panel in panels:
        if panel.type == "row":
            yield row
            row = panel
        else:
            row = replace(row, inside=(*row.inside, panel))
    yield row


def _scopes(name: str, values: Mapping[str, Value], outer: Mapping[str, Value]) -> list[Mapping[str, Value]]:
    """Return the scopes in which something is shown; no value at all means once, with the variable as it is."""
    value = {**values, **outer}.get(name)
    if not name or value is None or not value.values:
        return [outer]
    return [{**outer, name: Value((each,), matched=value.matched, text=each)} for each in value.values]
