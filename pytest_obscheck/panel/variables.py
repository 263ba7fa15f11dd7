"""What stands behind the ``$name`` of a dashboard: queries, lists, intervals, data sources, and those that need one another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pytest_obscheck.errors import LookFailed
from pytest_obscheck.panel.boards import Source, Variable
from pytest_obscheck.panel.formats import Value, for_promql
from pytest_obscheck.panel.interpolation import interpolated, references
from pytest_obscheck.panel.times import Range, duration, interval, written

ALL = "$__all"


class Asks(Protocol):
    """What can be asked of the data sources while variables are resolved."""

    def values_of(self, source: Source, query: str) -> list[str]:
        """Return what a query of a variable gives; ``LookFailed`` where it fails. The source may hold variables."""

    def uids(self, type_: str) -> list[str]:
        """Return the uids of the data sources of a type."""


@dataclass
class Resolver:
    """Resolves the variables of one dashboard; ``troubles`` says of each that could not be resolved why not."""

    variables: Sequence[Variable]
    asks: Asks
    span: Range
    given: Mapping[str, str] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def resolve(self) -> None:
        """Give every variable its value, those that others need first."""
        self.values.update(self.span.values())
        for variable in self.variables:
            self._resolve(variable)

    def _resolve(self, variable: Variable) -> None:
        if variable.name in self.values or variable.name in self.troubles:
            return
        if variable.name in self._open:
            ring = " and ".join(f"${name}" for name in self._open[self._open.index(variable.name) :])
            self.troubles[variable.name] = f"{ring} need one another"
            return
        self._open.append(variable.name)
        self._needed(variable)
        self._open.remove(variable.name)
        if variable.name not in self.troubles:
            self._settle(variable)

    def _needed(self, variable: Variable) -> None:
        by_name = {each.name: each for each in self.variables}
        for name in references(f"{variable.query} {variable.regex} {variable.source.uid}"):
            if name in by_name:
                self._resolve(by_name[name])
            if name in self.troubles:
                self.troubles.setdefault(variable.name, self.troubles[name])

    def _settle(self, variable: Variable) -> None:
        try:
            options = OPTIONS.get(variable.type, _as_it_is)(self, variable)
            self.values[variable.name] = _picked(variable, options, self.given.get(variable.name))
        except (LookFailed, ValueError, re.error) as error:
            self.troubles[variable.name] = f"${variable.name} cannot be resolved: {error}"


def _picked(variable: Variable, options: Sequence[str], given: str | None) -> Value:
    """Return the value that a browser would pick: the stored one where it is still an option, else the first one."""
    matched = variable.multi or variable.all
    wanted = (given,) if given is not None else variable.current
    kept = tuple(each for each in wanted if each in options)
    if given is not None and given != ALL:
        return Value((given,), variable.multi, matched, text=given)
    if variable.all and (ALL in wanted or not kept):
        return Value(tuple(options), many=True, matched=True, raw=variable.all_value or None, text="All")
    kept = kept or tuple(options[:1])
    return Value(kept if variable.multi else kept[:1], variable.multi, matched, text=" + ".join(kept))


# ── one function for each type ───────────────────────────────────────────────


def _asked(resolver: Resolver, variable: Variable) -> list[str]:
    """Return what the data source gives, filtered by the variable's regular expression and sorted."""
    query = interpolated(variable.query, resolver.values, for_promql)
    found = resolver.asks.values_of(variable.source, query)
    return ordered(filtered(found, interpolated(variable.regex, resolver.values)), variable.sort)


def _listed(resolver: Resolver, variable: Variable) -> list[str]:
    """Return the values of a list with commas; ``text : value`` has a name of its own, an escaped comma stands for itself."""
    query = interpolated(variable.query, resolver.values)
    parts = [part.replace("\\,", ",").strip() for part in re.findall(r"(?:\\,|[^,])+", query)]
    return [re.sub(r"^.+\s:\s", "", part) for part in parts if part] or list(variable.options)


