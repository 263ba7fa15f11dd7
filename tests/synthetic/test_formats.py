"""A scrape in the formats that have more than classic text, and which of them a scrape gets."""

from __future__ import annotations

import pytest

from pytest_obscheck.synthetic.details import Moment, created, exemplar
from pytest_obscheck.synthetic.exposition import Page, Written, page
from pytest_obscheck.synthetic.families import delimited
from pytest_obscheck.synthetic.histogram import Histogram
from pytest_obscheck.synthetic.notation import labels, samples
from pytest_obscheck.synthetic.openmetrics import text
from pytest_obscheck.synthetic.protobuf import native, zigzag
from pytest_obscheck.synthetic.target import OPENMETRICS, PROTOBUF, TEXT, chosen

NATIVE = "{{schema:1 sum:5 count:3 buckets:[1 2]}}"
ACCEPT = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
MOMENT = Moment(90.0, lambda time: 1700000000 + time)
BEFORE = Moment(0.0, lambda _: None)


def written(series: str, values: str, kind: str = "", seen: str = "", began: str = "") -> Written:
    details = (exemplar(seen) if seen else None, created(began) if began else None)
    return Written(labels(series), samples(values), kind, *details)


SHOP = (
    written('jobs_total{queue="a"}', "5", "counter", '{trace_id="x"} 0.5', "30s"),
    written('took_bucket{le="1"}', "1", "histogram", "{} 0.25 1700000000.5"),
    written("users", "7", "gauge"),
    written('jobs_total{queue="b"}', "6", "counter", began="1600000000"),
    written('took_bucket{le="+Inf"}', "2", "histogram"),
    written("took_sum", "3", "histogram"),
    written("took_count", "2", "histogram", began="2m"),
    written("age", "1", "untyped"),
)


def shown(*series: Written, moment: Moment = MOMENT) -> str:
    made = page(series, 60.0)
    return text(made, lambda each: each.written.samples.at(moment.time, 60.0), moment).decode()


def test_openmetrics_has_exemplars_and_when_a_metric_was_created_behind_its_own_lines() -> None:
    assert shown(*SHOP).splitlines() == [
        "# TYPE jobs counter",
        'jobs_total{queue="a"} 5 # {trace_id="x"} 0.5 1700000060.000',
        'jobs_created{queue="a"} 1700000030.000',
        'jobs_total{queue="b"} 6',
        'jobs_created{queue="b"} 1600000000.000',
        "# TYPE took histogram",
        'took_bucket{le="1"} 1 # {} 0.25 1700000000.500',
        'took_bucket{le="+Inf"} 2',
        "took_sum 3",
        "took_count 2",
        "# TYPE users gauge",
        "users 7",
        "# TYPE age unknown",
        "age 1",
        "# EOF",
    ]


def test_before_the_story_nothing_is_dated() -> None:
    assert shown(SHOP[0], moment=BEFORE) == '# TYPE jobs counter\njobs_total{queue="a"} 5 # {trace_id="x"} 0.5\n# EOF\n'


def test_text_shows_of_a_native_histogram_what_client_libraries_do() -> None:
    one = written('took{a="b"}', NATIVE, seen='{trace_id="x"} 0.5')
    lines = ["# TYPE took histogram", 'took_bucket{a="b",le="+Inf"} 3', 'took_sum{a="b"} 5', 'took_count{a="b"} 3']

    assert page([one], 60.0).at(90).decode().splitlines() == lines
    assert shown(one).splitlines()[1] == f'{lines[1]} # {{trace_id="x"}} 0.5 1700000060.000'


def test_classic_series_of_their_own_are_not_shown_twice() -> None:
    both = [written("took", NATIVE, "histogram"), written("took_count", "7", "histogram")]

    assert page(both, 60.0).at(0) == b"# TYPE took histogram\ntook_count 7\n"


def test_a_family_of_protobuf_is_as_long_as_it_says() -> None:
    made = delimited(page([written('x{a="b"}', "1", "gauge")], 60.0), lambda _: 1.5, MOMENT)

    # name: "x", type: GAUGE, metric { label { name: "a" value: "b" } gauge { value: 1.5 } }
    assert made.hex(" ") == "1a 0a 01 78 18 01 22 13 0a 06 0a 01 61 12 01 62 12 09 09 00 00 00 00 00 00 f8 3f"


def test_buckets_of_protobuf_are_spans_with_gaps_between_them() -> None:
    made = native(Histogram(0, 1.0, 6.0, positive={-2: 1.0, -1: 2.0, 3: 3.0, 5: 0.0})).hex()

    # positive_span {offset: -2, length: 2}, {offset: 3, length: 1}, positive_count: 1, 2, 3
    assert "6204080310026204080610017218" in made
    assert [zigzag(number) for number in (0, -1, 1, -2)] == [0, 1, 2, 3]


def test_a_histogram_that_lacks_a_part_is_exposed_series_by_series() -> None:
    def names(*parts: str) -> set[bytes]:
        series = [written(part, "1", "histogram") for part in parts]
        made = delimited(page(series, 60.0), lambda _: 1.0, MOMENT)
        return {name for name in (b"took_bucket", b"took_sum", b"took_count") if name in made}

    parts = ['took_bucket{le="1"}', 'took_bucket{le="+Inf"}', "took_sum", "took_count"]

    assert names(*parts) == set()
    assert names(*parts[:3]) == {b"took_bucket", b"took_sum"}
    assert names(*parts[2:]) == {b"took_sum", b"took_count"}


def made_of(*series: Written) -> Page:
    return page(series, 60.0)


@pytest.mark.parametrize(
    ("made", "accept", "format_"),
    [
        (made_of(written("x", NATIVE)), ACCEPT, PROTOBUF),
        (made_of(written("x", NATIVE)), ACCEPT.partition(",")[2], TEXT),
        (made_of(written("x", NATIVE), SHOP[0]), ACCEPT.partition(",")[2], OPENMETRICS),
        (made_of(written("x", NATIVE)), ACCEPT.replace("delimited", "text"), TEXT),
        (made_of(SHOP[0]), ACCEPT, OPENMETRICS),
        (made_of(SHOP[0]), "text/plain, application/openmetrics-text;q=0.5", TEXT),
        (made_of(SHOP[0]), "", TEXT),
        (made_of(SHOP[0]), "application/openmetrics-text;q=much", TEXT),
        (made_of(SHOP[2]), ACCEPT, TEXT),
    ],
)
def test_a_scrape_gets_the_format_that_it_wants_most_of_those_that_the_page_needs(
    made: Page, accept: str, format_: str
) -> None:
    assert chosen(accept, made) == format_


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("0.43", "'0.43' is no exemplar; write it like '{trace_id=\"4bf92f\"} 0.43'"),
        ('{trace_id="x"} soon', "'{trace_id=\"x\"} soon' is no exemplar; write it like '{trace_id=\"4bf92f\"} 0.43'"),
        (
            f'{{a="{"b" * 128}"}} 1',
            f"'{{a=\"{'b' * 128}\"}} 1' has labels of 129 characters; an exemplar's may have 128 in all",
        ),
    ],
)
def test_what_is_no_exemplar_is_refused(wrong: str, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        exemplar(wrong)

    assert str(raised.value) == said
