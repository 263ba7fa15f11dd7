"""A whole run that is killed with -9 at any moment leaves no process behind, and the next run is green."""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.supervisor import processes

CLOCK = SystemClock()
NOTHING_LEFT = 3.0
"""Seconds within which everything must be gone."""

STORY = """
name: a shop with a frozen member and a worker that forks
load:
  - locust: {file: loads/checkout.py, users: 5}
    from: 0s
    until: 3s
faults:
  - freeze: {component: payments}
    from: 300ms
    until: 2500ms
expect:
  - health: {service: checkout, path: /health/readiness, status: 503}
    within: 10s
    after: freeze
  - health: {service: checkout, path: /health/readiness, status: 200}
    within: 10s
    after: cure of freeze
"""
MEMBER = """  worker: # forks twice, detaches itself, and does so again and again
    command: [python, forking.py]
    environment: {PORT: "${port.http}"}

  checkout:
"""
WORKER = """
import os, signal, subprocess, threading, time
from http.server import BaseHTTPRequestHandler, HTTPServer

DETACHED = "(setsid sh -c '(setsid sleep 600 &) ; sleep 600' &)"

def fork_on():
    subprocess.run(["sh", "-c", DETACHED])
    while True:
        subprocess.run(["sh", "-c", "(setsid sh -c 'sleep 0.3' &)"])
        time.sleep(0.05)

class Up(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

signal.signal(signal.SIGTERM, signal.SIG_IGN)
threading.Thread(target=fork_on, daemon=True).start()
HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Up).serve_forever()
"""

pytestmark = pytest.mark.integration


class Said(Protocol):
    """How a command ended, and what it printed."""

    code: int
    out: str


class Project(Protocol):
    """The copy of the shipped project that ``tests/conftest.py`` gives."""

    temp: Path

    def write(self, name: str, text: str) -> Path: ...
    def edit(self, name: str, old: str, new: str) -> None: ...
    def start(self, *words: str) -> subprocess.Popen[str]: ...
    def pytest(self, *words: str) -> Said: ...
    def alive(self) -> Mapping[int, str]: ...
    def left(self) -> tuple[list[str], list[str]]: ...


@pytest.fixture
def unruly(project: Project) -> Project:
    """Return a project with a worker that nobody gets rid of easily, and a story that freezes a member."""
    project.edit("stack/stack.yaml", "  checkout:\n", MEMBER)
    project.write("stack/forking.py", WORKER)
    project.write("scenarios/unruly.obs.yaml", STORY)
    return project


@dataclass(frozen=True)
class Kill:
    """What a run had when it was killed: how many processes, and how many of them frozen."""

    processes: int
    frozen: int


def killed(project: Project, number: int, latest: float) -> Kill:
    """Kill a run at a random moment, as many seconds after its start at the latest; nothing of it is left soon after."""
    seed = secrets.randbelow(10**9)
    moment = random.Random(seed).uniform(0, latest)  # noqa: S311 - no secret, and to be repeated by its seed
    with project.start("pytest", "-p", "no:cacheprovider", "--obs-stack", "scenarios/unruly.obs.yaml") as harness:
        CLOCK.sleep(moment)
        before = project.alive()
        frozen = sum(process.state == "T" for pid, process in processes().items() if pid in before)
        os.kill(harness.pid, signal.SIGKILL)
    killed_at = CLOCK.now()
    gone = until(CLOCK, lambda: not project.alive(), NOTHING_LEFT)
    took = CLOCK.now() - killed_at
    sys.stdout.write(f"round {number}: seed {seed}, killed {moment:.2f} s after its start; {len(before)} processes, ")
    sys.stdout.write(f"{frozen} of them frozen, were gone {took * 1000:.0f} ms later\n")

    assert gone, sorted(project.alive().values())
    return Kill(len(before), frozen)


def assert_next_run_is_green(project: Project) -> float:
    """Return how many seconds it took: on a busy machine that is when a kill meets anything."""
    began = CLOCK.now()
    said = project.pytest("--obs-stack", "scenarios/unruly.obs.yaml")

    assert said.code == 0, said.out
    took = CLOCK.now() - began
    assert project.left() == ([], [])
    return took


def test_killed_at_any_of_six_moments_a_run_leaves_nothing_behind(unruly: Project) -> None:
    length = assert_next_run_is_green(unruly)

    kills = [killed(unruly, number, latest=length) for number in range(6)]

    # One of six at least must have met a whole stack, or nothing was proved.
    assert max(kill.processes for kill in kills) > 10, kills
    assert_next_run_is_green(unruly)


@pytest.mark.long
def test_killed_at_any_of_twenty_moments_a_run_leaves_nothing_behind_and_the_next_is_green(unruly: Project) -> None:
    length, kills = assert_next_run_is_green(unruly), []
    for number in range(20):
        kills.append(killed(unruly, number, latest=length))
        length = assert_next_run_is_green(unruly)

    assert any(kill.frozen for kill in kills), kills
