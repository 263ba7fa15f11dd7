"""Faults on machines, on members in containers of a real daemon: what the members notice of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.faults import _machine
from pytest_obscheck.faults.cpu import Cpu
from pytest_obscheck.faults.full_disk import FullDisk
from pytest_obscheck.faults.memory import Memory
from pytest_obscheck.faults.packet_loss import PacketLoss
from pytest_obscheck.protocols import Effect, Launch
from pytest_obscheck.runtimes.bridge import BridgeRuntime
from pytest_obscheck.runtimes.container import ContainerRuntime
from pytest_obscheck.testing import FakeStack

pytestmark = [pytest.mark.integration, pytest.mark.container]
CLOCK = SystemClock()
LIVES = "import pathlib, time\npathlib.Path('said').write_text('alive')\n"
SPINS = f"{LIVES}while True: pass"
GROWS = (
    f"{LIVES}kept = []\nwhile True:\n    if pathlib.Path('grow').exists(): kept.append(b'x' * (4 << 20))\n    time.sleep(0.01)"
)
WRITES = f"""{LIVES}
pathlib.Path("data").mkdir(exist_ok=True)
while True:
    try:
        with open("data/log", "a") as log:
            log.write("x" * 5000)
        said = "written"
    except OSError as error:
        said = error.strerror
    pathlib.Path("said").write_text(said)
    time.sleep(0.01)
"""
SERVES = f"""{LIVES}
import socket, sys
host, port = sys.argv[1].split(":")
server = socket.create_server((host, int(port)))
while True:
    server.accept()[0].close()
"""


@pytest.fixture
def run(daemon: str, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Return what runs a Python program in a container, and waits until it says something."""
    runtimes = []

    def start(program: str, *words: str, runtime: Any = None) -> Any:
        runtimes.append(runtime or ContainerRuntime(tmp_path / "run"))
        member = runtimes[0].run("api", Launch((sys.executable, "-c", program, *words), tmp_path / "run" / "api"))
        assert says(member, ""), daemon
        return member

    yield start
    for runtime in runtimes:
        runtime.close()


def says(member: Any, words: str) -> bool:
    """Whether the component says that, within a few seconds."""
    path = member.folder() / "said"
    return until(CLOCK, lambda: path.exists() and words in path.read_text(), 10)


def share(member: Any) -> float:
    """Return how much of a processor a component has for half a second."""
    spent, began = member.cpu_seconds(), CLOCK.now()
    until(CLOCK, lambda: False, 0.5)
    return float((member.cpu_seconds() - spent) / (CLOCK.now() - began))


def test_a_container_has_a_share_of_a_processor_and_then_all_of_it(run: Callable[..., Any]) -> None:
    member = run(SPINS)
    stack, fault = FakeStack({"api": member}), Cpu("api", left=0.05)

    before = fault.confirm(stack)
    fault.inject(stack)
    held, starved = fault.confirm(stack), share(member)
    fault.heal(stack)
    fault.heal(stack)

    assert (before, held) == (Effect(False, "its cgroup has no quota"), Effect(True, "its cgroup has 5% of a processor"))
    assert starved < 0.12
    assert fault.confirm(stack) == before
    assert share(member) > 2 * starved


def test_a_container_that_wants_more_memory_than_is_left_is_killed(run: Callable[..., Any]) -> None:
    member = run(GROWS)
    stack, fault = FakeStack({"api": member}), Memory("api", left="16MB")

    before = fault.confirm(stack)
    fault.inject(stack)
    held = fault.confirm(stack)
    (member.folder() / "grow").touch()
    killed = until(CLOCK, lambda: not member.alive(), 10)
    fault.heal(stack)

    assert (before, held.held, killed) == (Effect(False, "its cgroup has no limit"), True, True)
    assert (member.exit_code(), fault.confirm(stack)) == (-9, before)


@pytest.mark.usefixtures("may_mount")
def test_the_disk_of_a_container_runs_full_and_it_keeps_what_it_wrote(run: Callable[..., Any]) -> None:
    member = run(WRITES)
    stack, fault = FakeStack({"api": member}), FullDisk("api", size="1MB", settle="300ms")
    assert says(member, "written")

    before = fault.confirm(stack)
    fault.inject(stack)
    held, full = fault.confirm(stack), says(member, "No space left on device")
    fault.heal(stack)

    assert (before, held, full) == (Effect(False, "on the machine's own disk"), Effect(True, "0KB left of 1MB"), True)
    assert (fault.confirm(stack), says(member, "written")) == (before, True)
    assert (member.folder() / "data" / "log").stat().st_size > 5000


@pytest.mark.skipif(os.geteuid() != 0, reason="reaching the network of a container needs CAP_SYS_ADMIN")
def test_packets_are_lost_in_the_network_of_a_container_alone(run: Callable[..., Any], tmp_path: Path) -> None:
    runtime = BridgeRuntime(tmp_path / "run")
    runtime.unable([])
    member = run(SERVES, runtime.reserve("api", "http"), runtime=runtime)
    stack, fault = FakeStack({"api": member}), PacketLoss("api", 0.5)
    assert until(CLOCK, lambda: len(_machine.listening(member.pids())) == 1, 10)

    before = fault.confirm(stack)
    fault.inject(stack)
    held = fault.confirm(stack)
    fault.heal(stack)
    fault.heal(stack)

    assert (before, held) == (Effect(False, "no packets are lost"), Effect(True, "50% are lost, 0 packets so far"))
    assert fault.confirm(stack) == before
