"""Stories that do not disturb each other are really played at the same time; those that would are not."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck import journal as journals
from pytest_obscheck.clock import SystemClock, until

pytestmark = pytest.mark.integration

FILES = {
    "stack/stack.yaml": """\
components:
  prometheus: {config: prometheus.yml}
  alertmanager: {config: alertmanager.yml, hosts: [am.prod.example:9093]}
  shop:
    type: synthetic
    hosts: [shop.prod.example:8080]
    series:
      - {series: disk, values: '1x1000', type: gauge}
      - {series: queue, values: '1x1000', type: gauge}
""",
    "stack/prometheus.yml": """\
global: {scrape_interval: 500ms, evaluation_interval: 500ms}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: [am.prod.example:9093]}]}]}
scrape_configs:
  - job_name: shop
    static_configs: [{targets: [shop.prod.example:8080]}]
""",
    "stack/rules.yml": """\
groups:
  - name: shop
    rules:
      - {alert: Disk, expr: disk > 5}
      - {alert: Queue, expr: queue > 5}
""",
    "stack/alertmanager.yml": """\
route: {receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 100ms}
receivers: [{name: hook, webhook_configs: [{url: 'http://hooks.prod.example/x'}]}]
""",
    "alerts.obs.yaml": """\
name: ${row} fires and is told once
share: true
rows:
  - {row: Disk, metric: disk}
  - {row: Queue, metric: queue}
faults:
  - sample: {series: "${metric}", set: 9, patience: 4s}
    from: 500ms
    until: 2500ms
expect:
  - alert: {name: "${row}"}
    never: 0s .. 500ms
  - alert: {name: "${row}"}
    within: 5s
    after: sample
  - notification: {sink: webhook, labels: {alertname: "${row}"}}
    once: 0s .. 5s
  - resolved: {name: "${row}"}
    within: 5s
    after: cure of sample
""",
    "calm.obs.yaml": """\
name: the queue is calm
share: true
expect:
  - alert: {name: Queue}
    never: 0s .. 3s
""",
}
FORCED = """\
import pytest_obscheck.together as decision

decision.batches = lambda stories, facts: [decision.Batch(tuple(stories))]
"""


@pytest.fixture
def shop(bare_project: Any, obs_program: Callable[[str], Path]) -> Iterator[Any]:
    """Return a project whose stack is a Prometheus, an Alertmanager and a target that is scripted."""
    for name in ("prometheus", "promtool", "alertmanager", "amtool"):
        obs_program(name)
    for name, text in FILES.items():
        bare_project.write(name, text)
    return bare_project


def spans(folder: Path) -> Mapping[str, tuple[float, float]]:
    """Return when each story's time began and ended, by the name of its journal."""
    found = {}
    for path in folder.glob("*.ndjson"):
        journal = journals.read(path)
        over = journal.last("over")
        assert journal.zero is not None
        assert over is not None
        found[path.stem] = (journal.zero, over.data["ended"])
    return found


def test_stories_that_do_not_disturb_each_other_take_less_than_the_sum_of_their_times(shop: Any) -> None:
    said = shop.pytest("--obs-stack", "-v", "--obs-report=runs", "--durations=0", "-vv", "alerts.obs.yaml", "calm.obs.yaml")
    told = spans(shop.path / "runs")
    disk, queue, calm = (told[name] for name in ("alerts.obs.yaml-Disk", "alerts.obs.yaml-Queue", "calm"))

    assert "3 passed" in said
    assert "obscheck: 2 stories at the same time: 'Disk fires and is told once', 'Queue fires and is told once'\n" in said
    assert (
        "obscheck: 'the queue is calm' waits: 'Queue fires and is told once' changes queue, on which a claim of it rests\n"
        in said
    )
    assert disk[0] == queue[0]
    assert max(disk[1], queue[1]) - disk[0] < 0.8 * (disk[1] - disk[0] + queue[1] - queue[0])
    assert calm[0] > max(disk[1], queue[1])
    times = [float(each) for each in re.findall(r"^ *(\d+\.\d\d)s call +alerts\.obs\.yaml::", said.out, re.MULTILINE)]
    assert (len(times), min(times) > 2.0) == (2, True)
    assert shop.left() == ([], [])


def test_stories_that_disturb_each_other_would_be_told_wrongly_at_the_same_time(shop: Any) -> None:
    shop.write("conftest.py", FORCED)
    said = shop.pytest("--obs-stack", "-q", "alerts.obs.yaml::Queue", "calm.obs.yaml")

    assert said.code == 1
    assert "the queue is calm: failed\n  ✗ alert Queue fires never in 0s .. 3.0s" in said


