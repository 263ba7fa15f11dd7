"""The plugin from outside, with stories that are really played."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck import journal as journals

pytestmark = pytest.mark.integration

STACK = """services:
  web:
    command: [python, -m, http.server, --bind, 127.0.0.1, "${port.http}"]
    environment: {TOKEN: the-token-of-the-shop}
"""
OPEN = """name: the shop is {0}
expect:
  - health: {{service: web, path: /, status: 200}}
    {1}: 0s .. 200ms
"""
PLAYED = """
def pytest_obscheck_played(scenario, report, journal):
    print(f"played: {scenario.name}, {report.outcome}, {journal}")
"""
SECRETS = (
    "the-routing-key-of-the-shop-team",
    "the-webhook-of-the-shop-team",
    "T0000/B0000",
    "a-password-of-the-shop",
    "a-token-in-a-query",
    "a-secret-of-a-service",
)


@pytest.fixture
def shop(bare_project: Any) -> Any:
    """Return a project whose stack is one web server of Python's own, with a story that passes and one that fails."""
    bare_project.write("stack/stack.yaml", STACK)
    bare_project.write("scenarios/open.obs.yaml", OPEN.format("open", "eventually"))
    bare_project.write("scenarios/shut.obs.yaml", OPEN.format("shut", "never"))
    return bare_project


def outcomes(said: Any) -> str:
    """Return the last words of pytest, without the seconds."""
    return re.sub(r" in .*", "", said.out.strip().splitlines()[-1]).strip("= ")


def test_passed_failed_and_unknown_have_words_of_their_own(shop: Any) -> None:
    shop.write("scenarios/void.obs.yaml", OPEN.format("void", "eventually") + LOAD_THAT_DIES)
    shop.write("scenarios/dies.py", "raise SystemExit(3)\n")
    said = shop.pytest("--obs-stack", "-q")

    assert (said.code, outcomes(said), "Traceback" in said) == (1, "2 failed, 1 passed", False)
    assert "the shop is open: passed\n  ✓ web / answers 200 eventually in 0s .. 200ms\n" in said
    assert "the shop is shut: failed\n  ✗ web / answers 200 never in 0s .. 200ms  [scenarios/shut.obs.yaml:3]\n" in said
    assert "the shop is void: unknown\n" in said
    assert "FAILED scenarios/void.obs.yaml::void - the shop is void: unknown\n" in said
    assert shop.left() == ([], [])


LOAD_THAT_DIES = """load:
  - locust: {file: dies.py}
    from: 0s
    until: 200ms
"""


def test_the_first_failure_ends_the_run_with_x(shop: Any) -> None:
    shop.write("scenarios/a.obs.yaml", OPEN.format("never open", "never"))
    said = shop.pytest("--obs-stack", "-q", "-x")

    assert (said.code, outcomes(said).partition("!")[0]) == (1, "1 failed")
    assert shop.left() == ([], [])


def test_only_what_failed_last_runs_again_with_lf(shop: Any) -> None:
    first = shop.run("pytest", "--obs-stack", "-q")
    second = shop.run("pytest", "--obs-stack", "-q", "--lf")

    assert (outcomes(first), outcomes(second)) == ("1 failed, 1 passed", "1 failed")
    assert (shop.path / ".pytest_cache/d/obscheck/scenarios-open.ndjson").exists()


def test_two_workers_have_two_stacks_that_do_not_meet(shop: Any) -> None:
    shop.write("scenarios/shut.obs.yaml", OPEN.format("wide open", "always"))
    shop.write("conftest.py", PLAYED)
    said = shop.pytest("--obs-stack", "-n2", "--dist=each", "--obs-report=runs", "--obs-keep")
    kept = re.findall(r"the run's folder is kept: (.*)", said.out)

    assert (said.code, outcomes(said), "Traceback" in said) == (0, "4 passed", False)
    assert said.out.count("the shop is open: passed") == 2
    assert len(set(kept)) == 2
    assert addresses(kept[0]).isdisjoint(addresses(kept[1]))
    assert shop.left()[0] == []


def addresses(folder: str) -> set[str]:
    """Return the ports of a run that was kept."""
    return set(re.findall(r"127\.0\.0\.1:(\d+)", (Path(folder) / "inbox/inbox.json").read_text(encoding="utf-8")))


