"""References to variables in a text."""

from __future__ import annotations

import pytest

from pytest_obscheck.panel.formats import Value, for_promql
from pytest_obscheck.panel.interpolation import interpolated, references

VALUES = {"job": Value(("api", "web.1"), many=True, matched=True), "n": Value(("5m",)), "__from": Value(("1594671549254",))}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('up{job=~"$job"}', 'up{job=~"(api|web\\\\.1)"}'),
        ('up{job=~"${job}"}', 'up{job=~"(api|web\\\\.1)"}'),
        ('up{job=~"[[job]]"}', 'up{job=~"(api|web\\\\.1)"}'),
        ('up{job=~"${job:pipe}"}', 'up{job=~"api|web.1"}'),
        ('up{job=~"[[job:csv]]"}', 'up{job=~"api,web.1"}'),
        ("rate(x[$n])", "rate(x[5m])"),
        ("rate(x[${n}]) $n", "rate(x[5m]) 5m"),
        ("$njob", "$njob"),
        ('label_replace(x, "a", "$1", "b", "(.*)")', 'label_replace(x, "a", "$1", "b", "(.*)")'),
        ("${__from:date:YYYY}", "2020"),
        ("[5m] and [[5]]", "[5m] and [[5]]"),
    ],
)
def test_a_reference_is_replaced_by_the_value(text: str, expected: str) -> None:
    assert interpolated(text, VALUES, for_promql) == expected


def test_a_text_names_the_variables_that_it_needs_and_no_groups_of_regular_expressions() -> None:
    assert list(references("$a ${b:csv} [[c]] $1 ${d.x:raw}")) == ["a", "b", "c", "d"]
