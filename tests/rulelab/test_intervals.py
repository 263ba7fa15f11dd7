"""What Alertmanager's time intervals mute at an instant, said offline; and by the real Alertmanager, at the present one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_obscheck.cli import main
from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.rulelab.intervals import holds

MONDAY = datetime(2026, 1, 5, 3, 57, tzinfo=UTC)
CONFIG = """\
route:
  receiver: all
  routes:
  - {receiver: night, matchers: ['a="1"'], mute_time_intervals: [nights]}
  - {receiver: office, matchers: ['a="2"'], active_time_intervals: [office]}
  - {receiver: both, matchers: ['a="3"'], mute_time_intervals: [holidays], active_time_intervals: [nights, office]}
receivers: [{name: all}, {name: night}, {name: office}, {name: both}]
time_intervals:
- {name: nights, time_intervals: [{times: [{start_time: 22:00, end_time: 24:00}, {start_time: 00:00, end_time: 06:00}]}]}
- name: office
  time_intervals: [{weekdays: ['monday:friday'], times: [{start_time: '09:00', end_time: '17:00'}], location: Europe/Berlin}]
- {name: holidays, time_intervals: [{months: [december], days_of_month: ['24:26']}]}
"""


@pytest.mark.parametrize(
    ("interval", "inside"),
    [
        ({"times": [{"start_time": "03:57", "end_time": "03:58"}]}, True),
        ({"times": [{"start_time": "03:00", "end_time": "03:57"}]}, False),
        ({"times": [{"start_time": "05:00", "end_time": "06:00"}], "location": "Europe/Helsinki"}, True),
        ({"weekdays": ["tuesday:friday", "monday"]}, True),
        ({"weekdays": ["saturday"]}, False),
        ({"days_of_month": ["-27"]}, True),
        ({"days_of_month": ["6:-1"]}, False),
        ({"months": ["november:december", "1:2"]}, True),
        ({"years": ["2024:2025"]}, False),
        ({"years": ["2026"], "months": ["may"]}, False),
        ({}, True),
    ],
)
def test_an_interval_holds_in_one_range_of_every_field_that_it_has(interval: dict[str, Any], inside: bool) -> None:
    assert holds(interval, MONDAY) is inside


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (
            "2026-01-05T03:57:00Z",
            [
                "am.yml:4: night is muted by nights",
                "am.yml:5: office is muted outside office",
                "am.yml:6: both is notified, for it is in nights",
            ],
        ),
        (
            "2026-12-24T08:30:00Z",
            [
                "am.yml:4: night is notified, for it is not in nights",
                "am.yml:5: office is notified, for it is in office",
                "am.yml:6: both is muted by holidays",
            ],
        ),
    ],
)
def test_every_route_with_intervals_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], at: str, told: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("am.yml").write_text(CONFIG)

    assert main(["intervals", "am.yml", "--at", at]) == 0
    assert capsys.readouterr().out.splitlines() == told


@pytest.mark.parametrize(
    ("at", "old", "new", "told"),
    [
        ("noon", "", "", "--at: 'noon' is not an instant; write it like 2026-01-05T03:00:00Z\n"),
        (MONDAY.isoformat(), "[nights]}", "[night]}", "am.yml:4: no time interval 'night'; did you mean 'nights'?\n"),
        (
            MONDAY.isoformat(),
            "Europe/Berlin",
            "Berlin",
            "location: no time zone 'Berlin' is known here; write it like Europe/Berlin\n",
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    at: str,
    old: str,
    new: str,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("am.yml").write_text(CONFIG.replace(old, new, 1))

    assert main(["intervals", "am.yml", "--at", at]) == 2
    assert capsys.readouterr().err == told


def around(now: datetime) -> list[dict[str, Any]]:
    """Return intervals in and outside of which the present moment is, none of which begins or ends within the hour."""
    day, other = (each.strftime("%A").lower() for each in (now, now + timedelta(days=2)))
    month, days = now.strftime("%B").lower(), ["-31:-1"]
    return [
        {"weekdays": [day]},
        {"weekdays": [other]},
        {"months": [month], "days_of_month": days},
        {"months": [str(now.month)], "years": [str(now.year + 1)]},
        {"days_of_month": [str(now.day)], "location": "Etc/UTC"},
        {"days_of_month": [str(now.day % 28 + 1)]},
        {"times": [{"start_time": "00:00", "end_time": "24:00"}]},
    ]


@contextmanager
def alertmanager(program: Path, folder: Path, config: dict[str, Any]) -> Iterator[str]:
    """Run one, and give its URL."""
    (folder / "am.yml").write_text(json.dumps(config))
    argv = [str(program), f"--config.file={folder}/am.yml", f"--storage.path={folder}", "--cluster.listen-address="]
    log = folder / "log"
    with log.open("wb") as file, subprocess.Popen([*argv, "--web.listen-address=127.0.0.1:0"], stderr=file) as process:
        try:
            assert until(SystemClock(), lambda: "Listening on" in log.read_text(), 20)
            line = next(line for line in log.read_text().splitlines() if "Listening on" in line)
            yield "http://127.0.0.1:" + line.partition("127.0.0.1:")[2].split()[0].strip('"')
        finally:
            process.terminate()


@pytest.mark.integration
def test_the_real_alertmanager_mutes_the_same_now(tmp_path: Path, obs_program: Callable[[str], Path]) -> None:
    now = datetime.fromtimestamp(SystemClock().now(), UTC)
    intervals = around(now)
    routes = [
        {"receiver": "all", "matchers": [f'n="{n}"'], "group_by": ["n"], "mute_time_intervals": [str(n)]}
        for n in range(len(intervals))
    ]
    named = [{"name": str(n), "time_intervals": [each]} for n, each in enumerate(intervals)]
    route = {"receiver": "all", "group_wait": "10ms", "routes": routes}
    alerts = [{"labels": {"alertname": "A", "n": str(n)}} for n in range(len(intervals))]

    with alertmanager(
        obs_program("alertmanager"), tmp_path, {"route": route, "receivers": [{"name": "all"}], "time_intervals": named}
    ) as url:
        httpx.post(f"{url}/api/v2/alerts", json=alerts, trust_env=False).raise_for_status()

        def muted() -> dict[str, bool]:
            groups = httpx.get(f"{url}/api/v2/alerts/groups", trust_env=False).json()
            return {each["labels"]["n"]: bool(each["status"]["mutedBy"]) for group in groups for each in group["alerts"]}

        wanted = {str(n): holds(each, now) for n, each in enumerate(intervals)}
        until(SystemClock(), lambda: muted() == wanted, 5)

        assert muted() == wanted
