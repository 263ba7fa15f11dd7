"""What a Prometheus knows of a target becomes an exposition of it."""

from __future__ import annotations

from pytest_obscheck.exporting import Known, exemplars, exposition, kinds


def plain(federated: str, names: set[str]) -> str:
    return exposition(federated, [], Known(frozenset(names)))


def test_an_exposition_loses_what_scraping_added() -> None:
    federated = """\
# TYPE http_requests_total untyped
http_requests_total{code="500",instance="a:1",job="api",path="a,job=\\"x\\"}",cluster="eu"} 5 1700000000000
up{instance="a:1",job="api"} 1 1700000000000
scrape_duration_seconds{instance="a:1",job="api"} 0.1 1700000000000
temperature{instance="a:1",job="api"} NaN 1700000000000
"""
    assert (
        plain(federated, {"instance", "job", "cluster"})
        == """\
# TYPE http_requests_total untyped
http_requests_total{code="500",path="a,job=\\"x\\"}"} 5
temperature NaN
"""
    )


def test_names_that_are_quoted_stay_so() -> None:
    federated = '{"queue.depth",job="mail","host.name"="a",instance="m:1"} 3 1700000000000\n{"only.name",job="mail"} 1\n'

    assert plain(federated, {"job", "host.name", "instance"}) == '{"queue.depth"} 3\n{"only.name"} 1\n'
    assert plain(federated, {"job"}).startswith('{"queue.depth","host.name"="a",instance="m:1"} 3\n')


FEDERATED = """\
# TYPE age untyped
age{instance="a:1",job="api"} 3 1700000000000
# TYPE asked_total untyped
asked_total{code="2",instance="a:1",job="api"} 5 1700000000000
# TYPE took_bucket untyped
took_bucket{instance="a:1",job="api",le="1.0"} 2 1700000000000
# TYPE took_count untyped
took_count{instance="a:1",job="api"} 3 1700000000000
"""
SEEN = [
    {
        "seriesLabels": {"__name__": "took_bucket", "instance": "a:1", "job": "api", "le": "1.0"},
        "exemplars": [
            {"labels": {"trace_id": "new"}, "value": "0.25", "timestamp": 1700000001.5},
            {"labels": {"trace_id": "old"}, "value": "0.5", "timestamp": 1700000000},
        ],
    },
    {
        "seriesLabels": {"__name__": "sizes", "instance": "a:1", "job": "api", "shop": "x"},
        "exemplars": [{"labels": {}, "value": "7", "timestamp": 1700000000}],
    },
]
QUERIED = [
    {"metric": {"__name__": "age", "instance": "a:1", "job": "api"}, "value": [1700000000, "3"]},
    {
        "metric": {"__name__": "sizes", "instance": "a:1", "job": "api", "shop": "x"},
        "histogram": [1700000000, {"count": "3", "sum": "9", "buckets": [[0, "1", "2", "1"], [0, "2", "4", "2"]]}],
    },
    {
        "metric": {"__name__": "custom", "instance": "a:1", "job": "api"},
        "histogram": [1700000000, {"count": "3", "sum": "9", "buckets": [[0, "1", "2.5", "1"], [0, "2.5", "5", "2"]]}],
    },
]


def test_types_exemplars_and_native_histograms_come_from_other_answers() -> None:
    told = kinds(
        {"asked_total": [{"type": "counter"}], "took": [{"type": "histogram"}], "age": [{"type": "unknown"}], "sizes": []}
    )
    known = Known(frozenset({"job", "instance"}), exemplars(SEEN, frozenset({"job", "instance"})), told)

    assert exposition(FEDERATED, QUERIED, known).splitlines() == [
        "# TYPE age untyped",
        "age 3",
        "# TYPE asked_total counter",
        'asked_total{code="2"} 5',
        "# TYPE took histogram",
        'took_bucket{le="1.0"} 2 # {trace_id="new"} 0.25',
        "took_count 3",
        "# TYPE sizes histogram",
        'sizes{shop="x"} {{schema:0 sum:9 count:3 buckets:[1 2] offset:1}} # {} 7',
    ]
