"""Alerts that are proved offline: what promtool is asked, and what its answer means."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.derive import unit_test
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.expectations.proved import Proved
from pytest_obscheck.plan import AlertRule, Facts
from pytest_obscheck.protocols import History
from pytest_obscheck.testing import FakeStack, a_journal, a_plan
from pytest_obscheck.when import Sight

EXPR = "job:failures:ratio_rate3d > 0.001"
RATIO = "sum by (job) (rate(failures_total[3d])) / sum by (job) (rate(requests_total[3d]))"
RULE = AlertRule("Burn", EXPR, "1h", {"severity": "critical"}, {"summary": "{{ $value }}", "runbook": "r"}, "g", "", "r.yml:1")
FACTS = Facts(alerts=(RULE,), recordings={"job:failures:ratio_rate3d": RATIO, "unrelated": "up"})
SERIES = {'requests_total{job="api"}': "0+1000x200", 'failures_total{job="api"}': "0x72 10+10x100"}


def proved(**more: Any) -> Proved:
    given: dict[str, Any] = {"quiet": "80h", "fires": "81h", "labels": {"job": "api"}, "annotations": {"summary": "0.00125"}}
    return Proved("Burn", SERIES, "1h", **{**given, **more})


def stack(play: Callable[..., str]) -> Any:
    return FakeStack(plan=dataclasses.replace(a_plan(FACTS), play=play))


def test_promtool_is_asked_about_the_rule_and_the_recordings_behind_it_with_all_that_the_rule_says() -> None:
    asked: list[tuple[Any, Mapping[str, Any]]] = []

    def play(groups: Any, test: Any) -> str:
        asked.append((groups, test))
        return "no"

    found = proved().evidence().look(stack(play), 0.0, 7.0)

    ((groups, test),) = asked
    assert found == {"until": 7.0, "wrong": "no", "unread": []}
    assert groups == [
        {"name": "recordings", "rules": [{"record": "job:failures:ratio_rate3d", "expr": RATIO}]},
        {
            "name": "alert",
            "rules": [{"alert": "Burn", "expr": EXPR, "for": "1h", "labels": RULE.labels, "annotations": RULE.annotations}],
        },
    ]
    labels = {"exp_labels": {"severity": "critical", "job": "api"}}
    assert test["interval"] == "1h"
    assert test["alert_rule_test"] == [
        {"eval_time": "80h", "alertname": "Burn", "exp_alerts": []},
        {
            "eval_time": "81h",
            "alertname": "Burn",
            "exp_alerts": [{**labels, "exp_annotations": {"summary": "0.00125", "runbook": "r"}}],
        },
    ]


def test_its_words_say_why_it_is_offline_and_what_promtool_found() -> None:
    key, plan = str(proved().evidence()), {"alerts": {"Burn": {"exprs": [EXPR, RATIO]}}, "routes": []}
    wrongs = [("", []), ("exp:[], got:[ 0: a]", []), ("exp:[ 0: a], got:[]", []), ("exp:[ 0: a], got:[]", ["up"])]
    looks = [(float(at), {"until": float(at), "wrong": w, "unread": u}) for at, (w, u) in enumerate(wrongs, start=1)]
    journal = a_journal(0.0, **{key: looks})
    journal.write("plan", 0.0, **plan)
    journal.write("look", 5.0, key=key, error="promtool gave no answer: no such file")

    sights = proved().holds(History(tuple(journal.of("look", key=key)), journal))

    why = "so says promtool; offline, for it looks back 72h00m, which takes 72h00m at speed 1"
    gone = "promtool gave no answer: no such file"
    silent = "promtool says that it does not fire at 81h"
    unread = f"{silent}: the rule reads up, of which the story has no series"
    assert sights == [
        Sight(1.0, True, why),
        Sight(2.0, False, "exp:[], got:[ 0: a]"),
        Sight(3.0, False, silent),
        Sight(4.0, False, unread),
        Sight(5.0, None, gone),
    ]
    assert str(proved(quiet="")) == "alert Burn, played offline, fires at 81h"
    assert str(proved()) == "alert Burn, played offline, is quiet at 80h and fires at 81h"


def test_what_a_rule_reads_and_the_story_lacks_is_found() -> None:
    facts = dataclasses.replace(FACTS, recordings={"job:failures:ratio_rate3d": "1 - avg by (job) (avg_over_time(up[3d]))"})
    made = FakeStack(plan=dataclasses.replace(a_plan(facts), play=lambda _groups, _test: "exp:[ 0: a], got:[]"))

    assert proved().evidence().look(made, 0.0, 0.0)["unread"] == ["up"]


def test_an_alert_that_no_rule_file_has_is_refused() -> None:
    problems = list(Proved("Burm", SERIES, fires="3d").problems(a_plan(FACTS)))

    assert problems == ["no rule file has an alert 'Burm'; did you mean 'Burn'?"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "proved: it says neither when the alert is quiet nor when it fires; write fires: 3d or quiet: 3d"),
        ({"fires": "soon"}, "'soon' is not a duration; write it like '800ms', '10s' or '1m30s'"),
    ],
)
def test_a_proof_of_nothing_is_refused(fields: Any, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        Proved("Burn", SERIES, **fields)

    assert str(raised.value) == said


@pytest.mark.integration
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, ""),
        ({"quiet": "", "fires": "80h"}, "alertname: Burn, time: 3d8h, exp:[ 0:"),
        ({"quiet": "81h", "fires": ""}, "alertname: Burn, time: 3d9h, exp:[], got:[ 0:"),
        ({"annotations": {"summary": "0.5"}}, 'summary="0.5"} ], got:[ 0: '),
    ],
)
def test_the_real_promtool_finds_what_is_wrong(more: Any, said: str, obs_program: Callable[[str], Path]) -> None:
    promtool = obs_program("promtool")

    found = proved(**more).evidence().look(stack(lambda groups, test: unit_test(promtool, groups, test)), 0.0, 0.0)

    assert said in found["wrong"]
    assert bool(said) == bool(found["wrong"])


def test_without_an_engine_nothing_is_proved(tmp_path: Path) -> None:
    with pytest.raises(LookFailed) as missing:
        unit_test(tmp_path / "promtool", [], {"interval": "1m"})
    with pytest.raises(LookFailed) as none:
        proved().evidence().look(FakeStack(plan=a_plan(FACTS)), 0.0, 0.0)

    assert str(missing.value) == f"promtool gave no answer: {tmp_path / 'promtool'} cannot be run"
    assert str(none.value).startswith("nothing can play 2 rule groups for {'interval': '1h', ")