def test_workers_leave_stories_out_without_a_stack_and_the_controller_says_so(shop: Any) -> None:
    shop.write("test_other.py", "def test_other():\n    pass\n")
    said = shop.pytest("-n2")

    assert (said.code, outcomes(said)) == (0, "1 passed")
    assert said.out.count("obscheck: 2 stories were left out; play them with --obs-stack") == 1


def test_a_report_folder_holds_three_files_of_each_story_and_can_be_judged_again(shop: Any) -> None:
    said = shop.pytest("--obs-stack", "--obs-report=runs", "-q")
    names = sorted(path.name for path in (shop.path / "runs").iterdir())
    texts = [(shop.path / f"runs/scenarios-{name}.txt").read_text(encoding="utf-8") for name in ("open", "shut")]
    again = shop.obscheck("judge", "runs")

    assert names == [f"scenarios-{name}.{kind}" for name in ("open", "shut") for kind in ("ndjson", "txt", "xml")]
    assert (again.code, again.out) == (1, "".join(texts))
    assert texts[0] in said
    assert "  journal: runs/scenarios-shut.ndjson\n" in said


def test_the_folder_of_a_run_is_kept_where_that_is_asked_for(shop: Any) -> None:
    said = shop.pytest("--obs-stack", "-q", "--obs-keep", "scenarios/open.obs.yaml")
    alive, (kept,) = shop.left()

    assert f"obscheck: the run's folder is kept: {shop.temp / kept}" in said
    assert (shop.temp / kept / "web/web.log").exists()
    assert alive == []


def test_other_plugins_hear_of_every_story(shop: Any) -> None:
    shop.write("conftest.py", PLAYED)
    said = shop.pytest("--obs-stack", "-q", "-s", "--obs-report=runs")
    runs = shop.path / "runs"

    assert f"played: the shop is open, passed, {runs}/scenarios-open.ndjson" in said
    assert f"played: the shop is shut, failed, {runs}/scenarios-shut.ndjson" in said


def test_python_stories_take_part(shop: Any) -> None:
    shop.write(
        "scenarios/test_py.py",
        "from pytest_obscheck import Health, eventually, never\n\n\n"
        "def test_the_shop_is_open(scenario):\n"
        '    scenario.expect(Health("web", "/", status=200), eventually("0s", "200ms"))\n'
        '    assert str(scenario.run().outcome) == "passed"\n\n\n'
        "def test_the_shop_is_shut(scenario):\n"
        '    scenario.expect(Health("web", "/", status=200), never("0s", "200ms"))\n'
        "    scenario.run()\n\n\n"
        "def test_the_stack_is_there(obs_stack):\n"
        '    assert list(obs_stack.plan.members) == ["inbox", "web"]\n',
    )
    said = shop.pytest("--obs-stack", "-q", "scenarios/test_py.py")

    assert (said.code, outcomes(said)) == (1, "1 failed, 2 passed")
    assert "the shop is open: passed" in said
    assert "E       pytest_obscheck.errors.StoryFailed: the shop is shut: failed\n" in said
    assert "\nscenarios/test_py.py:11: StoryFailed\n" in said
    assert "session.py" not in said


def test_a_claim_that_passes_without_the_fault_is_named_by_a_control_run(shop: Any) -> None:
    story = OPEN.format("open", "eventually") + "faults:\n  - freeze: {component: inbox}\n    from: 0s\n    until: 100ms\n"
    shop.write("scenarios/open.obs.yaml", story)
    said = shop.pytest("--obs-stack", "-q", "--obs-control", "scenarios/open.obs.yaml")

    assert (said.code, outcomes(said)) == (0, "1 passed")
    assert "proves nothing" in said


def test_warnings_that_are_errors_do_not_break_a_run(shop: Any) -> None:
    said = shop.pytest("--obs-stack", "-q", "scenarios/open.obs.yaml", PYTHONWARNINGS="error", PYTHONDEVMODE="1")

    assert (said.code, outcomes(said), "Warning" in said) == (0, "1 passed", False)


# ── on the whole stack ───────────────────────────────────────────────────────

NOISY = """name: the disk is full
faults:
  - sample: {series: 'node_filesystem_avail_bytes{mountpoint="/"}', set: 0}
    from: 0s
    until: 10s
expect:
  - alert: {name: HighDiskUsage}
    within: 5s
    after: sample
"""
QUIET = """name: the disk is not full
expect:
  - alert: {name: HighDiskUsage}
    never: 0s .. 500ms
  - metric: {expr: 'count_over_time(ALERTS{alertname="HighDiskUsage"}[5m]) or vector(0)', is: "== 0"}
    always: 0s .. 500ms
    warm: false
"""


