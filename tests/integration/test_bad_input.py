"""Every mistake ends with one clear sentence, a red exit code, and nothing left running."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.clock import SystemClock, until

pytestmark = pytest.mark.integration

STORY = "scenarios/x.obs.yaml"
NO_STACK = "there is no such file; `obscheck init` writes a first one, from what is here"
CLAIM = """expect:
  - alert: {name: CheckoutSlow}
    never: 0s .. 300ms
"""
LOAD = """load:
  - locust: {file: bad.py, users: 2}
    from: 0s
    until: 1s
"""
PROMETHEUS = "config: prometheus/prometheus.yml"
MAIL = """    email_configs:
      - to: shop-team@shop.example
        send_resolved: true
"""
ALL = "prometheus promtool alertmanager amtool toxiproxy-server node_exporter"


@dataclass(frozen=True)
class Mistake:
    """A mistake: what is done to the project, and the sentence that must be told."""

    name: str
    spoil: Callable[[Any], None]
    told: str
    code: int = 1


def story(text: str) -> Callable[[Any], None]:
    """Return what writes a story."""
    return lambda project: project.write(STORY, text)


def stack(name: str, old: str, new: str) -> Callable[[Any], None]:
    """Return what spoils a file of the stack, beside a story that is in order."""

    def spoil(project: Any) -> None:
        project.write(STORY, CLAIM)
        project.edit(f"stack/{name}", old, new)

    return spoil


def rules(text: str) -> Callable[[Any], None]:
    """Return what adds a rule file, beside a story that is in order."""

    def spoil(project: Any) -> None:
        project.write(STORY, CLAIM)
        project.write("stack/prometheus/rules/new.yml", text)

    return spoil


def locustfile(text: str) -> Callable[[Any], None]:
    """Return what writes a locustfile, and a story that uses it."""

    def spoil(project: Any) -> None:
        project.write(STORY, LOAD + CLAIM)
        project.write("scenarios/bad.py", text)

    return spoil


def no_mail(project: Any) -> None:
    """Let no receiver write mail."""
    project.write(STORY, "expect:\n  - notification: {sink: email}\n    never: 0s .. 300ms\n")
    project.edit("stack/alertmanager/alertmanager.yml", MAIL, '    webhook_configs: [{url: "https://audit.shop.example/b"}]\n')


def no_stack(project: Any) -> None:
    """Take the stack.yaml away."""
    project.write(STORY, CLAIM)
    (project.path / "stack/stack.yaml").unlink()


def a_file_where_ports_are_locked(project: Any) -> None:
    """Make it impossible to reserve a port."""
    project.write(STORY, CLAIM)
    (project.temp / f"obscheck-ports-{os.getuid()}").write_text("")


MISTAKES = [
    Mistake(
        "an unknown name",
        story(f"faults:\n  - latncy: {{to: payments, by: 800ms}}\n    from: 0s\n    until: 1s\n{CLAIM}"),
        "scenarios/x.obs.yaml:2: no fault called 'latncy'; did you mean 'latency'?\n",
        code=2,
    ),
    Mistake(
        "a bad window",
        story(CLAIM.replace("0s .. 300ms", "45s to 90s")),
        "scenarios/x.obs.yaml:3: '45s to 90s' is not a window; write it like '45s .. 90s'\n",
        code=2,
    ),
    Mistake("not YAML", story('name: "x\n'), "scenarios/x.obs.yaml:2: not YAML: found unexpected end of stream\n", code=2),
    Mistake("an empty story", story("# to do\n"), "scenarios/x.obs.yaml: the file is empty\n", code=2),
    Mistake(
        "a story that claims nothing",
        story("name: x\n"),
        "scenarios/x.obs.yaml:1: the story claims nothing; add 'expect:' with at least one entry\n",
        code=2,
    ),
    Mistake(
        "a rule that does not parse",
        rules("groups:\n  - name: new\n    rules:\n      - alert: New\n        expr: up >> 1\n"),
        'ERROR: prometheus/rules/new.yml:5: group "new", rule 1, "New": could not parse expression: 1:5: parse error: ',
        code=4,
    ),
    Mistake(
        "a route to nobody",
        stack("alertmanager/alertmanager.yml", "receiver: shop-team", "receiver: shop-taem"),
        'ERROR: alertmanager/alertmanager.yml:26: undefined receiver "shop-taem" used in route\n',
        code=4,
    ),
    Mistake("no stack.yaml", no_stack, f"ERROR: stack/stack.yaml: {NO_STACK}\n", code=4),
    Mistake(
        "an alert that no rule file has",
        story(CLAIM.replace("CheckoutSlow", "ChekoutSlow")),
        "scenarios/x.obs.yaml:2: no rule file has an alert 'ChekoutSlow'; did you mean 'CheckoutSlow'?\n",
    ),
    Mistake(
        "PromQL that does not parse",
        story('expect:\n  - metric: {expr: "sum(rate(up[5m])", is: ">= 0"}\n    eventually: 0s .. 300ms\n'),
        "scenarios/x.obs.yaml:2: metric: 'sum(rate(up[5m])' is not PromQL: 1:17: parse error: unclosed left parenthesis\n"
        "  sum(rate(up[5m])\n                  ^\n",
    ),
    Mistake(
        "a sink that no receiver uses",
        no_mail,
        "scenarios/x.obs.yaml:2: no receiver of alertmanager.yml uses 'email'; used are: pagerduty, slack, webhook\n",
    ),
    Mistake(
        "a fault on what is not proxied",
        story(f"faults:\n  - latency: {{to: checkout, by: 800ms}}\n    from: 0s\n    until: 1s\n{CLAIM}"),
        "scenarios/x.obs.yaml:2: no way to 'checkout' goes through the fault proxy; proxied are: payments (from checkout)\n",
    ),
    Mistake(
        "a locustfile that is no Python",
        locustfile("from locust import\n"),
        "bad.py:1: invalid syntax; a locustfile is Python\n",
    ),
    Mistake(
        "a locustfile that raises when it is imported",
        locustfile('raise ValueError("no shop today")\n'),
        "the experiment is void: locust: ended by itself (exit code 1); its last lines:\n"
        "  {project}/scenarios/bad.py:1: ValueError: no shop today\n",
    ),
    Mistake(
        "a locustfile that raises when it runs",
        locustfile(
            "from locust import HttpUser, task\n\n\nclass Customer(HttpUser):\n    @task\n    def buy(self):\n"
            '        raise ValueError("no shop today")\n'
        ),
        "  {project}/scenarios/bad.py:7: ValueError: no shop today; no user made any request\n",
    ),
    Mistake(
        "a program that dies at start",
        stack("stack.yaml", PROMETHEUS, f"{PROMETHEUS}\n    args: [--no-such-flag]"),
        "prometheus: it ended at start (exit code 1); its last lines:\n"
        "  Error parsing command line arguments: unknown long flag '--no-such-flag'\n"
        "  prometheus: error: unknown long flag '--no-such-flag'\n",
    ),
    Mistake(
        "a service that raises at start",
        stack("stack.yaml", "[python, -m, service.payments]", "[python, -c, 'raise KeyError(1)']"),
        "payments: it ended at start (exit code 1); its last lines:\n  <string>:1: KeyError: 1\n",
    ),
    Mistake(
        "a program that does not exist",
        stack("stack.yaml", "[python, -m, service.payments]", "[paymentsd, --fast]"),
        "paymentsd: not found on PATH; install it or write the path of the program\n",
    ),
    Mistake(
        "a folder of ports that cannot be made",
        a_file_where_ports_are_locked,
        "/temp/obscheck-ports-0: File exists; the harness must be able to write and run things there\n",
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name.replace(" ", "-"))
def test_a_mistake_is_told_in_a_sentence(project: Any, mistake: Mistake) -> None:
    mistake.spoil(project)
    said = project.pytest("--obs-stack", STORY)

    assert (said.code, "Traceback" in said, project.left()) == (mistake.code, False, ([], []))
    assert mistake.told.format(project=project.path) in said.out


def test_a_port_that_somebody_else_has_is_told_by_who_wanted_it(project: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        project.edit("stack/stack.yaml", 'PORT: "${port.http}"} # where', f'PORT: "{port}"}} # where somebody')
        said = project.pytest("--obs-stack", "scenarios/full-disk.obs.yaml")

    assert (said.code, "Traceback" in said, project.left()) == (1, False, ([], []))
    last = said.out.partition("payments: it ended at start (exit code 1); its last lines:\n")[2].splitlines()[0]
    assert last.endswith("OSError: [Errno 98] Address already in use")


def test_a_stack_file_that_is_not_there_is_named(project: Any) -> None:
    said = project.pytest("--obs-stack=nonsense.yaml", "scenarios/full-disk.obs.yaml")

    assert (said.code, said.last) == (4, f"ERROR: nonsense.yaml: {NO_STACK}")
    assert project.left() == ([], [])


def test_every_missing_program_is_named_with_what_installs_it(project: Any) -> None:
    said = project.pytest("--obs-stack", OBSCHECK_CACHE=str(project.temp / "empty"), PATH="/nowhere")

    expected = f"ERROR: {ALL.replace(' ', ', ')}: not found on PATH or in the cache; run: obscheck install {ALL}"

    assert (said.code, said.last) == (4, expected)
    assert project.left() == ([], [])


def test_a_program_that_is_too_old_is_named_with_its_version(project: Any) -> None:
    old = project.write("bin/prometheus", '#!/bin/sh\necho "prometheus, version 2.10.0 (branch: HEAD)"\n')
    old.chmod(0o755)

    said = project.pytest("--obs-stack", OBSCHECK_CACHE=str(project.temp / "empty"), PATH=str(old.parent))

    assert said.code == 4
    assert f"ERROR: prometheus: {old} is 2.10.0, too old (at least 2.42.0 is needed); promtool, " in said.out
    assert said.out.strip().endswith(f"; run: obscheck install {ALL}")


def test_a_service_that_never_becomes_ready_is_told_with_its_last_log_lines(project: Any) -> None:
    never = "import time; print('waiting for the database'); time.sleep(60)"
    project.edit("stack/stack.yaml", "[python, -m, service.payments]", f'[python, -c, "{never}"]')
    project.write("pytest.ini", "[pytest]\nobs_ready_within = 1s\n")

    said = project.pytest("--obs-stack", "scenarios/full-disk.obs.yaml")
    expected = (
        r"payments: it was not ready within 1\.0s; GET http://127\.0\.0\.1:\d+/health was not answered: "
        r"\[Errno 111\] Connection refused; it must listen on the port that \$\{port\.…\} stands for; "
        r"its last lines:\n  waiting for the database\n"
    )

    assert (said.code, "Traceback" in said, project.left()) == (1, False, ([], []))
    assert re.search(expected, said.out)


def test_a_limit_that_is_no_duration_is_told(project: Any) -> None:
    project.write("pytest.ini", "[pytest]\nobs_ready_within = soon\n")

    said = project.pytest("--obs-stack", "scenarios/full-disk.obs.yaml")

    told = "ERROR: obs_ready_within: 'soon' is not a duration; write it like '800ms', '10s' or '1m30s'"
    assert (said.code, said.last, project.left()) == (4, told, ([], []))


def test_a_stack_that_did_not_start_fails_every_test_that_needs_it_at_once(project: Any) -> None:
    project.edit("stack/stack.yaml", PROMETHEUS, f"{PROMETHEUS}\n    args: [--no-such-flag]")
    project.write("scenarios/test_by_hand.py", "def test_it(obs_stack):\n    pass\n\ndef test_other():\n    pass\n")

    said = project.pytest("--obs-stack", "scenarios/full-disk.obs.yaml", "scenarios/test_by_hand.py", "-q")
    sentence = "prometheus: it ended at start (exit code 1)"

    assert (said.code, "Traceback" in said, project.left()) == (1, False, ([], []))
    assert "1 passed" in said
    assert f"scenarios/full-disk.obs.yaml::full-disk - {sentence}" in said
    assert f"scenarios/test_by_hand.py::test_it - Failed: {sentence}" in said


def test_a_mistake_in_a_python_story_is_shown_where_the_test_runs_it(project: Any) -> None:
    project.write(
        "scenarios/test_x.py",
        "from pytest_obscheck import Alert, never\n\n\ndef test_x(scenario):\n"
        '    scenario.expect(Alert("ChekoutSlow"), never("0s", "1s"))\n    scenario.run()\n',
    )
    said = project.pytest("--obs-stack", "scenarios/test_x.py")

    assert said.code == 1
    assert "no rule file has an alert 'ChekoutSlow'; did you mean 'CheckoutSlow'?\n\nscenarios/test_x.py:6: ConfigError" in said
    assert "session.py" not in said


# ── Ctrl-C ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Moment:
    """A moment of a run: what can be seen from outside when it has come."""

    name: str
    come: Callable[[Any], bool]


def _journal(project: Any) -> str:
    path = project.path / "runs/scenarios-slow-dependency.ndjson"
    return path.read_text(encoding="utf-8") if path.exists() else ""


MOMENTS = [
    Moment("while it starts", lambda project: any(project.temp.glob("obscheck-run-*/prometheus"))),
    Moment("before time zero", lambda project: '"kind":"load"' in _journal(project)),
    Moment("in the middle of a fault", lambda project: '"phase":"confirmed"' in _journal(project)),
    Moment("at the end of a story", lambda project: '"kind":"logs"' in _journal(project)),
]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: moment.name.replace(" ", "-"))
def test_ctrl_c_heals_and_ends_everything(project: Any, moment: Moment) -> None:
    run = project.start(
        "pytest", "-p", "no:cacheprovider", "--obs-stack", "--obs-report=runs", "scenarios/slow-dependency.obs.yaml"
    )
    came = until(SystemClock(), lambda: moment.come(project) or run.poll() is not None, 30.0, 0.01)
    os.kill(run.pid, signal.SIGINT)
    out, _ = run.communicate(timeout=30)

    assert came
    assert (run.returncode, "Traceback" in out, "KeyboardInterrupt" in out) == (2, False, True)
    assert project.left() == ([], [])
    assert _journal(project).count('"phase":"injected"') == _journal(project).count('"phase":"healed"')


SLOW_TO_END = """
import http.server, pathlib, signal, sys, time