def _as_it_is(_: Resolver, variable: Variable) -> list[str]:
    """Return the text of a constant or a text box, which is its one option."""
    if variable.type == "constant":
        return [variable.query or "".join(variable.current[:1])]
    return list(variable.current or (variable.query,))


def _interval(resolver: Resolver, variable: Variable) -> list[str]:
    """Return the intervals of a list; the automatic one is worked out from the range."""
    if ALL in variable.current:
        raise ValueError("an interval has no All")
    parts = re.findall(r'"[^"]*"|\'[^\']*\'|[^,\s]+', variable.query)
    options = [part.strip("\"'") for part in parts if part.strip("\"'") != "auto"]
    auto = f"$__auto_interval_{variable.name}"
    chosen = variable.current[:1]
    if variable.model.get("auto") and chosen in ((auto,), ("$__auto",), ("auto",)):
        count, least = int(variable.model.get("auto_count") or 30), str(variable.model.get("auto_min") or "10s")
        worked_out = written(interval(resolver.span, count, duration(least)))
        resolver.values[auto.lstrip("$")] = Value((worked_out,))
        return [worked_out]
    return options


def _sources(resolver: Resolver, variable: Variable) -> list[str]:
    """Return the data sources of a type; where nobody knows their names, the stored one stands for whatever there is."""
    known = resolver.asks.uids(variable.query)
    return filtered(known, interpolated(variable.regex, resolver.values)) or list(variable.current[:1]) or ["default"]


OPTIONS: Mapping[str, Callable[[Resolver, Variable], list[str]]] = {
    "query": _asked,
    "custom": _listed,
    "interval": _interval,
    "datasource": _sources,
}
"""How the options of a variable are found, by its type; every other type has the one value that is written down."""


# ── what is done to options ──────────────────────────────────────────────────


def filtered(options: Iterable[str], regex: str) -> list[str]:
    """Return what a JavaScript regular expression keeps of options: its group ``value``, or its first, where it has one."""
    unique = list(dict.fromkeys(options))
    if not regex:
        return unique
    found = re.fullmatch(r"/(.*)/([a-z]*)", regex, re.DOTALL)
    source, flags = (found[1], found[2]) if found else (regex, "")
    pattern = re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", source), re.IGNORECASE if "i" in flags else 0)
    kept = (
        _captured(hit, option) for option in unique for hit in list(pattern.finditer(option))[: None if "g" in flags else 1]
    )
    return list(dict.fromkeys(kept))


def _captured(hit: re.Match[str], option: str) -> str:
    groups = hit.groupdict()
    for name in ("value", "text"):
        if groups.get(name):
            return str(groups[name])
    return next((group for group in hit.groups() if group is not None), option)


def ordered(options: Sequence[str], how: int) -> list[str]:
    """Return options in Grafana's order: 0 as they come, then alphabetic, numeric, case-blind, natural; even is downwards."""
    keys: Mapping[int, Callable[[str], tuple[object, ...]]] = {
        1: lambda text: (text,),
        2: _first_number,
        3: lambda text: (text.lower(),),
        4: lambda text: tuple((not part.isdigit(), int(part) if part.isdigit() else part) for part in _parts(text)),
    }
    key = keys.get((how + 1) // 2)
    return sorted(options, key=key, reverse=how % 2 == 0) if key else list(options)


def _first_number(text: str) -> tuple[float]:
    found = re.search(r"\d+(\.\d+)?", text)
    return (float(found[0]) if found else -1.0,)


def _parts(text: str) -> list[str]:
    return [part for part in re.split(r"(\d+)", text.lower()) if part]


def series_text(labels: Mapping[str, str], value: str = "") -> str:
    """Return a series as variables see it: ``name{a="b"} 1 1700000000``, whose parts a regular expression then picks."""
    inside = ",".join(f"{name}={json.dumps(text)}" for name, text in labels.items() if name != "__name__")
    return f"{labels.get('__name__', '')}{{{inside}}}{value and f' {value}'}"
