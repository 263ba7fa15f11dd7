"""How fast story time may pass on a stack, what limits it, and what it does not suit."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_obscheck.errors import ConfigError
from pytest_obscheck.speed import UNSPED, Pace, Source, rewrite
from pytest_obscheck.stack.file import read
from pytest_obscheck.stack.pacing import Moment, pace
from pytest_obscheck.stack.planning import facts_of, place_of

SCRIPTED = """\
components:
  prometheus: {config: prometheus.yml}
  alertmanager: {config: alertmanager.yml}
  mainframe: {type: synthetic, hosts: ["mainframe.prod.example:80"], series: [{series: jobs_total, values: 0+1x10}]}
"""
REAL = SCRIPTED.replace("{type: synthetic", "{type: node_exporter").replace(
    ", series: [{series: jobs_total, values: 0+1x10}]", ""
)
PROMETHEUS = """\
global: {scrape_interval: 15s, evaluation_interval: 15s}
rule_files: [rules.yml]
scrape_configs:
- {job_name: mainframe, static_configs: [{targets: ["mainframe.prod.example:80"]}]}
"""
RULES = """\
groups:
- name: jobs
  rules:
  - record: job:jobs:rate5m
    expr: rate(jobs_total[5m])
  - record: job:age
    expr: time() - job_end_time_seconds
  - alert: Slow
    expr: job:jobs:rate5m < 1
    for: 10m
  - alert: Old
    expr: job:age > 3600
  - alert: Counted
    expr: changes(leader[1h]) > 3
    annotations: {obscheck_speed: physical}
"""
ALERTMANAGER = """\
route:
  receiver: a
  routes:
  - {receiver: b, mute_time_intervals: [nights]}
receivers: [{name: a}, {name: b}]
"""
NOW = 1_764_000_007.25


def paced(
    folder: Path, asked: str, stack: str = SCRIPTED, prometheus: str = PROMETHEUS, rules: str = RULES, instant: str = ""
) -> Pace:
    """Return the pace of a stack in a folder."""
    texts = {"stack.yaml": stack, "prometheus.yml": prometheus, "rules.yml": rules, "alertmanager.yml": ALERTMANAGER}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    file = read(folder / "stack.yaml", folder)
    facts, problems = facts_of(file)
    assert not problems
    return pace(asked, file, facts, lambda member: place_of(file, member), Moment(NOW, instant))


def test_at_speed_1_nothing_changes(tmp_path: Path) -> None:
    assert paced(tmp_path, "1") == Pace()
    assert paced(tmp_path, "1.0").speed == UNSPED


def test_samples_are_scripted_where_every_target_is(tmp_path: Path) -> None:
    made = paced(tmp_path, "60")

    assert (made.by, made.speed.source, made.words) == (60.0, Source.SCRIPTED, "scripted samples")
    assert made.unfit == {}


def test_one_real_target_makes_the_samples_real(tmp_path: Path) -> None:
    made = paced(tmp_path, "60", REAL)

    assert (made.speed.source, made.words) == (Source.REAL, "real samples")
    assert paced(tmp_path, "60", SCRIPTED, PROMETHEUS.replace("80", "81")).speed.source is Source.REAL


PROBED = """
- job_name: probe
  static_configs: [{targets: ['https://prod.example/']}]
  relabel_configs:
  - {source_labels: [__address__], target_label: __param_target}
  - {target_label: __address__, replacement: LED}
