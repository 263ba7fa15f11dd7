"""The instants at which burn-rate alerts must fire, against Prometheus's own engine."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.objective import DAY, Events, Objective, Pair, duration
from pytest_obscheck.slo import MustFire, Outage, must_fire

STEP = 60
END = 14 * 3600
SLO = Objective(
    "availability", "checkout", 0.999, 30 * DAY, Events("sum(rate(total[{{.window}}]))", bad="sum(rate(errors[{{.window}}]))")
)


# As an AlertCondition of OpenSLO has them: one window, and how long it must burn.
CONDITIONS = replace(SLO, pairs=(Pair(3600, 3600, 0.02, "page", 300), Pair(6 * 3600, 6 * 3600, 0.05, "page", 900)))


def rules(slo: Objective) -> dict[str, Any]:
    """Return an alert for each pair of windows, as the workbook writes it."""
    found = []
    for pair in slo.pairs:
        ratios = [slo.indicator.error_ratio(duration(window)) for window in (pair.long, pair.short)]
        found.append(
            {
                "alert": str(pair),
                "expr": " and ".join(f"({ratio}) > {pair.factor(slo.period) * slo.budget:g}" for ratio in ratios),
                "for": duration(pair.hold or 0),
            }
        )
    return {"groups": [{"name": "burn", "rules": found}]}


def moments(each: MustFire) -> list[tuple[float, bool]]:
    """Return whole steps at which an alert must be quiet or fire: around its beginning and its end."""
    return [
        (math.floor(each.earliest / STEP) * STEP - STEP, False),
        (math.ceil(each.latest / STEP) * STEP, True),
        (math.floor(each.until / STEP) * STEP - 2 * STEP, True),
        (math.ceil(each.until / STEP) * STEP + 2 * STEP, False),
    ]


def claims(slo: Objective, outage: Outage) -> list[dict[str, Any]]:
    """Return what promtool is to find, with counters that begin with the test."""
    found = []
    for each in must_fire(slo, [outage], scrape=STEP, since=0):
        alert = {"exp_labels": {}, "exp_annotations": {}}
        found += [
            {"eval_time": f"{at:g}s", "alertname": str(each.pair), "exp_alerts": [alert] if fires else []}
            for at, fires in moments(each)
            if 0 < at < END
        ]
    return found


@pytest.mark.integration
@pytest.mark.parametrize(
    ("slo", "outage"),
    [
        (SLO, Outage(7200, 9600, 0.1)),
        (SLO, Outage(3600, 21600, 0.02)),
        (SLO, Outage(10800, 11100, 1.0)),
        (CONDITIONS, Outage(7200, 9600, 0.1)),
    ],
)
def test_prometheus_fires_when_it_must(
    slo: Objective, outage: Outage, tmp_path: Path, obs_program: Callable[[str], Path]
) -> None:
    before, during = int(outage.start / STEP), int((outage.end - outage.start) / STEP)
    bad = outage.errors * 6000
    errors = f"0x{before} {bad:g}+{bad:g}x{during - 1} {bad * during:g}x{END // STEP}"
    wanted = claims(slo, outage)
    series = [{"series": "total", "values": f"0+6000x{END // STEP}"}, {"series": "errors", "values": errors}]
    test = {"interval": f"{STEP}s", "input_series": series, "alert_rule_test": wanted}
    (tmp_path / "rules.yml").write_text(json.dumps(rules(slo)), encoding="utf-8")
    suite = {"rule_files": ["rules.yml"], "evaluation_interval": f"{STEP}s", "tests": [test]}
    (tmp_path / "test.yml").write_text(json.dumps(suite), encoding="utf-8")

    command = [str(obs_program("promtool")), "test", "rules", str(tmp_path / "test.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert len(wanted) > 4
    assert done.returncode == 0, done.stdout + done.stderr
