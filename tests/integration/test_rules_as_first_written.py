"""The rules as first written, beside a real stack and its real exposition: each of their mistakes is told with its reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

WRONG = Path(__file__).parents[1] / "rules_as_first_written"
STORY = """\
name: every alert can fire
expect:
  - fireable: {}
    eventually: 0s .. 500ms
"""
LOST = (
    "ErrorRateAboveOnePercent can never fire: no series of http_requests_total has a label 'status_code'; did you mean ",
    'ReportGenerationSLA can never fire: no series of report_generation_duration_seconds_bucket has le="30"; did you mean ',
)
REASONS = {
    "api.yml:19": "is always 1, whatever is measured; both sides keep all their labels, so each series meets itself",
    "api.yml:34": "a ratio as a percentage; the value is events per second",
    "api.yml:38": "it speaks of 'p95' and computes an average",
    "infrastructure.yml:12": "a value that grows with node_filesystem_avail_bytes: it prints what is free",
    "sla.yml:6": "stays 1 while every request fails; up says that scrapes succeed",
    "sla.yml:11": "for: 30d waits in an outage until 1,000 times all of the budget",
    "sla.yml:20": 'never has a value, whatever is measured; le="30" leaves no other bucket to interpolate between',
    "sla.yml:21": "for: 1d waits in an outage until 67% of the budget",
    "sla.yml:26": "prints '{{ $value }}%', a percentage; the value is seconds times 100",
    "alertmanager.yml:6": "'routes' is no key of the top level; it belongs into a route",
    "alertmanager.yml:11": "'match' is no key of the top level; it belongs into a route",
}


def test_what_no_series_has_is_told_by_the_live_stack(project: Any) -> None:
    for name in ("api.yml", "sla.yml"):
        shutil.copy(WRONG / name, project.path / "stack/prometheus/rules" / f"first-{name}")
    # Its `for: 30d` began with the first scrape, which found nobody at home.
    project.edit("stack/stack.yaml", "objectives: [slo", "always_firing: [APIAvailabilitySLA]\nobjectives: [slo")
    project.write("stories/first.obs.yaml", STORY)

    said = project.pytest("--obs-stack", "stories")

    assert (said.code, project.left()) == (1, ([], []))
    assert [words for words in LOST if words not in said] == [], said.out


def test_each_mistake_is_told_with_its_reason(project: Any) -> None:
    shutil.copytree(WRONG, project.path / "first")

    said = project.obscheck("lint", "first", "--format", "ndjson")
    told = {}
    for finding in map(json.loads, said.out.splitlines()):
        told[f"{Path(finding['file']).name}:{finding['line']}"] = f"{finding['what']}; {finding['right']}"

    assert said.code == 1
    assert [where for where, reason in REASONS.items() if reason not in told.get(where, "")] == [], told
