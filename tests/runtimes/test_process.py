"""The process runtime with real processes: started, frozen, killed, restarted, and ended with their run."""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.errors import StackError
from pytest_obscheck.protocols import PROGRAM_HOME, Launch, Running, Runtime
from pytest_obscheck.runtimes._ports import Ports
from pytest_obscheck.runtimes.process import ProcessRuntime, RunningProcess, command, stand_still
from pytest_obscheck.supervisor import processes

PYTHON = (sys.executable, "-S", "-c")
FOREVER = "import signal\nprint('up')\nwhile True: signal.pause()"
DEAF = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FOREVER
TREE = "import os\nif os.fork() == 0:\n  os.setsid()\n  if os.fork(): os._exit(0)\n" + FOREVER
"""A worker that forks twice and leaves its session, beside the first process."""
MANNERLY = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit('bye'))
print('up')
while True: signal.pause()
"""

pytestmark = pytest.mark.integration


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[ProcessRuntime]:
    runtime = ProcessRuntime(tmp_path / "run", ports=Ports(tmp_path / "locks"))
    yield runtime
    runtime.close()


def run(runtime: ProcessRuntime, script: str, name: str = "api", lines: int = 1) -> RunningProcess:
    """Run a Python script until it has written some lines."""
    running = runtime.run(name, Launch((*PYTHON, script), runtime.folder / name))
    wait_for(running, lines)
    return running


def wait_for(running: RunningProcess, lines: int) -> None:
    assert until(SystemClock(), lambda: len(running.logs()) >= lines, 5), running.logs()


# ── running ──────────────────────────────────────────────────────────────────


def test_it_is_a_runtime_and_what_runs_is_running(runtime: ProcessRuntime) -> None:
    typed: Runtime = runtime

    assert isinstance(typed.run("api", Launch((*PYTHON, FOREVER), runtime.folder / "api")), Running)


def test_a_program_that_dies_at_once_leaves_its_code_and_its_words(runtime: ProcessRuntime) -> None:
    script = "import sys\nprint('level=info msg=hello')\nprint('level=error msg=no', file=sys.stderr)\nsys.exit(3)"
    api = run(runtime, script, lines=2)

    assert until(SystemClock(), lambda: not api.alive(), 5)
    assert api.exit_code() == 3
    assert api.logs() == ["level=info msg=hello", "level=error msg=no"]
    assert api.logs(last=1) == ["level=error msg=no"]
    assert api.logs(last=0) == []


def test_a_program_that_cannot_be_started_is_one_sentence_and_the_others_run_on(runtime: ProcessRuntime) -> None:
    api = run(runtime, FOREVER)
    with pytest.raises(StackError) as raised:
        runtime.run("prometheus", Launch(("/x/prometheus",), runtime.folder / "prometheus"))

    assert str(raised.value) == (
        "prometheus: cannot be started: [Errno 2] No such file or directory: '/x/prometheus'; "
        "the program, and the interpreter that its first line may name, must exist and be executable"
    )
    assert api.alive()


def test_a_folder_to_run_in_that_is_missing_is_named(runtime: ProcessRuntime) -> None:
    with pytest.raises(StackError) as raised:
        runtime.run("api", Launch((*PYTHON, FOREVER), runtime.folder / "api", cwd=Path("/nowhere")))

    assert str(raised.value).startswith("api: cannot be started: [Errno 2] No such file or directory: '/nowhere'; ")


def test_one_name_runs_once_at_a_time(runtime: ProcessRuntime) -> None:
    api = run(runtime, FOREVER)
    with pytest.raises(StackError) as raised:
        run(runtime, FOREVER)
    api.kill()

    assert str(raised.value) == "api: runs already; stop it first, or start it under another name"
    assert run(runtime, FOREVER, lines=2).alive()


def test_nothing_of_the_shell_but_the_path_reaches_a_component(
    runtime: ProcessRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "AWS_CA_BUNDLE", "PROMETHEUS_URL", "PYTHONPATH", "LC_ALL"):
        monkeypatch.setenv(name, "of the shell")
    folder = runtime.folder / "api"
    runtime.run("api", Launch(("/usr/bin/env", "-0"), folder, environment={"DATABASE_URL": "postgres://x", "LANG": "de_DE"}))
    log = folder / "api.log"
    expected = {
        "PATH": os.environ["PATH"],
        "LANG": "de_DE",
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "PYTHONUNBUFFERED": "1",
        "DATABASE_URL": "postgres://x",
    }

    assert until(SystemClock(), lambda: log.read_text().count("\0") >= len(expected), 5)
    assert dict(line.split("=", 1) for line in log.read_text().split("\0")[:-1]) == expected


def test_a_program_is_told_where_its_home_is(tmp_path: Path) -> None:
    launch = Launch(("/opt/grafana/bin/grafana", "server", f"--homepath={PROGRAM_HOME}"), tmp_path)

    assert command("grafana", launch)["argv"] == ["/opt/grafana/bin/grafana", "server", "--homepath=/opt/grafana"]


def test_files_are_written_for_the_owner_alone_before_the_start(runtime: ProcessRuntime) -> None:
    folder = runtime.folder / "api"
    show = "print(open('rules/a.yml').read(), open('main.yml').read())"
    runtime.run("api", Launch((*PYTHON, show), folder, files={"main.yml": "b: ü", "rules/a.yml": "a: 1"}))
    log = folder / "api.log"

    assert until(SystemClock(), lambda: log.read_text() != "", 5)
    assert log.read_text() == "a: 1 b: ü\n"
    assert {stat.S_IMODE((folder / name).stat().st_mode) for name in ("main.yml", "rules/a.yml", "api.log")} == {0o600}


# ── freezing ─────────────────────────────────────────────────────────────────


def test_a_frozen_component_and_its_detached_workers_stand_still_until_resumed(runtime: ProcessRuntime) -> None:
    busy = TREE.replace("while True: signal.pause()", "while True: pass")
    api = run(runtime, busy, lines=2)
    assert until(SystemClock(), lambda: api.cpu_seconds() > 0, 5)
    api.pause()
    frozen = api.cpu_seconds()

    assert api.paused()
    assert api.alive()
    assert api.exit_code() is None
    assert not until(SystemClock(), lambda: api.cpu_seconds() > frozen, 0.1)
    api.resume()
    assert not api.paused()
    assert until(SystemClock(), lambda: api.cpu_seconds() > frozen, 5)


def test_freezing_and_resuming_twice_is_as_good_as_once(runtime: ProcessRuntime) -> None:
    api = run(runtime, FOREVER)
    api.pause()
    api.pause()

    assert api.paused()
    api.resume()
    api.resume()
    assert not api.paused()


def test_what_does_not_run_cannot_be_frozen_and_need_not_be_resumed(runtime: ProcessRuntime) -> None:
    api = run(runtime, FOREVER)
    api.kill()
    with pytest.raises(StackError) as raised:
        api.pause()
    api.resume()

    assert str(raised.value) == "api: cannot be paused: it does not run; start it first"
    assert not api.paused()


def test_a_parent_that_waits_in_vfork_for_a_frozen_child_counts_as_frozen(runtime: ProcessRuntime) -> None:
    spawn = "os.posix_spawn('/bin/true', ['true'], {}, file_actions=[(os.POSIX_SPAWN_OPEN, 0, 'never', os.O_RDONLY, 0)])"
    api = run(runtime, f"import os\nos.mkfifo('never')\nprint('up')\n{spawn}")
    assert until(SystemClock(), lambda: sorted(api._look()["states"]) == ["D", "S"], 5)
    api.pause()

    assert sorted(api._look()["states"]) == ["D", "T"]
    assert api.paused()


@pytest.mark.parametrize(
    ("states", "still"), [("T", True), ("TtT", True), ("DT", True), ("D", False), ("", False), ("TS", False), ("RT", False)]
)
def test_all_processes_must_be_stopped_or_on_their_way_to_it(states: str, still: bool) -> None:
    assert stand_still(states) is still


# ── ending and starting again ────────────────────────────────────────────────


@pytest.mark.parametrize("frozen", [False, True])
def test_a_kill_ends_all_processes_frozen_or_not(runtime: ProcessRuntime, frozen: bool) -> None:
    api = run(runtime, TREE, lines=2)
    if frozen:
        api.pause()
    api.kill()
    api.kill()

    assert (api.alive(), api.exit_code(), api.gone()) == (False, -signal.SIGKILL, True)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_stop_lets_it_say_good_bye_frozen_or_not(runtime: ProcessRuntime, frozen: bool) -> None:
    api = run(runtime, MANNERLY)
    if frozen:
        api.pause()
    api.stop()
    api.stop()

    assert api.logs() == ["up", "bye"]
    assert api.exit_code() == 1


def test_a_stop_that_is_ignored_becomes_a_kill(runtime: ProcessRuntime) -> None:
    runtime.stop_grace = 0.1
    api = run(runtime, DEAF)
    api.stop()

    assert api.exit_code() == -signal.SIGKILL


def test_a_restart_goes_on_with_the_same_log_and_the_same_port(runtime: ProcessRuntime) -> None:
    address = runtime.reserve("api", "http")
    host, _, port = address.partition(":")
    serve = f"import socket\ns = socket.create_server(('{host}', {port}))\nprint('serves', {port})\nwhile s.accept(): pass"
    api = run(runtime, serve)
    api.kill()
    api.start()
    wait_for(api, 2)
    api.start()

    assert api.logs() == [f"serves {port}", f"serves {port}"]
    assert (api.alive(), api.exit_code()) == (True, None)
    assert runtime.reserve("api", "http") == address


def test_a_start_ends_what_an_earlier_run_left_behind(runtime: ProcessRuntime) -> None:
    script = "import os\nif os.fork(): os._exit(0)\nos.setsid()\nprint(os.getpid())\nimport signal\nsignal.pause()"
    api = run(runtime, script)
    left = int(api.logs()[0])
    assert until(SystemClock(), lambda: not api.alive(), 5)
    assert not api.gone()
    api.start()

    assert not Path(f"/proc/{left}").exists()


def test_cpu_seconds_count_workers_that_ended_and_earlier_runs(runtime: ProcessRuntime) -> None:
    burn = "import os, time\nif os.fork() == 0:\n  while time.process_time() < 0.1: pass\n  os._exit(0)\nos.wait()\n" + FOREVER
    api = run(runtime, burn)
    first = api.cpu_seconds()
    api.kill()
    ended = api.cpu_seconds()
    api.start()
    wait_for(api, 2)

    assert first >= 0.09
    assert ended >= first
    assert api.cpu_seconds() >= ended + 0.09


# ── the run's end ────────────────────────────────────────────────────────────


def test_a_close_ends_all_at_once_and_nothing_can_be_started_afterwards(runtime: ProcessRuntime) -> None:
    runtime.close_grace = 0.1
    mannerly, deaf = run(runtime, MANNERLY, "mannerly"), run(runtime, DEAF, "deaf")
    deaf.pause()
    runtime.close()
    runtime.close()
    with pytest.raises(StackError) as run_again:
        runtime.run("late", Launch(("/bin/true",), runtime.folder / "late"))
    with pytest.raises(StackError) as start_again:
        deaf.start()

    assert (mannerly.exit_code(), deaf.exit_code()) == (1, -signal.SIGKILL)
    assert str(run_again.value) == "late: its run has been closed; begin another one"
    assert str(start_again.value) == "supervisor: it was ended with its run; begin another one"


def descriptors_and_children() -> tuple[list[Path], list[int]]:
    children = [pid for pid, process in processes().items() if process.parent == os.getpid()]
    return sorted(Path("/proc/self/fd").iterdir()), children


def test_a_close_leaves_no_descriptor_no_child_and_no_lock(tmp_path: Path) -> None:
    before = descriptors_and_children()
    runtime = ProcessRuntime(tmp_path / "run", ports=Ports(tmp_path / "locks"))
    runtime.reserve("api", "http")
    run(runtime, TREE, lines=2)
    runtime.close()

    assert descriptors_and_children() == before
    assert list((tmp_path / "locks").iterdir()) == []


def test_a_fork_of_the_harness_does_not_end_the_run(runtime: ProcessRuntime) -> None:
    api = run(runtime, FOREVER)
    child = os.fork()
    if child == 0:
        try:
            runtime.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)

    assert api.alive()


def test_a_supervisor_that_was_killed_is_one_sentence_and_the_run_can_be_closed(runtime: ProcessRuntime) -> None:
    api = run(runtime, TREE, lines=2)
    assert runtime._supervision
    supervisor = runtime._supervision.pid
    os.kill(supervisor, signal.SIGKILL)
    with pytest.raises(StackError) as raised:
        until(SystemClock(), lambda: not api.alive(), 5)
    with pytest.raises(StackError):
        run(runtime, FOREVER, "other")
    runtime.close()

    log = str(runtime.folder / "supervisor.log")
    assert str(raised.value) == (
        f"supervisor: process {supervisor} ended before its run did, and took every component with it; "
        f"see {log!r}, then run again"
    )


def test_several_threads_can_use_it_at_the_same_time(runtime: ProcessRuntime) -> None:
    def lives(number: int) -> int | None:
        api = run(runtime, MANNERLY, f"api-{number}")
        api.pause()
        assert api.paused()
        api.resume()
        api.stop()
        return api.exit_code()

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lives, range(8))) == [1] * 8
