"""The synthetic component: what it launches, what it refuses, and how it is told that a story begins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.capabilities import FollowsStory, PlaysSeries
from pytest_obscheck.components.synthetic import Synthetic, SyntheticClient
from pytest_obscheck.errors import ConfigError, LookFailed
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Network, Place

SERIES = {"series": 'kube_pod_status_ready{pod="a"}', "values": "1x10 0x20 1x100"}


def place() -> Place:
    def never(_: Any) -> Any:
        raise AssertionError("it has no file of the user's")

    addresses = {"http": "127.0.0.1:1", "control": "127.0.0.1:2"}
    return Place("kube", Path("/run/kube"), Path("/home"), addresses, Network(), never, never)


def asking(transport: httpx.MockTransport) -> SyntheticClient:
    """Return a client whose two ports are answered by one transport."""
    both = httpx.Client(base_url="http://kube", transport=transport)
    return SyntheticClient("kube", both, both)


def client(status: int, text: str = "") -> SyntheticClient:
    transport = httpx.MockTransport(lambda _: httpx.Response(status, text=text))
    return asking(transport)


def test_it_is_launched_with_its_series_as_written() -> None:
    launch = Synthetic((SERIES,), interval="1s", speed=2.0).launch(place())

    assert (launch.argv, launch.folder) == (("python", "-m", "pytest_obscheck.synthetic", "synthetic.json"), Path("/run/kube"))
    assert json.loads(launch.files["synthetic.json"]) == {
        "listen": {"http": "127.0.0.1:1", "control": "127.0.0.1:2"},
        "interval": 1.0,
        "speed": 2.0,
        "story": "data/story.json",
        "series": [SERIES],
    }


def test_series_that_can_be_exposed_are_no_problem() -> None:
    assert Synthetic((SERIES,)).facts(place()) == Facts()


def test_what_is_there_for_who_asks_for_it_is_offered_with_the_way_to_ask() -> None:
    series = {"series": "took", "values": "1x3 {{count:1 sum:1}}", "exemplar": '{a="b"} 1', "created": "1m"}

    assert [(what, str(told)) for what, told in Synthetic((SERIES, series)).facts(place()).offers] == [
        (
            "native histograms",
            (
                "kube: it exposes native histograms, which no Prometheus here asks for;"
                " write `scrape_native_histograms: true` into prometheus.yml"
            ),
        ),
        (
            "exemplars",
            (
                "kube: it exposes exemplars, which no Prometheus here asks for;"
                " add `--enable-feature=exemplar-storage` to its args"
            ),
        ),
        (
            "created timestamps",
            (
                "kube: it exposes created timestamps, which no Prometheus here asks for;"
                " add `--enable-feature=created-timestamp-zero-ingestion` to its args"
            ),
        ),
    ]


def test_every_series_that_cannot_be_exposed_is_named() -> None:
    wrong = Synthetic(
        (
            SERIES,
            {"series": "x{a=b}", "values": "1y3", "typ": "gauge"},
            {"values": "{{schema:9}}", "series": "x"},
            {"series": 'kube_pod_status_ready{ pod = "a" }', "values": "1", "type": "guage"},
            {"series": "up", "values": "0", "exemplar": '{a="b"} 1', "created": "1m"},
            {"series": "y_total", "values": "0", "exemplar": 'a="b" 1', "created": "yesterday", "type": "counter"},
            {"series": "scrape_samples_scraped"},
        )
    )

    with pytest.raises(ConfigError) as raised:
        wrong.facts(place())

    like = "write it like '5', '1x10', '0+10x100', '-1.5', '_', '_x3' or 'stale'"
    assert str(raised.value).splitlines() == [
        "kube: series 2: it has no field 'typ'; did you mean 'type'?",
        "kube: series 2: series: 'x{a=b}' has labels that cannot be read at 'a=b'; write them like 'a=\"b\"'",
        f"kube: series 2: values: '1y3' is no sample; {like}",
        "kube: series 3: values: '{{schema:9}}' has a schema that there is not; it is from -4 to 8",
        "kube: series 4: no type 'guage'; did you mean 'gauge'?",
        "kube: series 4: 'kube_pod_status_ready{ pod = \"a\" }' is written twice, first as series 1; keep one of them",
        (
            "kube: series 5: exemplar: only a counter, a bucket of a histogram and a native histogram can have one;"
            " give it its type"
        ),
        "kube: series 5: created: only a counter, a histogram and a summary can say it; give it its type",
        "kube: series 5: 'up' is made by Prometheus itself; break the target instead, with a fault such as kill",
        "kube: series 6: exemplar: 'a=\"b\" 1' is no exemplar; write it like '{trace_id=\"4bf92f\"} 0.43'",
        "kube: series 6: created: 'yesterday' is not a duration; write it like '800ms', '10s' or '1m30s'",
        "kube: series 7: it needs 'values'; write it like {series: 'x{a=\"b\"}', values: '0x10 1x100'}",
        (
            "kube: series 7: 'scrape_samples_scraped' is made by Prometheus itself;"
            " break the target instead, with a fault such as kill"
        ),
    ]


def test_no_series_at_all_are_refused() -> None:
    with pytest.raises(ConfigError) as raised:
        Synthetic(()).facts(place())

    assert str(raised.value) == "kube: there are no series; write them like [{series: 'x{a=\"b\"}', values: '0x10 1x100'}]"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"interval": "0s"}, "interval: '0s' is no time; write it like '1m'"),
        ({"interval": "soon"}, "'soon' is not a duration; write it like '800ms', '10s' or '1m30s'"),
        ({"speed": 0.0}, "speed: 0.0 is not above 0; write it like 60"),
        ({"speed": float("nan")}, "speed: nan is not above 0; write it like 60"),
    ],
)
def test_a_time_that_does_not_pass_is_refused(fields: Any, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        Synthetic((SERIES,), **fields)

    assert str(raised.value) == said


def test_its_client_follows_the_story() -> None:
    told: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        told.append((request.method, request.url.path, json.loads(request.content)))
        return httpx.Response(204)

    asked = asking(httpx.MockTransport(answer))
    asked.begin(7.5, 60.0)

    assert isinstance(asked, FollowsStory)
    assert told == [("PUT", "/story", {"zero": 7.5, "speed": 60.0})]


def test_a_target_that_cannot_be_told_is_a_look_that_failed() -> None:
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    silent = asking(httpx.MockTransport(gone))
    with pytest.raises(LookFailed) as silence:
        silent.begin(0.0, 1.0)
    with pytest.raises(LookFailed) as refusal:
        client(400, "speed is above 0\n").begin(0.0, 0.0)

    assert str(silence.value) == "kube: it cannot be told that the story begins (refused)"
    assert str(refusal.value) == "kube: it does not begin its story: speed is above 0"


def test_it_is_ready_when_it_says_so() -> None:
    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    silent = asking(httpx.MockTransport(gone))

    assert (client(200).ready(), client(500).ready(), silent.ready()) == (True, False, False)


def test_its_client_plays_scripts_and_reads_what_a_scrape_gets() -> None:
    told: list[Any] = []

    def answer(request: httpx.Request) -> httpx.Response:
        told.append((request.method, request.url.path))
        text = '# TYPE x gauge\nx{a="b c"} 5\n' if request.url.path == "/metrics" else '{"x": null}'
        return httpx.Response(200, text=text)

    asked = asking(httpx.MockTransport(answer))
    asked.play("k", {"interval": 1, "series": []})
    asked.stop("k")

    assert isinstance(asked, PlaysSeries)
    assert (asked.playing("k"), asked.exposed()) == ({"x": None}, {'x{a="b c"}': "5"})
    assert told == [("PUT", "/scripts/k"), ("DELETE", "/scripts/k"), ("GET", "/scripts/k"), ("GET", "/metrics")]


def test_a_script_that_is_refused_is_a_look_that_failed_with_the_reason() -> None:
    with pytest.raises(LookFailed) as refusal:
        client(400, "script: it has no interval; write one\n").play("k", {})

    assert str(refusal.value) == "kube: script: it has no interval; write one"
    assert client(404).playing("k") is None