def test_only_what_is_selected_is_played(shop: Any) -> None:
    said = shop.pytest("--obs-stack", "-q", "--obs-report=runs", "-k", "Disk or calm")

    assert "2 passed, 1 deselected" in said
    assert sorted(spans(shop.path / "runs")) == ["alerts.obs.yaml-Disk", "calm"]
    assert "2 stories at the same time: 'Disk fires and is told once', 'the queue is calm'" in said


# ── pytest's own ways ────────────────────────────────────────────────────────

WEB = """\
services:
  web:
    command: [python, -m, http.server, --bind, 127.0.0.1, "${port.http}"]
"""
DOORS = """\
name: the door ${row} is open
share: true
rows:
  - {row: a, path: /}
  - {row: b, path: /nowhere}
  - {row: c, path: /}
expect:
  - health: {service: web, path: "${path}", status: 200}
    eventually: 0s .. 300ms
"""
THREE = "3 stories at the same time: 'the door a is open', 'the door b is open', 'the door c is open'"


@pytest.fixture
def doors(bare_project: Any) -> Any:
    """Return a project whose stack is one web server of Python's own, with three stories; that of row b fails."""
    bare_project.write("stack/stack.yaml", WEB)
    bare_project.write("doors.obs.yaml", DOORS)
    return bare_project


def letters(said: Any) -> list[str]:
    """Return the items with their outcomes, in the order in which pytest told them."""
    return re.findall(r"^doors\.obs\.yaml::(\w \w+)", said.out, re.MULTILINE)


def test_each_story_of_a_batch_has_an_outcome_of_its_own(doors: Any) -> None:
    said = doors.pytest("--obs-stack", "-v", "--obs-report=runs")

    assert letters(said) == ["a PASSED", "b FAILED", "c PASSED"]
    assert (THREE in said, said.code) == (True, 1)
    assert "the door b is open: failed\n  ✗ web /nowhere answers 200 eventually" in said
    assert len({zero for zero, _ in spans(doors.path / "runs").values()}) == 1
    together = journals.read(doors.path / "runs/doors.obs.yaml-a.ndjson").last("together")
    assert together is not None
    assert together.data["stories"] == ["the door b is open", "the door c is open"]


def test_stories_that_want_a_stack_of_their_own_are_played_on_copies_of_it(doors: Any) -> None:
    doors.write("stack/stack.yaml", f"{WEB}copies: 2\n")
    # Long enough for all to be under way at some moment, although one stack is ready a while after the other.
    lasts = "expect:\n  - health: {service: web, path: /, status: 404}\n    never: 0s .. 2s\n"
    killed = f"faults:\n  - kill: {{component: web}}\n    from: 100ms\n    until: 300ms\n{lasts}"
    back = "  - health: {service: web, path: /, status: 200}\n    within: 5s\n    after: cure of kill\n"
    gone = "  - health: {service: web, path: /, status: 0}\n    within: 5s\n    after: kill\n"
    doors.write("back.obs.yaml", f"name: it comes back\n{killed}{back}")
    doors.write("gone.obs.yaml", f"name: it is gone\n{killed}{gone}")
    doors.write("calm.obs.yaml", f"name: it answers\n{lasts}  - health: {{service: web, path: /}}\n    always: 0s .. 900ms\n")

    said = doors.pytest("--obs-stack", "-q", "--obs-report=runs", "back.obs.yaml", "gone.obs.yaml", "calm.obs.yaml")

    # The door that is killed in one stack answers throughout in the other.
    assert "3 passed" in said
    assert (
        "obscheck: 2 stories at the same time: 'it comes back', 'it is gone'\nobscheck: up to 2 stacks at the same time\n"
        in said
    )
    told = spans(doors.path / "runs")
    assert max(began for began, _ in told.values()) < min(ended for _, ended in told.values())
    assert doors.left() == ([], [])


OTHER = """\
name: the other door is open
stack: stack/other.yaml
expect:
  - health: {service: web, path: /}
    always: 0s .. 300ms
"""


