"""The notation of promtool's input series: what it stands for, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from pytest_obscheck.synthetic.notation import OMITTED, STALE, VALUE, labels, samples

LIKE = "write it like '5', '1x10', '0+10x100', '-1.5', '_', '_x3' or 'stale'"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("5", [5]),
        ("1x2", [1, 1, 1]),
        ("0+10x2 -1.5", [0, 10, 20, -1.5]),
        ("-2-3x1 +4", [-2, -5, 4]),
        ("1e3 1E-1x0 .5 5.", [1000, 0.1, 0.5, 5]),
        ("Inf -inf+1x1", [math.inf, -math.inf, -math.inf]),
        ("010 09 1_000", [8, 9, 1000]),
        # Ten tenths, added up, are a little less than 1.
        ("0.5-.1x3", [0.5, 0.4, 0.30000000000000004, 0.20000000000000004]),
    ],
)
def test_items_stand_for_the_values_that_promtool_makes_of_them(text: str, values: list[float]) -> None:
    made = samples(text)

    assert [made.at(number, 1) for number in range(len(made))] == values


def test_samples_are_asked_for_in_any_order() -> None:
    made = samples("0+0.1x4")

    assert [made.at(number, 1) for number in (4, 0, 2, 4)] == [0.4, 0, 0.2, 0.4]


def test_samples_are_left_out_and_end_in_stale_marks() -> None:
    kinds = [line.kind for line in samples("_ _x2 stale 1 stale+1x1").lines for _ in range(line.count)]

    assert kinds == [OMITTED, OMITTED, OMITTED, STALE, VALUE, STALE, VALUE]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1x", f"'1x' is no sample; {LIKE}"),
        ("0 1 +2 x3", f"'x3' is no sample; {LIKE}"),
        ("1+2", f"'1+2' is no sample; {LIKE}"),
        ("stalex3", f"'stalex3' is no sample; {LIKE}"),
        ("5m", f"'5m' is no sample; {LIKE}"),
        ("1..2", f"'1..2' is no sample; {LIKE}"),
        ("", f"there are no samples in ''; {LIKE}"),
        (
            "1 {{schema:1 sum 4}}",
            (
                "'{{schema:1 sum 4}}' is no native histogram from 'sum 4' on;"
                " write it like '{{schema:0 sum:5 count:4 buckets:[1 2 1]}}'"
            ),
        ),
        ("0x9999999", "'0x9999999' makes a series longer than 5,000,000 samples; write a longer interval"),
    ],
)
def test_what_is_no_sample_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        samples(text)

    assert said == str(raised.value)


@pytest.mark.parametrize(
    ("time", "value"),
    [(-7.0, 3.0), (0.0, 3.0), (9.99, 3.0), (10.0, 4.0), (20.0, None), (30.0, 5.0), (50.0, 5.0), (329.9, 5.0), (330.0, None)],
)
def test_a_value_is_seen_until_the_next_one_a_stale_mark_or_five_minutes_are_over(time: float, value: float | None) -> None:
    assert value == samples("3+1x1 stale 5 _").at(time, 10.0)


@pytest.mark.parametrize(
    ("text", "time", "value"),
    [
        ("0+4x3", 5.0, 2.0),
        ("0+4x3", 30.0, 12.0),
        ("0+4x3", 35.0, 12.0),
        ("0 8", 5.0, 0.0),
        ("8-4x2", 5.0, 8.0),
        ("_ 8", 5.0, None),
    ],
)
def test_what_grows_evenly_is_between_two_samples_of_a_line_between_their_values(
    text: str, time: float, value: float | None
) -> None:
    assert value == samples(text).at(time, 10.0, evenly=True)


@pytest.mark.parametrize(("evenly", "grown"), [(True, 60), (False, 120)])
def test_a_counter_that_is_scraped_a_millisecond_early_and_then_late_grew_by_one_step_and_not_by_two(
    evenly: bool, grown: int
) -> None:
    before, after = (samples("0+60x100").at(time, 15.0, evenly=evenly) for time in (14.999, 30.001))

    assert (type(before), type(after)) == (float, float)
    assert round(after - before) == grown  # type: ignore[operator]


def test_the_end_of_a_series_is_not_stale_at_once() -> None:
    made = samples("1 2")

    assert [made.at(time, 60.0) for time in (60.0, 359.0, 360.0, 1e6)] == [2.0, 2.0, None, None]


def test_a_scrape_at_the_very_instant_of_a_sample_sees_it() -> None:
    # 0.3 / 0.1 is a hair under 3.
    assert samples("0+1x10").at(0.3, 0.1) == 3.0


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("x", {"__name__": "x"}),
        ("x{}", {"__name__": "x"}),
        (' a:b { c = "d" , e=\'f"\', } ', {"__name__": "a:b", "c": "d", "e": 'f"'}),
        ('{"my.metric", "k.l"="m"}', {"__name__": "my.metric", "k.l": "m"}),
        (r'x{a="\"\\\n\u00e9\x41\101", b=`\n`, c="}"}', {"__name__": "x", "a": '"\\\néAA', "b": r"\n", "c": "}"}),
        ('x{a=""}', {"__name__": "x"}),
    ],
)
def test_a_series_is_its_labels(text: str, meant: Any) -> None:
    assert meant == labels(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is no series; write it like 'x' or 'x{a=\"b\"}'"),
        ("x{", "'x{' is no series; write it like 'x' or 'x{a=\"b\"}'"),
        ("x{a=b}", "'x{a=b}' has labels that cannot be read at 'a=b'; write them like 'a=\"b\"'"),
        ('x{a="b" c="d"}', '\'x{a="b" c="d"}\' has labels that cannot be read at \'a="b" c="d"\'; write them like \'a="b"\''),
        ('{a="b"}', "'{a=\"b\"}' has no name; write it like 'x{a=\"b\"}'"),
        ('x{a="1",a="2"}', "'x{a=\"1\",a=\"2\"}' has two labels 'a'; keep one of them"),
        (r'x{a="\q"}', r"""'"\\q"' has an escape that PromQL does not know: '\q'"""),
    ],
)
def test_what_is_no_series_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        labels(text)

    assert said == str(raised.value)