"""


@pytest.mark.parametrize(
    ("led", "source"),
    [("mainframe.prod.example:80", Source.SCRIPTED), ("blackbox:9115", Source.REAL), ("$1.prod.example:80", Source.REAL)],
)
def test_a_target_is_whose_relabelling_leads_it_there(tmp_path: Path, led: str, source: Source) -> None:
    made = paced(tmp_path, "60", prometheus=PROMETHEUS + PROBED.strip("\n").replace("LED", led))

    assert made.speed.source is source


MIXED = f"{SCRIPTED}  box: {{type: node_exporter, hosts: ['box.prod.example:9100']}}\n"
BOTH = f'{PROMETHEUS}- {{job_name: box, static_configs: [{{targets: ["box.prod.example:9100"]}}]}}\n'


def test_beside_real_targets_each_rule_goes_by_the_series_that_it_reads(tmp_path: Path) -> None:
    rules = RULES.replace("job:jobs:rate5m < 1", "rate(jobs_total[5m]) / rate(node_cpu_seconds_total[5m]) < 1")

    made = paced(tmp_path, "60", MIXED, BOTH, rules)

    assert made.words == "real samples, and scripted ones of mainframe"
    assert rewrite("rate(jobs_total[5m])", made.speed) == "(rate(jobs_total[5s]) / 60)"
    assert rewrite("rate(node_cpu_seconds_total[5m])", made.speed) == "rate(node_cpu_seconds_total[5s])"
    assert list(made.unfit) == ["job:age", "Slow", "Old"]
    assert str(made.unfit["Slow"]) == (
        "rules.yml:8: alert Slow cannot go at speed 60: it reads scripted series (jobs_total) and real ones "
        "(node_cpu_seconds_total) in one rule, and no text suits both; let a recording rule of its own read the one, "
        "or run it at speed 1"
    )
    (said,) = made.misfits("metric", "increase(jobs_total[5m]) + increase(node_cpu_seconds_total[5m])")
    assert said.startswith("metric 'increase(jobs_total[5m]) + ")


@pytest.mark.parametrize(
    ("stack", "words"),
    [
        (SCRIPTED, "scripted samples; auto: 300, limited by the scrape_interval 15s of prometheus.yml:1"),
        (REAL, "real samples; auto: 75, limited by the scrape_interval 15s of prometheus.yml:1"),
    ],
)
def test_auto_is_as_fast_as_scrapes_may_be_and_says_so(tmp_path: Path, stack: str, words: str) -> None:
    assert paced(tmp_path, "auto", stack).words == words


def test_auto_on_a_stack_that_is_quick_already_stays_at_1(tmp_path: Path) -> None:
    made = paced(tmp_path, "auto", REAL, PROMETHEUS.replace("15s", "100ms"))

    assert made.speed.by == 1
    assert not made.speed.changes


def test_what_needs_a_decision_is_named_with_all_that_rests_on_it(tmp_path: Path) -> None:
    made = paced(tmp_path, "60", REAL)

    assert list(made.unfit) == ["job:age", "Old"]
    assert str(made.unfit["Old"]) == (
        "rules.yml:11: alert Old needs your decision at speed 60: time() is compared with what real processes did at real "
        "times; give it the annotation `obscheck_speed: physical` (as it is) or `obscheck_speed: story` (times N); "
        "or run it at speed 1"
    )


def test_a_receiver_behind_time_intervals_is_named(tmp_path: Path) -> None:
    assert str(paced(tmp_path, "60").fixed["b"]) == (
        "alertmanager.yml:4: mute_time_intervals hangs on the wall clock, which Alertmanager reads itself; run it at speed 1; "
        "what is muted at an instant of your choice, `obscheck intervals FILE --at INSTANT` says"
    )


def test_the_virtual_clock_begins_now_on_a_step_of_subqueries(tmp_path: Path) -> None:
    clock = paced(tmp_path, "60").speed.clock

    assert clock.story == 1_764_000_000
    assert clock.wall == Fraction(NOW)


def test_the_clock_stands_at_a_chosen_instant_until_a_story_begins(tmp_path: Path) -> None:
    made = paced(tmp_path, "60", instant="2026-01-05T03:00:00Z")

    assert made.words == "scripted samples; its clock begins at 2026-01-05T03:00:00Z"
    assert rewrite("hour() >= 9", made.speed) == "hour(vector((time() * 0 + 1767582000))) >= 9"
    begun = replace(made.speed, clock=made.speed.clock.begun(NOW + 10))
    assert rewrite("hour() >= 9", begun) == "hour(vector(((time() - 1764000017.25) * 60 + 1767582000))) >= 9"


@pytest.mark.parametrize(
    ("asked", "stack", "told"),
    [
        ("1", SCRIPTED, "instant: at speed 1 it is now, not 2026-01-05T03:00:00Z; play it at a speed, such as 60"),
        (
            "60",
            REAL,
            (
                "instant: no target of this stack is synthetic, and the clock of real ones does not show 2026-01-05T03:00:00Z; "
                "take it out, or script what the calendar rules read"
            ),
        ),
    ],
)
def test_an_instant_that_nothing_could_show_is_refused(tmp_path: Path, asked: str, stack: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        paced(tmp_path, asked, stack, instant="2026-01-05T03:00:00Z")

    assert str(raised.value) == told


DIVIDES = "prometheus.yml:1: 15s divided by 7 is not a whole number of milliseconds; the nearest speed that divides every"
SHORT = "job:jobs:rate5m (rules.yml:4): at speed 3000 the range 5m holds 2 scrapes and needs 4; the largest possible speed"


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("0", "speed: 0 is not a speed; it must be 1 or more: 60 plays an hour in a minute"),
        ("-3", "speed: -3 is not a speed; it must be 1 or more: 60 plays an hour in a minute"),
        ("fast", "speed: 'fast' is not a number; write it like 60, or auto: as fast as ranges and scrapes allow"),
        ("7", f"{DIVIDES} duration is 6 or 8"),
        ("3000", f"{SHORT} is 1500, limited by job:jobs:rate5m (rules.yml:4)"),
    ],
)
def test_a_speed_that_cannot_be_is_told_in_a_sentence(tmp_path: Path, asked: str, told: str) -> None:
    with pytest.raises(ConfigError) as raised:
        paced(tmp_path, asked)

    assert str(raised.value) == told
