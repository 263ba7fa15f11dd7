"""The proof is played on the real engine; each broken rewriter makes one mistake that people make."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from pytest_obscheck.derive import Document
from pytest_obscheck.rulelab.proof import Proof
from pytest_obscheck.rulelab.speeding import Asked, Sheet, check_sheet, speed_sheet
from pytest_obscheck.speed import Source, Speed, rules_of, speed_rules
from pytest_obscheck.speed.durations import milliseconds, spelled
from pytest_obscheck.speed.rules import Spot
from pytest_obscheck.toolchain import find

pytestmark = pytest.mark.integration

RULES = """\
groups:
- name: shop
  rules:
  - {alert: Errors, for: 2m, expr: 'sum by (job) (rate(errors_total[5m])) / sum by (job) (rate(requests_total[5m])) > 0.05'}
  - {alert: Slow, for: 90s, expr: 'histogram_quantile(0.95, sum by (le) (rate(seconds_bucket[1m]))) > 0.5'}
  - {alert: Jump, expr: 'queue_length - queue_length offset 10m > 30'}
  - {alert: Disk, for: 5m, expr: 'predict_linear(disk_free_bytes[30m], 4 * 3600) < 0'}
  - {alert: Peak, expr: 'max_over_time(rate(jobs_total[2m])[10m:]) > 3'}
  - {alert: Stale, for: 1m, keep_firing_for: 3m, expr: 'time() - last_backup_seconds > 3600'}
  - {alert: Busy, expr: '100 / deriv(progress[5m]) < 20'}
  - {alert: Restarts, for: 30s, expr: 'increase(restarts_total[3m]) > 2'}
  - {alert: Gone, for: 1m, expr: 'absent(up{job="shop"})'}
  - {record: 'job:requests:rate5m', expr: 'sum by (job) (rate(requests_total[5m]))'}