def end(*_):
    pathlib.Path("asked-to-end").touch()
    time.sleep(1)
    pathlib.Path("ended").touch()
    sys.exit()

signal.signal(signal.SIGTERM, end)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def test_ctrl_c_while_it_ends_waits_until_it_has_ended(bare_project: Any) -> None:
    bare_project.write("stack/slow.py", SLOW_TO_END)
    bare_project.write("stack/stack.yaml", 'services:\n  web:\n    command: [python, slow.py, "${port.http}"]\n')
    bare_project.write(STORY, "expect:\n  - health: {service: web, path: /, status: 200}\n    eventually: 0s .. 200ms\n")
    run = bare_project.start("pytest", "-p", "no:cacheprovider", "--obs-stack", "-q")
    asked = bare_project.path / "stack/asked-to-end"
    came = until(SystemClock(), lambda: asked.exists() or run.poll() is not None, 30.0, 0.01)
    os.kill(run.pid, signal.SIGINT)
    out, _ = run.communicate(timeout=30)

    assert came
    assert (run.returncode, "Traceback" in out, "1 passed" in out) == (2, False, True)
    assert (asked.with_name("ended").exists(), bare_project.left()) == (True, ([], []))


# ── a full disk ──────────────────────────────────────────────────────────────


DISK = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "obscheck", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.usefixtures("may_mount")
@pytest.mark.parametrize(("room", "code"), [(4, 4), (12, 1), (48, 1)], ids=["for-a-check", "for-some-files", "for-a-program"])
def test_a_full_disk_is_told_in_a_sentence(project: Any, small_disk: Path, room: int, code: int) -> None:
    (small_disk / "filler").write_bytes(b"x" * (DISK - room * 1024))
    said = project.pytest("--obs-stack", "scenarios/full-disk.obs.yaml", TMPDIR=str(small_disk))

    assert (said.code, "Traceback" in said, project.left()) == (code, False, ([], []))
    assert f"{small_disk}" in said
    assert ": the disk is full; free some space, or point TMPDIR at a larger disk\n" in said
    assert list(small_disk.glob("obscheck-run-*")) == []


@pytest.mark.usefixtures("may_mount")
def test_a_full_disk_under_the_reports_is_told_in_a_sentence(project: Any, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(b"x" * DISK)
    said = project.pytest("--obs-stack", f"--obs-report={small_disk}", "scenarios/full-disk.obs.yaml")
    journal = small_disk / "scenarios-full-disk.ndjson"

    assert (said.code, "Traceback" in said, project.left()) == (1, False, ([], []))
    assert f"{journal}: the disk is full; free some space, or point TMPDIR at a larger disk" in said