def verdicts(said: Any) -> list[str]:
    """Return the lines that say how a story, or a claim of it, ended."""
    return re.findall(r"^(?:[a-z ]+: (?:passed|failed|unknown)|  [✓✗?] .*)$", said.out, re.MULTILINE)


def test_each_story_gets_fresh_data_whatever_the_order(project: Any) -> None:
    noisy, quiet = str(project.write("a.obs.yaml", NOISY)), str(project.write("b.obs.yaml", QUIET))
    there = project.pytest("--obs-stack", "-q", noisy, quiet)
    back = project.pytest("--obs-stack", "-q", quiet, noisy)

    assert (outcomes(there), outcomes(back)) == ("2 passed", "2 passed")
    assert sorted(verdicts(there)) == sorted(verdicts(back))
    assert project.left() == ([], [])


def test_a_story_that_shares_its_stack_sees_what_was_before(project: Any) -> None:
    noisy = str(project.write("a.obs.yaml", NOISY.replace("until: 10s", "until: 2s")))
    quiet = str(project.write("b.obs.yaml", f"share: true\n{QUIET}"))
    said = project.pytest("--obs-stack", "-q", noisy, quiet)

    assert (outcomes(said), said.code) == ("1 failed, 1 passed", 1)
    assert "  ✓ alert HighDiskUsage fires never in 0s .. 500ms\n" in said
    assert "  ✗ metric count_over_time(ALERTS" in said


def test_a_member_that_a_story_left_dead_is_started_for_the_next(project: Any) -> None:
    dying = "expect:\n  - health: {service: payments, path: /health, status: 200}\n    eventually: 0s .. 300ms\n"
    project.write("a.obs.yaml", dying)
    project.write(
        "test_b.py",
        "from pytest_obscheck.capabilities import Killable\n\n"
        "def test_b(obs_stack):\n    obs_stack.that(Killable, named='payments').kill()\n",
    )
    project.write("c.obs.yaml", dying)
    said = project.pytest("--obs-stack", "-q", "a.obs.yaml", "test_b.py", "c.obs.yaml")

    assert (said.code, outcomes(said)) == (0, "3 passed")


def test_a_journal_tells_everything_and_no_secret(project: Any) -> None:
    project.edit(
        "stack/stack.yaml", '{HOST: "${host}", PORT:', '{HOST: "${host}", DATABASE_PASSWORD: a-secret-of-a-service, PORT:'
    )
    project.edit("stack/alertmanager/alertmanager.yml", "/alerts\n", "/alerts?token=a-token-in-a-query\n")
    project.edit(
        "stack/prometheus/prometheus.yml",
        "  - job_name: node\n",
        "  - job_name: node\n    basic_auth: {username: shop, password: a-password-of-the-shop}\n",
    )
    story = project.write("a.obs.yaml", NOISY.replace("until: 10s", "until: 1s"))
    said = project.pytest("--obs-stack", "-q", "--obs-report=runs", str(story))
    text = (project.path / "runs/a.ndjson").read_text(encoding="utf-8")
    journal = journals.parse(text)
    run, plan, derived = (journal.last(kind).data for kind in ("run", "plan", "derived"))
    kinds = [event.kind for event in journal.events]

    assert said.code == 0
    assert [secret for secret in SECRETS if secret in text] == []
    assert kinds[:5] == ["run", "scenario", "plan", "files", "derived"]
    assert kinds[-6:] == ["rules", "targets", "alertmanager", "refused", "logs", "over"]
    assert run["flags"] == ["-p", "no:cacheprovider", "--obs-stack", "-q", "--obs-report=runs", str(story)]
    assert (run["speed"], abs(run["clocks_ahead"]["prometheus"]) < 1) == (1.0, True)
    assert set(derived["programs"]) == {"prometheus", "alertmanager", "toxiproxy-server", "node_exporter"}
    assert plan["alerts"]["HighDiskUsage"]["where"].startswith("prometheus/rules/infrastructure.yml:")
    assert "<secret>" in derived["files"]["prometheus/prometheus.yml"] + derived["files"]["alertmanager/alertmanager.yml"]
