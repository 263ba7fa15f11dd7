"""What real programs accept and nobody means is told by every command, once, and no silence is green because of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

FILES = {
    "prometheus.yml": """\
global: {scrape_interval: 200ms, evaluation_interval: 200ms}
rule_files:
- rules/a.yml
- rules/*.yml
- alerts/*.yml
scrape_configs:
- job_name: shop
  static_configs: [{targets: [shop.example:80, shop.example:80]}]
- job_name: other
  static_configs: [{targets: [shop.example:80], labels: {job: shop}}]
""",
    "rules/a.yml": "groups: [{name: a, rules: [{alert: Full, expr: queue_depth > 100}]}]\n",
    "alertmanager.yml": "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: http://hook.example/x}]}]\n",
    "stack/stack.yaml": """\
components:
  prometheus: {config: ../prometheus.yml, version: "4.1"}
  alertmanager: {config: ../alertmanager.yml}
  shop: {type: synthetic, hosts: [shop.example:80], series: [{series: queue_depth, values: 1x100}]}
""",
    "quiet.obs.yaml": "expect:\n  - notification: {sink: webhook}\n    never: 0s .. 500ms\n",
}
GLOB = "no file matches 'alerts/*.yml'"
TWICE = "twice with the same labels; one is dropped in silence; keep one of them"
MIXED = "has the labels of one of job 'shop', and their samples are mixed up; give one of them another label"
TOLD = (
    f"../prometheus.yml:8: job 'shop' has the target 'shop.example:80' {TWICE}",
    f"../prometheus.yml:10: job 'other': the target 'shop.example:80' {MIXED}",
    "../prometheus.yml:4: rules/a.yml was named before, by 'rules/a.yml', and is read once; name it once",
    f"../prometheus.yml:5: {GLOB}, which is accepted in silence; correct it, or leave it out",
    "stack/stack.yaml:2: prometheus: production runs prometheus 4.1, and here is ",
)


def test_what_is_accepted_and_hardly_meant_is_told_once_wherever_one_looks(
    bare_project: Any, obs_program: Callable[[str], Path]
) -> None:
    for program in ("prometheus", "promtool", "alertmanager", "amtool"):
        obs_program(program)
    for name, text in FILES.items():
        bare_project.write(name, text)

    rendered, played = bare_project.obscheck("render"), bare_project.pytest("--obs-stack", "quiet.obs.yaml", "-q")

    assert [rendered.out.count(words) for words in TOLD] == [1] * 5, rendered.out
    # What another version may mean for a verdict stands in its report, too.
    assert [played.out.count(words) for words in TOLD] == [1, 1, 1, 1, 2], played.out
    assert f"but {GLOB} (../prometheus.yml:5): what its rules would tell is not seen" in played
    assert (rendered.code, played.code) == (0, 0)
