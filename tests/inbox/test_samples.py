from __future__ import annotations

from typing import Any

import pytest

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.inbox.samples import Alterations, altered, parse

TEXT = b"""# HELP disk_avail_bytes Free.
# TYPE disk_avail_bytes gauge
disk_avail_bytes{mountpoint="/"} 100 1700000000
disk_avail_bytes{mountpoint="/var"}  200
# TYPE jobs_total counter
jobs_total 50
# EOF
"""
ROOT = 'disk_avail_bytes{mountpoint="/"}'


def scrape(alterations: Alterations, text: bytes = TEXT, at: float = 0.0, host: str = "node-1:9100") -> bytes:
    return altered(text, alterations.of(host), at)


def one(**rule: Any) -> Alterations:
    alterations = Alterations()
    alterations.put("k", rule)
    return alterations


@pytest.mark.parametrize(
    ("series", "was", "becomes"),
    [
        (ROOT, b'"/"} 100 1700000000', b'"/"} 7 1700000000'),
        ('disk_avail_bytes{mountpoint!="/"}', b"  200", b"  7"),
        ('disk_avail_bytes{mountpoint=~"/v.*"}', b"  200", b"  7"),
        ('disk_avail_bytes{mountpoint!~"/v.*", job=""}', b'"/"} 100', b'"/"} 7'),
        ('{__name__=~"jobs_.*"}', b"jobs_total 50", b"jobs_total 7"),
    ],
)
def test_only_the_samples_that_match_are_set(series: str, was: bytes, becomes: bytes) -> None:
    alterations = one(series=series, action="set", value=7)

    assert scrape(alterations) == TEXT.replace(was, becomes)
    assert alterations.told("k") == {"scrapes": 1, "samples": 1, "seen": []}


def test_a_scale_multiplies() -> None:
    assert scrape(one(series="jobs_total", action="scale", value=0.5)) == TEXT.replace(b"total 50", b"total 25")


def test_a_drop_removes_the_lines() -> None:
    dropped = scrape(one(series="disk_avail_bytes", action="drop"))

    assert dropped == b"".join(line for line in TEXT.splitlines(keepends=True) if not line.startswith(b"disk"))


def test_a_freeze_repeats_the_text_that_each_series_had_first() -> None:
    alterations = one(series="disk_avail_bytes", action="freeze")
    scrape(alterations, TEXT.replace(b" 100 ", b" 1e2 "))

    assert scrape(alterations, TEXT.replace(b" 100 ", b" 99 ").replace(b"200", b"300")) == TEXT.replace(b" 100 ", b" 1e2 ")


def test_a_reset_counter_starts_again_at_zero_and_survives_a_real_reset() -> None:
    alterations = one(series="jobs_total", action="reset")

    values = [scrape(alterations, b"jobs_total %d\n" % value) for value in (50, 58, 3)]
    assert values == [b"jobs_total 0\n", b"jobs_total 8\n", b"jobs_total 3\n"]


def test_a_ramp_runs_from_the_first_value_to_its_end_and_stays() -> None:
    alterations = one(series="jobs_total", action="ramp", value=0, over=10)

    values = [scrape(alterations, b"jobs_total 50\n", at) for at in (100.0, 102.5, 110.0, 999.0)]
    assert values == [b"jobs_total 50\n", b"jobs_total 37.5\n", b"jobs_total 0\n", b"jobs_total 0\n"]


def test_only_the_target_is_altered() -> None:
    alterations = one(series="jobs_total", target="Node-1:9100", action="set", value=7)

    assert scrape(alterations, host="node-2:9100") == TEXT
    assert scrape(alterations, host="node-1:9100") == TEXT.replace(b"total 50", b"total 7")


def test_rules_apply_in_the_order_in_which_they_came_until_they_are_ended() -> None:
    alterations = one(series="jobs_total", action="set", value=4)
    alterations.put("half", {"series": "jobs_total", "action": "scale", "value": 0.5})
    both = scrape(alterations)
    alterations.remove("half")
    alterations.remove("half")

    assert (both, scrape(alterations)) == (TEXT.replace(b"total 50", b"total 2"), TEXT.replace(b"total 50", b"total 4"))


@pytest.mark.parametrize(
    ("series", "seen"),
    [
        ('disk_avail_bytes{mountpoint="/va"}', ['disk_avail_bytes{mountpoint="/var"}', 'disk_avail_bytes{mountpoint="/"}']),
        ("disk_avail", ['disk_avail_bytes{mountpoint="/"}', 'disk_avail_bytes{mountpoint="/var"}']),
        ("job_total", ["jobs_total"]),
    ],
)
def test_where_nothing_matched_the_nearest_series_are_named(series: str, seen: list[str]) -> None:
    alterations = one(series=series, action="drop")

    assert scrape(alterations) == TEXT
    assert alterations.told("k") == {"scrapes": 1, "samples": 0, "seen": seen}


def test_an_unknown_key_tells_nothing() -> None:
    assert Alterations().told("k") is None


def test_every_mistake_of_a_rule_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"serie": "x", "series": "up[5m]", "action": "ramp", "over": "1m", "target": 3})

    assert str(caught.value).split("\n") == [
        "alteration: no field called 'serie'; did you mean 'series'?",
        (
            "alteration: series 'up[5m]' is not an instant selector (it may hold a name and matchers only); "
            "write it like 'up{job=\"api\"}'"
        ),
        "alteration: ramp needs 'value', a number; it has None",
        "alteration: ramp needs 'over', a number; it has '1m'",
        "alteration: target 3 is not a host:port",
    ]


def test_an_unknown_action_is_named_with_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigError) as caught:
        parse({"series": "up", "action": "frieze"})

    assert str(caught.value) == "alteration: no action called 'frieze'; did you mean 'freeze'?"
