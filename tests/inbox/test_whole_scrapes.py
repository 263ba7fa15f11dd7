"""What is done to whole scrapes: other timestamps, cut and garbled texts, and answers that are late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.inbox.samples import ERROR_PAGE, Alterations, altered, parse

NOW = 1_700_000_000.0
TEXT = b"""# TYPE a gauge
a{b="c"} 100
a{b="d"}  200 1600000000000
jobs_total 50
"""
OPEN_METRICS = b"""# TYPE jobs counter
jobs_total{queue="a"} 3 1600000000.5 # {trace_id="x"} 1 1600000000.4
jobs_total{queue="b"} 4 # {trace_id="y"} 1
# EOF
"""


def one(**rule: object) -> Alterations:
    alterations = Alterations()
    alterations.put("k", rule)
    return alterations


def scrape(alterations: Alterations, text: bytes = TEXT) -> bytes:
    return altered(text, alterations.of("node-1:9100"), NOW)


def test_every_sample_gets_a_timestamp_of_another_time() -> None:
    alterations = one(action="skew", value=-300)

    assert scrape(alterations).decode() == (
        "# TYPE a gauge\n"
        'a{b="c"} 100 1699999700000\n'
        'a{b="d"}  200 1599999700000\n'
        "jobs_total 50 1699999700000\n"
    )  # fmt: skip
    assert alterations.told("k") == {"scrapes": 1, "samples": 3, "seen": []}


def test_openmetrics_counts_seconds_and_keeps_its_exemplars() -> None:
    assert scrape(one(action="skew", value=0.25), OPEN_METRICS).decode() == (
        "# TYPE jobs counter\n"
        'jobs_total{queue="a"} 3 1600000000.750 # {trace_id="x"} 1 1600000000.4\n'
        'jobs_total{queue="b"} 4 1700000000.250 # {trace_id="y"} 1\n'
        "# EOF\n"
    )


def test_only_samples_that_match_are_skewed() -> None:
    skewed = scrape(one(action="skew", series='a{b="c"}', value=1))

    assert skewed == TEXT.replace(b'"c"} 100', b'"c"} 100 1700000001000')


def test_a_text_is_cut_within_a_series_and_never_within_a_value() -> None:
    cuts = [scrape(one(action="cut"), TEXT[:start] + TEXT) for start in (0, 15, 28)]

    assert scrape(one(action="cut")) == b'# TYPE a gauge\na{b="c"} 100\na{b="d"}  200 1600000000000\njobs_'
    assert [each.split(b"\n")[-1] for each in cuts] == [b"jobs_", b'a{b="d"}'[:4], b'a{b="d"}'[:4]]


@pytest.mark.parametrize("text", [b"", b"# HELP a nothing yet\n"])
def test_where_there_is_no_sample_to_cut_an_error_page_comes(text: bytes) -> None:
    assert scrape(one(action="cut"), text) == ERROR_PAGE


def test_a_garbled_text_is_an_error_page() -> None:
    assert (scrape(one(action="garble")), scrape(one(action="garble", target="b:1"))) == (ERROR_PAGE, TEXT)


def test_a_delay_leaves_the_text_alone_and_ends_with_its_rule() -> None:
    alterations = one(action="delay", value=3600, target="node-1:9100")

    async def story() -> None:
        waiting = asyncio.create_task(alterations.delay("node-1:9100"))
        await alterations.delay("node-2:9100")
        await asyncio.sleep(0)
        assert (alterations.told("k"), waiting.done()) == ({"scrapes": 1, "samples": 0, "seen": []}, False)
        alterations.remove("k")
        await asyncio.wait_for(waiting, 2)

    asyncio.run(story())

    assert scrape(one(action="delay", value=1)) == TEXT


def test_a_rule_that_takes_the_place_of_another_ends_its_delay() -> None:
    alterations = one(action="delay", value=3600)

    async def story() -> None:
        waiting = asyncio.create_task(alterations.delay("node-1:9100"))
        await asyncio.sleep(0)
        alterations.put("k", {"action": "delay", "value": 0.001})
        await asyncio.wait_for(waiting, 2)
        await alterations.delay("node-1:9100")

    asyncio.run(story())

    assert alterations.told("k") == {"scrapes": 1, "samples": 1, "seen": []}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"action": "skew"}, "alteration: skew needs 'value', a number; it has None"),
        ({"action": "delay", "value": "1s"}, "alteration: delay needs 'value', a number; it has '1s'"),
        (
            {"action": "skew", "value": 1, "series": "a[5m]"},
            "alteration: series 'a[5m]' is not an instant selector (it may hold a name and matchers only)",
        ),
        ({"action": "garbel"}, "alteration: no action called 'garbel'; did you mean 'garble'?"),
    ],
)
def test_what_cannot_be_done_to_scrapes_is_refused(rule: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(rule)

    assert said in str(caught.value)


@dataclass
class Target:
    """A target that counts its scrapes."""

    scrapes: int = 0

    def server(self) -> ThreadingHTTPServer:
        target = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                target.scrapes += 1
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(TEXT)

            def log_message(self, *_: object) -> None:
                return

        return ThreadingHTTPServer(("127.0.0.1", 0), Answer)


@pytest.fixture
def target() -> Iterator[tuple[Target, str]]:
    """A target, and the address at which it answers."""
    counting = Target()
    server = counting.server()
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield counting, f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_delayed_scrape_does_not_reach_the_target_before_its_time(
    inbox: Callable[..., Any], target: tuple[Target, str]
) -> None:
    counting, address = target
    started = inbox({"node-1:9100": address})
    started.client.alter("late", {"action": "delay", "value": 3600, "target": "node-1:9100"})

    with httpx.Client(proxy=f"http://{started.listen['proxy']}", trust_env=False, timeout=0.3) as http:
        with pytest.raises(httpx.ReadTimeout):
            http.get("http://node-1:9100/metrics")
        told = started.client.altered("late")
        started.client.restore("late")
        answer = http.get("http://node-1:9100/metrics", timeout=10)

    assert told == {"scrapes": 1, "samples": 0, "seen": []}
    assert (answer.content, counting.scrapes) == (TEXT, 1)
    assert started.client.scrapes()["node-1:9100"]["aborted"] == 1


@pytest.mark.parametrize(
    ("action", "body"),
    [("cut", b'# TYPE a gauge\na{b="c"} 100\na{b="d"}  200 1600000000000\njobs_'), ("garble", ERROR_PAGE)],
)
def test_a_spoilt_scrape_comes_as_a_whole_answer(
    action: str, body: bytes, inbox: Callable[..., Any], target: tuple[Target, str]
) -> None:
    started = inbox({"node-1:9100": target[1]})
    started.client.alter("spoilt", {"action": action, "target": "node-1:9100"})

    with httpx.Client(proxy=f"http://{started.listen['proxy']}", trust_env=False, timeout=10) as http:
        answer = http.get("http://node-1:9100/metrics")

    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, body, str(len(body)))
