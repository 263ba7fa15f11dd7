"""Scripts in place of a target's own series: counters go on from where they are, gauges jump there and back."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.synthetic.exposition import Written, page
from pytest_obscheck.synthetic.notation import labels, samples
from pytest_obscheck.synthetic.scripts import LIKE, Scripts

SAMPLE = "write it like '5', '1x10', '0+10x100', '-1.5', '_', '_x3' or 'stale'"
OWN = [
    ('ok_total{a="1",b="2"}', "0+10x1000", "counter"),
    ("took_count", "0+10x1000", "histogram"),
    ("users", "500x1000", "gauge"),
    ("late", "_x1000", "gauge"),
]


@pytest.fixture
def scripts() -> Scripts:
    return Scripts(page([Written(labels(name), samples(values), kind) for name, values, kind in OWN], 60.0))


def script(**series: str) -> Any:
    names = {"ok": 'ok_total{b="2",a="1"}', "took": "took_count"}
    return {"interval": 60, "series": [{"series": names.get(name, name), "values": text} for name, text in series.items()]}


def seen(scripts: Scripts, minute: float) -> dict[str, float]:
    lines = [
        line for line in scripts.page.showing(scripts.showing(minute * 60)).decode().splitlines() if not line.startswith("#")
    ]
    return {name.partition("{")[0]: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_a_counter_grows_as_the_script_says_and_then_as_before_without_ever_falling(scripts: Scripts) -> None:
    scripts.play("k", script(ok="0+1x100", took="7+2x100"), 600)
    during = [seen(scripts, minute) for minute in (10, 15)]
    scripts.stop("k", 900)

    assert [(at["ok_total"], at["took_count"]) for at in during] == [(100, 100), (105, 110)]
    assert [seen(scripts, minute)["ok_total"] for minute in (15, 16, 25)] == [105, 115, 205]


def test_a_gauge_has_the_values_of_the_script_and_then_its_own(scripts: Scripts) -> None:
    scripts.play("k", script(users="99 98x100", late="1x100"), 600)
    during = [(seen(scripts, minute)["users"], seen(scripts, minute)["late"]) for minute in (10, 11)]
    scripts.stop("k", 900)

    assert during == [(99, 1), (98, 1)]
    assert (seen(scripts, 16)["users"], "late" in seen(scripts, 16)) == (500, False)


def test_a_script_can_take_a_series_away_for_a_while(scripts: Scripts) -> None:
    scripts.play("k", script(ok="_x100"), 600)
    gone = "ok_total" not in seen(scripts, 12)
    values = scripts.values("k", 720)
    scripts.stop("k", 900)

    assert gone
    assert values == {'ok_total{a="1",b="2"}': None}
    assert seen(scripts, 16)["ok_total"] == 160


@pytest.mark.parametrize("overlap", [False, True])
def test_of_two_scripts_the_later_counts_whichever_ends_first(scripts: Scripts, overlap: bool) -> None:
    scripts.play("near", script(ok="0+2x100", users="100x100"), 600)
    if overlap:
        scripts.play("over", script(ok="0+3x100", users="99x100"), 900)
        scripts.stop("near", 900)
    else:
        scripts.stop("near", 900)
        scripts.play("over", script(ok="0+3x100", users="99x100"), 900)

    assert [seen(scripts, minute)["ok_total"] for minute in (15, 20)] == [110, 125]
    assert seen(scripts, 20)["users"] == 99


def test_a_story_that_begins_knows_nothing_of_an_earlier_one(scripts: Scripts) -> None:
    scripts.play("k", script(ok="0+1x100", users="1x100"), 600)
    scripts.clear()

    assert (seen(scripts, 15), scripts.values("k", 900)) == ({"ok_total": 150, "took_count": 150, "users": 500}, None)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"interval": 0, "series": []}, f"script: it has no interval; {LIKE}"),
        ({"interval": 60, "series": []}, f"script: it has no series; {LIKE}"),
        (script(userz="1"), "script: the target has no series 'userz'; did you mean 'users'?"),
        (
            script(users="1y"),
            f"script: {{'series': 'users', 'values': '1y'}} is no series with its values ('1y' is no sample; {SAMPLE}); {LIKE}",
        ),
    ],
)
def test_what_cannot_be_played_is_refused(scripts: Scripts, raw: Any, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        scripts.play("k", raw, 0)

    assert str(raised.value) == said


def test_a_native_histogram_goes_on_rising_and_is_told_by_its_count() -> None:
    own = "{{schema:0 sum:1 count:10 buckets:[10]}}"
    scripts = Scripts(page([Written(labels("took"), samples(f"{own}+{own}x1000"), "histogram")], 60.0))
    slow = "{{schema:0 sum:9 count:1 buckets:[1] offset:4}}"

    scripts.play("k", {"interval": 60, "series": [{"series": "took", "values": f"{slow}+{slow}x100"}]}, 600)
    during = scripts.values("k", 660)
    scripts.stop("k", 660)
    value = scripts.showing(720)(next(iter(scripts.page)))

    assert during == {"took_count": 111}
    assert str(value) == "{{schema:0 sum:21 count:121 buckets:[120 0 0 0 1]}}"