def test_stacks_of_two_files_run_at_the_same_time_where_the_machine_can_run_two(doors: Any) -> None:
    doors.write("stack/other.yaml", WEB)
    doors.write("other.obs.yaml", OTHER)

    one = doors.pytest("--obs-stack", "-q")
    two = doors.pytest("--obs-stack", "-q", "-o", "obs_at_once=2", "--obs-report=runs")

    assert f"obscheck: {THREE}\n" in one
    assert f"obscheck: {THREE}\nobscheck: up to 2 stacks at the same time\n" in two
    assert ("1 failed, 3 passed" in one, "1 failed, 3 passed" in two) == (True, True)
    assert doors.left() == ([], [])


@pytest.mark.parametrize(
    ("stack", "why"),
    [
        (WEB.replace("http.server", "no_such_module"), "No module named no_such_module"),
        ("nonsense: 1\n", "a stack has no 'nonsense'"),
    ],
)
def test_a_stack_that_cannot_be_used_hinders_none_beside_it_and_its_own_story_says_why(
    doors: Any, stack: str, why: str
) -> None:
    doors.write("stack/other.yaml", stack)
    doors.write("other.obs.yaml", OTHER)

    said = doors.pytest("--obs-stack", "-q", "-o", "obs_at_once=2", "doors.obs.yaml::a", "other.obs.yaml")

    assert ("1 failed, 1 passed" in said, why in said, "says why" in said) == (True, True, False), said.out


LONG = """\
name: the other door is shut for long
stack: stack/other.yaml
faults:
  - kill: {component: web}
    from: 0s
    until: 20s
expect:
  - health: {service: web, path: /, status: 0}
    eventually: 19s .. 20s
"""


@pytest.fixture
def halls(doors: Any) -> Any:
    """Return a project with a second stack, whose story takes long and has killed its web server by then."""
    doors.write("stack/other.yaml", WEB)
    doors.write("long.obs.yaml", LONG)
    return doors


def long_story(project: Any) -> list[str]:
    """Return the phases of the fault of the long story so far, and ``over`` when it is."""
    path = project.path / "runs/long.ndjson"
    return re.findall(r'"(?:phase|kind)":"(confirmed|gone|over)"', path.read_text(encoding="utf-8")) if path.exists() else []


def test_ctrl_c_ends_what_is_played_on_every_stack_and_heals_it(halls: Any) -> None:
    halls.write("doors.obs.yaml", DOORS.replace("300ms", "20s").replace("eventually", "always"))
    run = halls.start("pytest", "--obs-stack", "-q", "-o", "obs_at_once=2", "--obs-report=runs")
    came = until(SystemClock(), lambda: "confirmed" in long_story(halls) or run.poll() is not None, 30.0, 0.01)
    os.kill(run.pid, signal.SIGINT)
    out, _ = run.communicate(timeout=10)

    assert came
    assert (run.returncode, "Traceback" in out, "KeyboardInterrupt" in out) == (2, False, True), out
    assert long_story(halls) == ["confirmed", "gone"]
    assert halls.left() == ([], [])


def test_a_failure_that_ends_the_run_ends_what_is_still_played_on_another_stack(halls: Any) -> None:
    said = halls.pytest(
        "--obs-stack", "-v", "-x", "-o", "obs_at_once=2", "--obs-report=runs", "doors.obs.yaml", "long.obs.yaml"
    )

    assert letters(said) == ["a PASSED", "b FAILED"]
    assert long_story(halls) in ([], ["gone"], ["confirmed", "gone"])
    assert halls.left() == ([], [])


def test_the_first_failure_ends_the_run_where_it_is_asked_to(doors: Any) -> None:
    assert letters(doors.pytest("--obs-stack", "-v", "-x")) == ["a PASSED", "b FAILED"]


def test_what_failed_last_is_played_again_by_itself(doors: Any) -> None:
    doors.run("pytest", "-q", "--obs-stack")
    said = doors.run("pytest", "-v", "--obs-stack", "--lf")

    assert letters(said) == ["b FAILED"]
    assert "at the same time" not in said


def test_workers_of_xdist_and_control_runs_play_each_story_alone(doors: Any) -> None:
    spread = doors.pytest("--obs-stack", "-q", "-n", "2")
    controlled = doors.pytest("--obs-stack", "-q", "--obs-control")

    for said in (spread, controlled):
        assert "1 failed, 2 passed" in said
        assert "at the same time" not in said


def test_a_stack_that_cannot_start_is_told_of_each_story_of_a_batch(doors: Any) -> None:
    doors.write("stack/stack.yaml", WEB.replace("http.server", "no_such_module"))
    said = doors.pytest("--obs-stack", "-q")

    assert ("3 failed" in said, said.out.count("No module named no_such_module") >= 3, "Traceback" in said) == (
        True,
        True,
        False,
    )
