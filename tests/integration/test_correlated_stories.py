"""One failed request through logs, traces, errors and metrics, on the real programs; each missing link is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

# Loki, Jaeger and the collector are not among the usual programs: their builds take minutes.
pytestmark = [pytest.mark.integration, pytest.mark.long]

STACK = "stack/stack.signals.yaml"
FOLLOWED = """name: a failed order is followed
stack: ../stack/stack.signals.yaml
speed: 1
load:
  - locust: {file: loads/checkout.py, users: 5}
    from: 0s
    until: 7s
faults:
  - down: {to: payments}
    from: 3s
    until: 5s
expect:
  - correlated: {service: checkout, requests: POST /checkout, metric: 'http_request_duration_seconds_bucket{job="checkout"}'}
    eventually: 3s .. 5s
"""
DROPPED = """name: a collector that keeps every tenth trace
stack: ../stack/stack.signals.yaml
speed: 1
load:
  - locust: {file: loads/checkout.py, users: 5}
    from: 0s
    until: 5s
expect:
  - lost: {signal: traces, service: checkout, over: 2s, is: "== 0"}
    always: 1s .. 2s
  - lost: {signal: answers, over: 2s, is: "== 0"}
    always: 1s .. 2s
"""
SPAN = "no span of checkout has its correlation.id"
EXEMPLAR = 'no exemplar of http_request_duration_seconds_bucket{job="checkout"} has its trace_id'


@pytest.fixture
def shop(project: Any, obs_program: Callable[[str], Path]) -> Any:
    """Return the shipped shop, after making sure that everything that tells of it is there."""
    for name in ("loki", "jaeger", "collector"):
        obs_program(name)
    return project


def test_the_shipped_stories_about_signals_pass(shop: Any) -> None:
    for story in sorted((shop.path / "scenarios/signals").iterdir()):
        said = shop.pytest("--obs-stack", str(story))

        assert (said.code, shop.left()) == (0, ([], [])), said.out


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("members: [checkout]", "members: [payments]", "but no line of checkout has its correlation_id (so"),
        ('EXEMPLARS: "on"', 'OTEL_TRACES_SAMPLER_ARG: "0"', f"but {SPAN} and {EXEMPLAR} (so"),
        ('EXEMPLARS: "on"', 'EXEMPLARS: "off"', f"but {EXEMPLAR} (so"),
        ("      SENTRY_DSN: http://key@${sentry.address}/1\n", "", "but no error was reported with its correlation_id (so"),
    ],
    ids=["logs", "traces", "exemplars", "errors"],
)
def test_the_link_that_is_missing_is_named_in_the_report(shop: Any, old: str, new: str, expected: str) -> None:
    shop.edit(STACK, old, new)
    shop.write("scenarios/followed.obs.yaml", FOLLOWED)

    said = shop.pytest("--obs-stack", "scenarios/followed.obs.yaml")

    assert said.code == 1
    assert expected in " ".join(said.out.split()), said.out
    assert "✗ a failed request to POST /checkout of checkout is followed through" in said


@pytest.mark.parametrize(("sampled", "expected"), [("", ["✓", "✓"]), ("0", ["✓", "✗"])], ids=["whole", "without traces"])
def test_a_tempo_in_place_of_the_jaeger_is_followed_into_as_well(
    shop: Any, obs_program: Callable[[str], Path], sampled: str, expected: list[str]
) -> None:
    obs_program("tempo")
    shop.edit(STACK, "  jaeger:\n", "  tempo:\n")
    shop.edit(STACK, "depends_on: [jaeger]", "depends_on: [tempo]")
    if sampled:
        shop.edit(STACK, '      EXEMPLARS: "on"\n', f'      EXEMPLARS: "on"\n      OTEL_TRACES_SAMPLER_ARG: "{sampled}"\n')
    shop.write("scenarios/followed.obs.yaml", FOLLOWED)

    said = shop.pytest("--obs-stack", "scenarios/followed.obs.yaml")

    assert said.marks == expected, said.out
    assert (f"but {SPAN} and {EXEMPLAR} (so" in " ".join(said.out.split())) is bool(sampled)
    assert shop.left() == ([], [])


def test_what_a_collector_drops_is_counted(shop: Any) -> None:
    sampler = "  probabilistic_sampler: {sampling_percentage: 10}\n"
    shop.edit("stack/collector/collector.yaml", "\nexporters:", f"{sampler}\nexporters:")
    shop.edit("stack/collector/collector.yaml", "[memory_limiter, batch]", "[memory_limiter, probabilistic_sampler, batch]")
    shop.write("scenarios/dropped.obs.yaml", DROPPED)

    said = shop.pytest("--obs-stack", "scenarios/dropped.obs.yaml")

    assert (said.code, said.marks) == (1, ["✗", "✓"]), said.out
    assert "left no span of checkout" in said
