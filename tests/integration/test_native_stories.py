"""Stories about native histograms: they misbehave at the target, and no fault on the way loses them in silence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration

SLOW = "{{schema:0 sum:60 count:4 buckets:[4] offset:5}}"
FILES = {
    "stack/stack.yaml": """\
components:
  prometheus: {config: prometheus.yml}
  shop:
    type: synthetic
    interval: 1s
    hosts: [shop.example:80]
    series:
      - {series: took, values: '{{schema:0 sum:6 count:4 buckets:[1 2 1]}}x100'}
      - {series: users, values: 5x100, type: gauge}
      - {series: 'asked_bucket{le="0.1"}', values: 2x100, type: histogram}
      - {series: 'asked_bucket{le="+Inf"}', values: 4x100, type: histogram}
      - {series: asked_sum, values: 6x100, type: histogram}
      - {series: asked_count, values: 4x100, type: histogram}
""",
    "stack/prometheus.yml": """\
global:
  scrape_interval: 200ms
  evaluation_interval: 200ms
  scrape_native_histograms: true
  convert_classic_histograms_to_nhcb: true
scrape_configs: [{job_name: shop, static_configs: [{targets: ['shop.example:80']}]}]
""",
    "slow.obs.yaml": f"""\
name: requests become slow
faults:
  - script: {{component: shop, interval: 1s, series: {{took: '{SLOW}+{SLOW}x100'}}}}
    from: 1s
    until: 4s
expect:
  - metric: {{expr: 'histogram_quantile(0.75, took)', is: '== 2'}}
    eventually: 0s .. 1s
  - metric: {{expr: 'histogram_quantile(0.5, asked) and on () absent(asked_bucket)', is: '== 0.1'}}
    eventually: 0s .. 1s
  - metric: {{expr: 'histogram_quantile(0.9, took)', is: '> 16'}}
    within: 2s
    after: script
""",
    "vanish.obs.yaml": """\
name: users vanish
faults:
  - sample: {series: users, target: 'shop.example:80', set: 0}
    from: 500ms
    until: 3s
expect:
  - metric: {expr: users, is: '== 0'}
    eventually: 1s .. 3s
  - metric: {expr: 'histogram_count(took)', is: '== 4'}
    always: 500ms .. 3s
""",
}


def test_native_histograms_are_scripted_and_a_fault_on_samples_beside_them_is_refused(
    bare_project: Any, obs_program: Callable[[str], Path]
) -> None:
    for program in ("prometheus", "promtool"):
        obs_program(program)
    for name, text in FILES.items():
        bare_project.write(name, text)

    run = bare_project.pytest("--obs-stack", "slow.obs.yaml", "vanish.obs.yaml", "-rA")

    assert "1 failed, 1 passed" in run, run.out
    assert "✓ metric histogram_quantile(0.9, took) is > 16 within 2.0s after script" in run, run.out
    # Prometheus made custom buckets of classic ones.
    assert "✓ metric histogram_quantile(0.5, asked) and on () absent(asked_bucket) is == 0.1 eventually" in run, run.out
    assert (
        "it did not take hold: not altered → shop.example:80 exposes native histograms, in protobuf, where no sample can be "
        "altered; let the target itself misbehave, or scrape it with `scrape_native_histograms: false`"
    ) in run, run.out
    # The experiment is void, and yet nobody lost a histogram for it.
    assert "the experiment is void; seen was: passed, 4 at" in run, run.out