"""
PARTS = re.compile(r"\d+(?:ms|s|m|h)\b")
Edit = Callable[[str, Speed], str]


@pytest.fixture(scope="session")
def promtool() -> Path:
    return find("promtool").path


def checked(folder: Path, promtool: Path, text: str = RULES, source: Source = Source.SCRIPTED, **more: object) -> Sheet:
    (folder / "rules.yml").write_text(text)
    asked = Asked([folder], "6", source)
    return check_sheet(asked, speed_sheet(asked), promtool, **more)  # type: ignore[arg-type]


def differing(sheet: Sheet) -> set[str]:
    found = (row.rule.name for row in sheet.rows if row.outcome and row.outcome.proof in (Proof.DIFFERENT, Proof.FAILED))
    return set(found)


def broken(expression: Edit | None = None, hold: Edit | None = None) -> Callable[[Document, Speed, Sequence[Spot]], None]:
    """Return what speeds a file up as it should, and then spoils expressions or holds."""

    def copy(document: Document, speed: Speed, leave: Sequence[Spot]) -> None:
        originals = list(rules_of(document))
        speed_rules(document, speed, leave)
        for rule in originals:
            if expression:
                document.set((*rule.spot, "expr"), expression(rule.expr, speed))
            if hold and "for" in rule.fields:
                document.set((*rule.spot, "for"), hold(str(rule.fields["for"]), speed))

    return copy


def rewritten(text: str, speed: Speed) -> str:
    from pytest_obscheck.speed import rewrite  # noqa: PLC0415 - the one that the others spoil

    return rewrite(text, speed)


def forgets_offset(text: str, speed: Speed) -> str:
    return re.sub(r"offset \S+m?s", "offset 10m", rewritten(text, speed))


def forgets_the_factor_of_rate(text: str, speed: Speed) -> str:
    return re.sub(r"\((rate\([^()]*\)) / \d+\)", r"\1", rewritten(text, speed))


def scales_thresholds(text: str, speed: Speed) -> str:
    return re.sub(r"> (\S+)$", lambda found: f"> {float(found[1]) / float(speed.by)}", rewritten(text, speed))


def rounds_to_seconds(text: str, speed: Speed) -> str:
    return PARTS.sub(lambda found: spelled(-(-milliseconds(found[0]) // 1000) * 1000), rewritten(text, speed))


def forgets_the_subquery_step(text: str, speed: Speed) -> str:
    return re.sub(r":\d+m?s\]", ":1m]", rewritten(text, speed))


def forgets_the_horizon(text: str, speed: Speed) -> str:
    return re.sub(r"\(\((4 \* 3600)\) / \d+\)", r"\1", rewritten(text, speed))


def forgets_parentheses(text: str, speed: Speed) -> str:
    return re.sub(r"\(((?:rate|deriv)\([^()]*\) / \d+)\)", r"\1", rewritten(text, speed))


def forgets_the_clock(text: str, speed: Speed) -> str:
    return text if "time()" in text else rewritten(text, speed)


def forgets_ranges(text: str, speed: Speed) -> str:
    return re.sub(r"\[\d+m?s\]", "[5m]", rewritten(text, speed))


def test_every_exact_rule_changes_its_state_at_the_same_story_time(tmp_path: Path, promtool: Path) -> None:
    sheet = checked(tmp_path, promtool)

    assert [(row.rule.name, row.outcome and row.outcome.proof, row.outcome and row.outcome.told) for row in sheet.rows] == [
        (row.rule.name, Proof.PROVED, "") for row in sheet.rows
    ]
    assert sheet.factors == [6, 8]


def test_rates_of_real_processes_keep_their_value(tmp_path: Path, promtool: Path) -> None:
    sheet = checked(tmp_path, promtool, source=Source.REAL)

    assert {row.rule.name for row in sheet.rows if row.outcome and row.outcome.proof is Proof.PROVED} == {
        "Errors", "Slow", "Jump", "Peak", "Restarts", "Gone", "job:requests:rate5m",
    }  # fmt: skip
    assert not differing(sheet)


@pytest.mark.parametrize(
    ("copier", "caught"),
    [
        (broken(forgets_offset), {"Jump"}),
        (broken(forgets_the_factor_of_rate), {"Peak", "job:requests:rate5m"}),
        (broken(scales_thresholds), {"Errors", "Slow", "Jump", "Peak", "Stale", "Restarts"}),
        (broken(rounds_to_seconds), {"Slow"}),
        (broken(hold=lambda text, _: text), {"Errors", "Slow", "Disk", "Stale", "Restarts", "Gone"}),
        (broken(forgets_the_subquery_step), {"Peak"}),
        (broken(forgets_the_horizon), {"Disk"}),
        (broken(forgets_parentheses), {"Busy"}),
        (broken(forgets_the_clock), {"Stale"}),
        (broken(forgets_ranges), {"Errors"}),
    ],
    ids=lambda value: "" if isinstance(value, set) else None,
)
def test_a_broken_rewriter_is_detected(tmp_path: Path, promtool: Path, copier: object, caught: set[str]) -> None:
    assert caught <= differing(checked(tmp_path, promtool, copier=copier))


def test_the_message_names_the_first_evaluation_that_differs(tmp_path: Path, promtool: Path) -> None:
    text = "groups: [{name: g, rules: [{alert: Down, for: 1m, expr: up == 0}]}]"

    sheet = checked(tmp_path, promtool, text, copier=broken(hold=lambda text, _: text))

    assert [row.outcome.told for row in sheet.rows if row.outcome] == [
        (
            'at N = 6: {alertname="Down", alertstate="firing", instance="i", job="j"} '
            "is there at evaluation 5, sped up it is missing"
        )
    ]


def test_a_rule_that_never_fires_is_proved_quiet_only(tmp_path: Path, promtool: Path) -> None:
    text = "groups: [{name: g, rules: [{alert: Never, expr: count(up) by (job) == 0}]}]"

    sheet = checked(tmp_path, promtool, text)

    assert [row.outcome.proof for row in sheet.rows if row.outcome] == [Proof.QUIET]


def test_a_rule_that_the_engine_refuses_is_not_proved_and_spoils_no_other(tmp_path: Path, promtool: Path) -> None:
    text = "groups: [{name: g, rules: [{alert: Bad, expr: 'limitk(1, up) > 1'}, {alert: Good, expr: up == 0}]}]"

    sheet = checked(tmp_path, promtool, text)

    assert [row.outcome.proof for row in sheet.rows if row.outcome] == [Proof.FAILED, Proof.PROVED]


def test_a_factor_that_is_no_whole_number_is_proved_too(tmp_path: Path, promtool: Path) -> None:
    (tmp_path / "rules.yml").write_text(RULES)
    asked = Asked([tmp_path], "7.5")

    sheet = check_sheet(asked, speed_sheet(asked), promtool)

    assert sheet.proved
    assert sheet.factors == [Fraction(15, 2), 8]
