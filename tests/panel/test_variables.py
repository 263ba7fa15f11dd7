"""What stands behind the names of a dashboard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_obscheck.errors import LookFailed
from pytest_obscheck.panel.boards import Source, Variable
from pytest_obscheck.panel.formats import Value, for_promql
from pytest_obscheck.panel.times import Range
from pytest_obscheck.panel.variables import Resolver, filtered, ordered, series_text

HOUR = Range(0.0, 3600.0)


@dataclass
class Sources:
    """Answers what it was told, and remembers what it was asked."""

    answers: Mapping[str, list[str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def values_of(self, source: Source, query: str) -> list[str]:
        self.asked.append((source.uid, query))
        if query not in self.answers:
            raise LookFailed("parse error: unexpected end of input")
        return self.answers[query]

    def uids(self, type_: str) -> list[str]:
        return {"prometheus": ["metrics-eu", "metrics-us", "usage"]}.get(type_, [])


def resolved(*variables: Variable, sources: Sources | None = None, **given: str) -> Resolver:
    resolver = Resolver(variables, sources or Sources(), HOUR, given)
    resolver.resolve()
    return resolver


def value(variable: Variable, **answers: list[str]) -> Value:
    return resolved(variable, sources=Sources(answers)).values[variable.name]


def a(type_: str, query: str, **more: Any) -> Variable:
    return Variable("v", type_, query, **more)


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        (a("custom", "a, b\\,c ,d"), Value(("a",), text="a")),
        (a("custom", "One : 1, Two : 2", current=("2",)), Value(("2",), text="2")),
        (a("custom", "a,b", current=("gone",)), Value(("a",), text="a")),
        (a("custom", "a,b", multi=True, current=("a", "b", "gone")), Value(("a", "b"), many=True, matched=True, text="a + b")),
        (a("custom", "a,b", all=True, current=("$__all",)), Value(("a", "b"), many=True, matched=True, text="All")),
        (
            a("custom", "a,b", all=True, all_value=".+", current=("$__all",)),
            Value(("a", "b"), many=True, matched=True, raw=".+", text="All"),
        ),
        (a("constant", ".*"), Value((".*",), text=".*")),
        (a("textbox", "default", current=("typed",)), Value(("typed",), text="typed")),
        (a("textbox", ""), Value(("",), text="")),
        (a("interval", "1m,5m,1h", current=("5m",)), Value(("5m",), text="5m")),
        (
            a("interval", "1m,5m", current=("$__auto",), model={"auto": True, "auto_count": 30, "auto_min": "10s"}),
            Value(("2m",), text="2m"),
        ),
        (a("datasource", "prometheus", regex="/-us$/"), Value(("metrics-us",), text="metrics-us")),
        (a("datasource", "loki", current=("logs",)), Value(("logs",), text="logs")),
        (a("query", "x", current=("b",)), Value(("b",), text="b")),
        (a("query", "x", regex="/^(?<value>[bc])/", sort=2), Value(("c",), text="c")),
        (a("query", "none"), Value((), text="")),
    ],
)
def test_a_variable_has_the_value_that_a_browser_would_pick(variable: Variable, expected: Value) -> None:
    expected_auto = Value(expected.values, expected.many, expected.matched, expected.raw, expected.text)

    assert value(variable, x=["a", "b", "c"], none=[]) == expected_auto


def test_a_variable_waits_for_those_that_it_needs_wherever_they_stand() -> None:
    sources = Sources({'label_values(up{job=~"(a\\\\.1|b)"}, instance)': ["i"], "label_values(up, job)": ["a.1", "b"]})
    job = Variable("job", "query", "label_values(up, job)", all=True, current=("$__all",), source=Source("$ds"))
    instance = Variable("instance", "query", 'label_values(up{job=~"$job"}, instance)', source=Source("${ds}"))
    ds = Variable("ds", "datasource", "prometheus", current=("metrics-us",))

    resolver = resolved(instance, job, ds, sources=sources)

    assert resolver.values["instance"].values == ("i",)
    assert [uid for uid, _ in sources.asked] == ["$ds", "${ds}"]
    assert resolver.values["ds"].values == ("metrics-us",)


def test_variables_that_need_one_another_are_named() -> None:
    resolver = resolved(
        Variable("a", "query", "x{b=~'$b'}"), Variable("b", "query", "y{a=~'$a'}"), Variable("c", "query", "$b")
    )

    assert set(resolver.troubles.values()) == {"$a and $b need one another"}


def test_a_query_that_fails_says_so_for_all_that_needs_it() -> None:
    resolver = resolved(Variable("job", "query", "label_values(up"), Variable("pod", "query", "x{job='$job'}"))

    assert resolver.troubles == {
        "job": "$job cannot be resolved: parse error: unexpected end of input",
        "pod": "$job cannot be resolved: parse error: unexpected end of input",
    }


def test_a_regular_expression_that_is_none_is_told() -> None:
    resolver = resolved(a("query", "x", regex="/(/"), sources=Sources({"x": ["a"]}))

    assert resolver.troubles["v"].startswith("$v cannot be resolved: missing ), unterminated subpattern")


def test_a_value_that_the_story_fixes_is_taken_whatever_the_options() -> None:
    assert resolved(a("custom", "a,b", all=True), v="c").values["v"] == Value(("c",), matched=True, text="c")
    assert for_promql(resolved(a("custom", "a,b", all=True), v="$__all").values["v"]) == "(a|b)"


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        ("", ['x{job="a"} 1', 'x{job="b"} 2']),
        ('/job="([^"]+)"/', ["a", "b"]),
        ('/job="(?<text>[^"]+)"} (?<value>.*)/', ["1", "2"]),
        ('/"B"/i', ['x{job="b"} 2']),
        ("/(?!x)/", ['x{job="a"} 1', 'x{job="b"} 2']),
        ("/[ab12]/g", ['x{job="a"} 1', 'x{job="b"} 2']),
    ],
)
def test_options_are_filtered_by_a_regular_expression(regex: str, expected: list[str]) -> None:
    assert filtered(['x{job="a"} 1', 'x{job="b"} 2', 'x{job="a"} 1'], regex) == expected


def test_options_are_sorted_in_grafanas_ways() -> None:
    options = ["b10", "a2", "B9"]

    assert [ordered(options, how) for how in range(9)] == [
        ["b10", "a2", "B9"],
        ["B9", "a2", "b10"],
        ["b10", "a2", "B9"],
        ["a2", "B9", "b10"],
        ["b10", "B9", "a2"],
        ["a2", "b10", "B9"],
        ["B9", "b10", "a2"],
        ["a2", "B9", "b10"],
        ["b10", "B9", "a2"],
    ]


def test_a_series_is_text_that_an_expression_can_pick_from() -> None:
    assert series_text({"__name__": "up", "job": 'a"b'}, "1 1700") == 'up{job="a\\"b"} 1 1700'
