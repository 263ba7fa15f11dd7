"""The synthetic target as a process: it answers scrapes in story time, and says what it cannot do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.synthetic.scripts import LIKE

COUNTER = {"series": 'jobs_total{queue="a"}', "values": "5 0+1x100 stale", "type": "counter"}


def begin(target: Any, ago: float, speed: float = 1.0) -> int:
    """Let the story have begun that many seconds ago."""
    zero = SystemClock().now() - ago
    return int(target.control.put("/story", json={"zero": zero, "speed": speed}).status_code)


def counted(target: Any) -> int:
    """Return the whole minutes that the counter has counted: it grows between them, too."""
    return int(float(target.scrape().split()[-1]))


def test_until_the_story_begins_the_first_value_stays(target: Callable[..., Any]) -> None:
    assert target(COUNTER).scrape() == '# TYPE jobs_total counter\njobs_total{queue="a"} 5\n'


@pytest.mark.parametrize(
    ("ago", "speed", "own", "value"),
    [(90.0, 1.0, 1.0, 0), (30.0, 5.0, 1.0, 1), (30.0, 1.0, 5.0, 1), (30.0, 5.0, 3.0, 6), (-60.0, 1.0, 1.0, 5)],
)
def test_time_passes_at_the_speed_of_the_story_and_its_own(
    ago: float, speed: float, own: float, value: int, target: Callable[..., Any]
) -> None:
    started = target(COUNTER, speed=own)

    assert begin(started, ago, speed) == 204
    assert counted(started) == value


def test_time_stands_at_zero_until_a_story_that_was_announced_begins(target: Callable[..., Any]) -> None:
    started = target(COUNTER)
    begin(started, -60)

    assert started.control.get("/story").json()["time"] == 0


def test_a_stale_series_is_gone_from_the_scrape(target: Callable[..., Any]) -> None:
    started = target(COUNTER)
    begin(started, 102 * 60)

    assert (started.scrape(), started.http.get("/anything").status_code) == ("", 200)


def test_a_target_that_was_killed_goes_on_where_its_time_is(target: Callable[..., Any]) -> None:
    started = target(COUNTER)
    begin(started, 60 * 60)
    started.process.kill()
    started.process.wait()
    started.again()

    assert counted(started) == 59
    assert started.control.get("/story").json()["time"] == pytest.approx(3600, abs=30)


def test_a_script_counts_until_it_is_ended_or_another_story_begins(target: Callable[..., Any]) -> None:
    started = target(COUNTER)
    begin(started, 60 * 60)
    script = {"interval": 60, "series": [{"series": COUNTER["series"], "values": "0 0+0x100"}]}

    assert started.control.put("/scripts/k", json=script).status_code == 204
    assert started.control.get("/scripts/k").json() == {COUNTER["series"]: pytest.approx(59.5, abs=0.5)}
    assert counted(started) == 59
    assert started.control.delete("/scripts/k").status_code == 204
    assert started.control.get("/scripts/k").status_code == 404

    started.control.put("/scripts/k", json=script)
    begin(started, 70 * 60)

    assert started.control.get("/scripts/k").text == "no script 'k' is played\n"
    assert counted(started) == 69


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", "/ready", "", 200, "ready"),
        ("PUT", "/sotry", "{}", 404, "nothing answers PUT /sotry here; there are GET /ready, GET /story and PUT /story"),
        ("PUT", "/scripts/k", "{}", 400, f"script: it has no interval; {LIKE}"),
        (
            "PUT",
            "/story",
            '{"zero": 1}',
            400,
            'b\'{"zero": 1}\' is no beginning (\'speed\'); write it like {"zero": 1700000000.0, "speed": 1}',
        ),
        (
            "PUT",
            "/story",
            '{"zero": 1, "speed": 0}',
            400,
            "a story cannot begin at 1.0 with speed 0.0; both are numbers, and speed is above 0",
        ),
    ],
)
def test_control_says_what_it_cannot_do(
    method: str, path: str, body: str, status: int, said: str, target: Callable[..., Any]
) -> None:
    answer = target(COUNTER).control.request(method, path, content=body)

    assert (answer.status_code, answer.text.strip()) == (status, said)


def test_a_target_is_only_asked(target: Callable[..., Any]) -> None:
    answer = target(COUNTER).http.post("/metrics")

    assert (answer.status_code, answer.text) == (405, "POST is not what a target is asked; write GET\n")


def test_a_configuration_that_cannot_be_read_is_one_sentence(beginner: Any, tmp_path: Any) -> None:
    process = beginner.launch("synthetic", '{"series": []}')
    _, said = process.communicate(timeout=20)

    assert (process.returncode, said) == (2, f"{tmp_path}/synthetic.json: is not what the component writes ('listen')\n")


def test_without_a_configuration_it_says_how_it_is_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest_obscheck.synthetic"], check=False, capture_output=True, text=True, timeout=20
    )

    assert (done.returncode, done.stderr) == (2, "usage: python -m pytest_obscheck.synthetic CONFIG.json\n")


def test_a_scrape_has_the_value_of_the_moment_at_which_it_was_asked_for(target: Callable[..., Any]) -> None:
    started, clock = target({"series": "passed", "values": "0+1x100000"}, interval=1.0), SystemClock()
    begin(started, 0.0, speed=1000.0)
    zero = started.control.get("/story").json()["begun"]["zero"]
    os.kill(started.process.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as hands:
        asked = clock.now()
        scrape = hands.submit(started.scrape)
        until(clock, lambda: clock.now() > asked + 0.2, 5)
        os.kill(started.process.pid, signal.SIGCONT)
        value = float(scrape.result().split()[-1])

    assert (asked - zero) * 1000 - 1 <= value < (asked - zero + 0.15) * 1000


@pytest.mark.parametrize(("header", "value"), [("t=SINCE", "7"), ("t=soon", "40"), ("t=1.5", "40"), ("t=9999999999.0", "40")])
def test_a_proxy_may_say_when_a_scrape_was_asked_for(header: str, value: str, target: Callable[..., Any]) -> None:
    started, zero = target({"series": "passed", "values": "0+1x100"}, interval=1.0), SystemClock().now() - 4
    started.control.put("/story", json={"zero": zero, "speed": 10})
    since = f"{zero + 0.75:.3f}"

    text = started.http.get("/metrics", headers={"x-request-start": header.replace("SINCE", since)}).text

    assert float(text.split()[-1]) == pytest.approx(float(value), abs=0.5 if value == "7" else 10)
