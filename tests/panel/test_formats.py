"""The golden table of formats: the examples of Grafana's documentation, and the corners around them."""

from __future__ import annotations

import pytest

from pytest_obscheck.panel.formats import FORMATS, WORDED, Value, for_promql, formatted

TWO = Value(("test1", "test2"), many=True, matched=True)
ONE = Value(("test1",), many=True, matched=True)
TEXT = Value(("test'1",))
DOTS = Value(("test1.", "test2"), many=True, matched=True)
QUOTES = Value(("te'st", 'te"st'), many=True, matched=True)
PATH = Value(("foo()bar BAZ", "test2"), many=True, matched=True)
EVERYTHING = Value(("a", "b"), many=True, matched=True, raw=".*", text="All")
TIME = Value(("1594671549254",))
GOLDEN = [
    (TWO, "csv", "test1,test2"),
    (TWO, "distributed", "test1,servers=test2"),
    (QUOTES, "doublequote", '"te\'st","te\\"st"'),
    (TWO, "glob", "{test1,test2}"),
    (ONE, "glob", "test1"),
    (TWO, "json", '["test1","test2"]'),
    (TEXT, "json", "test'1"),
    (TWO, "lucene", '("test1" OR "test2")'),
    (Value(("a b:c",)), "lucene", "a\\ b\\:c"),
    (Value(("-1.5",)), "lucene", "-1.5"),
    (Value((), many=True), "lucene", "__empty__"),
    (PATH, "percentencode", "%7Bfoo%28%29bar%20BAZ%2Ctest2%7D"),
    (Value(("a/b c!",)), "percentencode", "a%2Fb%20c%21"),
    (TWO, "pipe", "test1|test2"),
    (DOTS, "raw", "test1.,test2"),
    (DOTS, "regex", "(test1\\.|test2)"),
    (ONE, "regex", "test1"),
    (Value(("a/b",)), "regex", "a\\/b"),
    (QUOTES, "singlequote", "'te\\'st','te\"st'"),
    (Value(("te'st", 'te"st'), many=True), "sqlstring", "'te''st','te\\\"st'"),
    (TWO, "text", "test1 + test2"),
    (TWO, "queryparam", "var-servers=test1&var-servers=test2"),
    (TWO, "customqueryparam:p-foo:x-", "p-foo=x-test1&p-foo=x-test2"),
    (TWO, "join:;", "test1;test2"),
    (TWO, "uriencode", "%7Btest1,test2%7D"),
    (Value(("<b>'x'</b>",)), "html", "&lt;b&gt;&#39;x&#39;&lt;/b&gt;"),
    (TIME, "date", "2020-07-13T20:19:09.254Z"),
    (TIME, "date:iso", "2020-07-13T20:19:09.254Z"),
    (TIME, "date:seconds", "1594671549"),
    (TIME, "date:ms", "1594671549254"),
    (TIME, "date:YYYY-MM-DD HH:mm:ss", "2020-07-13 20:19:09"),
    (TEXT, "date", "NaN"),
    (TWO, "no-such-format", "{test1,test2}"),
    (EVERYTHING, "regex", ".*"),
    (EVERYTHING, "text", "All"),
    (EVERYTHING, "queryparam", "var-servers=%24__all"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "how", "expected"), GOLDEN, ids=lambda each: each if isinstance(each, str) else None)
def test_a_value_is_written_as_grafana_writes_it(value: Value, how: str, expected: str) -> None:
    assert formatted(value, how, "servers") == expected


def test_every_format_is_in_the_golden_table() -> None:
    assert {how.partition(":")[0] for _, how, _ in GOLDEN} - {"no-such-format"} == {*FORMATS, *WORDED}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Value(("it's a\\b",)), "it\\\\'s a\\\\b"),
        (Value(("a.b",)), "a.b"),
        (Value(("a.b",), matched=True), "a\\\\.b"),
        (Value(("a.b",), many=True, matched=True), "a\\\\.b"),
        (Value(("a.b", "c"), many=True, matched=True), "(a\\\\.b|c)"),
        (EVERYTHING, ".*"),
    ],
)
def test_without_a_format_a_value_is_escaped_for_where_promql_has_it(value: Value, expected: str) -> None:
    assert for_promql(value) == expected
