"""A harness that is killed with -9 leaves no process behind, whatever its components have done with themselves."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.supervisor import processes

CLOCK = SystemClock()
MARK = "OBSCHECK_TEST_MARK"
ROUNDS = 20
LATEST = 0.3
"""Seconds after the start at which a harness is killed at the latest: by then all its components run, and one is frozen."""
NOTHING_LEFT = 3.0
"""Seconds within which everything must be gone."""

BEGIN = f"""
import os, signal, sys
from pathlib import Path
from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.protocols import Launch
from pytest_obscheck.runtimes.process import ProcessRuntime

folder = Path(sys.argv[1])
environment = {{"{MARK}": os.environ["{MARK}"]}}
runtime = ProcessRuntime(folder)

def run(name, script):
    return runtime.run(name, Launch(("/bin/sh", "-c", script), folder / name, environment=environment))

print("started", flush=True)
"""

UNRULY = """
run("frozen", "sleep 600 & sleep 600").pause()
run("deaf", "trap '' TERM INT HUP; while :; do sleep 0.05; done")
run("detached", "(setsid sh -c '(setsid sleep 600 &) ; sleep 600' &) ; sleep 600")
run("forking", "while :; do (setsid sh -c 'sleep 0.2' &) ; sleep 0.01; done")
print("all run", flush=True)
sys.stdin.read()
"""

MANNERLY = """
api = run("api", "trap 'echo bye; exit 7' TERM; echo up; while :; do :; done")
until(SystemClock(), lambda: api.logs() == ["up"], 5)
"""

POLITE = (
    MANNERLY
    + """
signal.signal(signal.SIGHUP, signal.default_int_handler)
try:
    print("runs", flush=True)
    until(SystemClock(), lambda: False, 20)  # not signal.pause: a signal just before it would be waited for again
except KeyboardInterrupt:
    print("interrupted, alive:", api.alive())
    runtime.close()
    print(f"stopped with {api.exit_code()}: {api.logs()}")
"""
)

FORGETFUL = MANNERLY

pytestmark = pytest.mark.integration


def marked(mark: str) -> Mapping[int, str]:
    """Return the living processes that have a mark in their environment, with their command lines."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (folder / "environ").read_bytes():
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found


@pytest.fixture
def mark() -> Iterator[str]:
    """Return a mark for one test; what still bears it afterwards, because the test failed, is ended."""
    mark = uuid.uuid4().hex
    yield mark
    while left := marked(mark):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def a_harness(folder: Path, mark: str, story: str = UNRULY) -> subprocess.Popen[str]:
    """Start a harness in a session of its own; it has said "started" when this returns."""
    harness = subprocess.Popen(
        [sys.executable, "-c", BEGIN + story, str(folder)],
        env={**os.environ, MARK: mark},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    assert harness.stdout
    assert harness.stdout.readline() == "started\n"
    return harness


@pytest.mark.parametrize("number", range(ROUNDS))
def test_killed_at_any_moment_it_leaves_nothing_behind(tmp_path: Path, mark: str, number: int) -> None:
    seed = secrets.randbelow(10**9)
    moment = random.Random(seed).uniform(0, LATEST)  # noqa: S311 - no secret, and to be repeated by its seed
    sys.stdout.write(f"round {number}: seed {seed}, killed {moment:.3f} s after its start\n")
    with a_harness(tmp_path, mark) as harness:
        CLOCK.sleep(moment)
        before = marked(mark)
        harness.kill()

    assert harness.pid in before
    assert until(CLOCK, lambda: not marked(mark), NOTHING_LEFT), marked(mark)


def test_killed_when_all_of_its_components_run_it_leaves_nothing_behind(tmp_path: Path, mark: str) -> None:
    with a_harness(tmp_path, mark) as harness:
        assert harness.stdout
        assert harness.stdout.readline() == "all run\n"
        # The frozen one may not have come to starting its worker; the detached one has two sessions beside its own.
        assert until(CLOCK, lambda: list(marked(mark).values()).count("sleep 600 ") >= 3, NOTHING_LEFT)
        harness.kill()

    assert until(CLOCK, lambda: not marked(mark), NOTHING_LEFT), marked(mark)


def test_killed_together_with_its_supervisor_it_leaves_nothing_behind(tmp_path: Path, mark: str) -> None:
    with a_harness(tmp_path, mark) as harness:
        assert harness.stdout
        assert harness.stdout.readline() == "all run\n"
        supervisor = next(pid for pid, process in processes().items() if process.parent == harness.pid)
        os.kill(supervisor, signal.SIGKILL)
        harness.kill()

    assert until(CLOCK, lambda: not marked(mark), NOTHING_LEFT), marked(mark)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_reaches_the_harness_alone_which_stops_its_components_in_order(
    tmp_path: Path, mark: str, number: signal.Signals
) -> None:
    with a_harness(tmp_path, mark, POLITE) as harness:
        assert harness.stdout
        assert harness.stdout.readline() == "runs\n"
        os.killpg(harness.pid, number)
        said = harness.stdout.read()

    assert said == "interrupted, alive: True\nstopped with 7: ['up', 'bye']\n"
    assert marked(mark) == {}


def test_a_harness_that_forgets_to_close_its_runtime_closes_it_at_its_exit(tmp_path: Path, mark: str) -> None:
    with a_harness(tmp_path, mark, FORGETFUL) as harness:
        assert harness.stdout
        assert harness.stdout.read() == ""

    assert harness.returncode == 0
    assert (tmp_path / "api" / "api.log").read_text() == "up\nbye\n"
    assert marked(mark) == {}
