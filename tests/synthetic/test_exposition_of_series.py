"""Series and a moment become the text of a scrape."""

from __future__ import annotations

import pytest

from pytest_obscheck.synthetic.exposition import CLASSIC, QUOTED, Written, family_of, page
from pytest_obscheck.synthetic.notation import labels, samples

BUCKETS = """\
# TYPE took_seconds histogram
took_seconds_bucket{le="0.5"} 1
took_seconds_bucket{le="+Inf"} 2
took_seconds_sum 1.5
took_seconds_count 2
# TYPE pods gauge
pods{namespace="a"} 3
pods 4
untold NaN
"""


def a_page(*series: tuple[str, str, str], interval: float = 60.0) -> bytes:
    return page((Written(labels(text), samples(values), kind) for text, values, kind in series), interval).at(0)


def test_the_series_of_a_family_stand_together_below_their_type() -> None:
    made = a_page(
        ('took_seconds_bucket{le="0.5"}', "1", "histogram"),
        ('pods{namespace="a"}', "3", "gauge"),
        ('took_seconds_bucket{le="+Inf"}', "2", "histogram"),
        ("took_seconds_sum", "1.5", "histogram"),
        ("pods", "4", "gauge"),
        ("took_seconds_count", "2", "histogram"),
        ("untold", "NaN", ""),
    )

    assert made.decode() == BUCKETS


def test_what_is_stale_disappears_and_its_type_with_it() -> None:
    assert a_page(("gone", "stale", "gauge"), ("later", "_ 5", ""), ("there", "-Inf", "")) == b"there -Inf\n"


def test_names_and_values_that_need_it_are_quoted() -> None:
    shown = page([Written(labels(r'{"my.metric", "a.b"="c\"\n\\"}'), samples("1"), "counter")], 60.0)

    assert shown.at(0) == b'# TYPE "my.metric" counter\n{"my.metric","a.b"="c\\"\\n\\\\"} 1\n'
    assert shown.content_type == QUOTED
    assert page([Written(labels("x"), samples("1"))], 60.0).content_type == CLASSIC


@pytest.mark.parametrize(
    ("name", "kind", "family"),
    [
        ("x_bucket", "histogram", "x"),
        ("x_bucket", "counter", "x_bucket"),
        ("x_count", "summary", "x"),
        ("x", "summary", "x"),
    ],
)
def test_a_family_is_called_as_its_type_wants_it(name: str, kind: str, family: str) -> None:
    assert family_of(name, kind) == family
