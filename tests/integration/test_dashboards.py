"""The shipped dashboards on the real stack: a metric that is renamed turns exactly the panels red that ask for it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck import toolchain

pytestmark = pytest.mark.integration

STORY = "scenarios/dashboards.obs.yaml"
TRIES = 3
"""How often a story is played whose verdict is unknown, because the machine was too slow: that proves nothing, either way."""
DASHBOARDS = Path(__file__).parents[2] / "stack/grafana/dashboards"


def asking_for(metric: str) -> set[str]:
    """Return the panels whose queries name a metric, as reports call them."""
    boards = [json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS.glob("*.json")]
    return {
        f"{board['title']} / {panel['title']}"
        for board in boards
        for panel in board["panels"]
        for target in panel["targets"]
        if re.search(rf"(?<![\w:]){metric}", target["expr"])
    }


def played(project: Any, *options: str, **more: str) -> Any:
    """Return what is said of the story, once that is known."""
    for _ in range(TRIES):
        said = project.pytest("--obs-stack", "-q", *options, STORY, **more)
        if ": unknown" not in said:
            break
    return said


def check_renamed(project: Any, *options: str, **more: str) -> None:
    """Play the story on a shop that calls a metric otherwise, and check that exactly the panels are red that ask for it."""
    project.edit("stack/service/metrics.py", '"http_request_duration_seconds"', '"http_request_latency_seconds"')

    said = played(project, *options, **more)

    red = re.findall(r"(?m)^ {6}(.+ / .+): no data: no series is called '(\w+)'; did you mean '(\w+)'\?$", said.out)
    asks = asking_for("http_request_duration_seconds")
    assert (said.code, len(asks), {panel for panel, _, _ in red}) == (1, 3, asks), said.out
    assert {(lost, near) for _, lost, near in red} == {
        ("http_request_duration_seconds_bucket", "http_request_latency_seconds_bucket")
    }
    assert len(re.findall(r"(?m)^ {6}\S.* / ", said.out)) == len(asks)


def test_a_renamed_metric_turns_exactly_its_panels_red(project: Any) -> None:
    check_renamed(project)


@pytest.fixture
def through_grafana(project: Any, obs_program: Callable[[str], Path]) -> Any:
    """Return the shipped project with a Grafana of the version that is installed, and that version."""
    obs_program("grafana")
    version = toolchain.find("grafana").version
    member = f'  grafana: {{version: "{version}"}}\n  prometheus:\n    hosts: [prometheus.shop.example:9090]\n'
    project.edit("stack/stack.yaml", "  prometheus:\n", member)
    project.edit("stack/stack.yaml", "objectives:", "mounts: {/var/lib/grafana/dashboards: grafana/dashboards}\n\nobjectives:")
    return project, version


@pytest.mark.long
@pytest.mark.parametrize("runtime", ["process", pytest.param("container", marks=pytest.mark.container)])
def test_through_grafana_every_panel_shows_something_and_a_renamed_metric_turns_the_same_panels_red(
    request: pytest.FixtureRequest, through_grafana: Any, runtime: str
) -> None:
    project, version = through_grafana
    more = {"DOCKER_HOST": request.getfixturevalue("daemon")} if runtime == "container" else {}
    if more:
        made = project.obscheck("images", f"grafana@{version}", **more)
        assert made.code == 0, made.out

    said = played(project, f"--obs-runtime={runtime}", **more)

    assert said.code == 0, said.out
    check_renamed(project, f"--obs-runtime={runtime}", **more)


def test_a_broken_dashboard_is_one_sentence_and_nothing_starts(project: Any) -> None:
    project.write("stack/grafana/dashboards/broken.json", '{"panels": [\n{]}')

    said = project.pytest("--obs-stack", "-q", STORY)

    assert said.code == 1
    words = "not JSON: Expecting property name enclosed in double quotes; export the dashboard again"
    assert f"dashboard: grafana/dashboards/broken.json:2: {words}\n" in said.out
    assert project.left() == ([], [])
