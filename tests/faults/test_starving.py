"""Too little processor and memory, a full disk, lost packets: what is done, what is measured, and what is refused."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults import _filter, _helpers, _machine, packet_loss
from pytest_obscheck.faults._filter import Filter
from pytest_obscheck.faults.cpu import Cpu
from pytest_obscheck.faults.full_disk import FullDisk
from pytest_obscheck.faults.memory import Memory
from pytest_obscheck.faults.packet_loss import PacketLoss
from pytest_obscheck.protocols import Effect, Launch
from pytest_obscheck.runtimes.process import ProcessRuntime, RunningProcess
from pytest_obscheck.testing import FakeStack

PROCESSORS = len(os.sched_getaffinity(0)) > 1
SPIN = "while True: pass"
SLEEP = "import time\nwhile True: time.sleep(60)"
ASKS_FOR_MORE = """
import pathlib, time
pathlib.Path("said").write_text("nothing yet")
while True:
    if pathlib.Path("ask").exists():
        try:
            pathlib.Path("said").write_text(str(len(bytearray(64 << 20))))
        except MemoryError:
            pathlib.Path("said").write_text("MemoryError")
    time.sleep(0.01)
"""
WRITES = """
import pathlib, time
pathlib.Path("data").mkdir(exist_ok=True)
n = len(list(pathlib.Path("data").glob("start-*")))
pathlib.Path(f"data/start-{n}").write_text("x" * 10000)
while True:
    try:
        with open("data/log", "a") as log:
            log.write("y" * 5000)
        said = "written"
    except OSError as error:
        said = error.strerror
    pathlib.Path("said").write_text(said)
    time.sleep(0.01)
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[str], RunningProcess]]:
    """Start a Python program as a component of a real runtime."""
    runtime = ProcessRuntime(tmp_path / "run")

    def start(program: str) -> RunningProcess:
        return runtime.run("api", Launch((sys.executable, "-c", program), tmp_path / "run" / "api"))

    yield start
    runtime.close()
    # What a test that failed leaves mounted would make every later run fail that tidies up.
    subprocess.run(["umount", "-l", str(tmp_path / "run" / "api" / "data")], check=False, capture_output=True)


def says(member: RunningProcess, words: str) -> bool:
    """Whether the component says that, within the time that it may take on a busy machine."""

    def said() -> bool:
        path = member.folder() / "said"
        return path.exists() and path.read_text() == words

    return until(SystemClock(), said, 30)


# ── processor ──


@pytest.mark.skipif(not PROCESSORS, reason="burners need a processor beside the harness's")
def test_a_component_must_share_a_processor_with_burners(run: Any) -> None:
    member, clock = run(SPIN), SystemClock()
    stack, fault = FakeStack({"api": member}), Cpu("api", left=0.25, means="burners")

    def share() -> float:
        spent, start = member.cpu_seconds(), clock.now()
        until(clock, lambda: False, 0.6)
        return float((member.cpu_seconds() - spent) / (clock.now() - start))

    before, stood = fault.confirm(stack), max(member.waited().values())
    fault.inject(stack)
    # The burners are there when they have been scheduled; the runner, too, asks until they are.
    until(clock, lambda: fault.confirm(stack).held, 5.0)
    held, starved = fault.confirm(stack), share()
    fault.heal(stack)
    fault.heal(stack)

    last = max(os.sched_getaffinity(0))
    assert (before, held) == (Effect(False, "no burners"), Effect(True, f"shares processor {last} with 3 burners"))
    assert starved < 0.5
    assert (fault.starves(), max(member.waited().values()) - stood > 0.1) == ("api", True)
    assert fault.confirm(stack) == Effect(False, "no burners")
    assert os.sched_getaffinity(member.pids()[0]) == os.sched_getaffinity(0)


def test_burners_end_with_the_harness() -> None:
    program = (
        "import os\n"
        "from pytest_obscheck.faults import _helpers\n"
        "from pytest_obscheck.faults.cpu import BURN\n"
        "print(_helpers.spawn('obscheck-test', BURN, max(os.sched_getaffinity(0)), os.getpid(), 60), flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert until(SystemClock(), lambda: _gone(int(done.stdout)), 5)


def _gone(pid: int) -> bool:
    try:
        return b"obscheck-test" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True


def test_helpers_are_found_by_their_name_and_ended() -> None:
    pid = _helpers.spawn("obscheck-test-a", SLEEP)

    assert (_helpers.running("obscheck-test-a"), _helpers.running("obscheck-test")) == ([pid], [])
    _helpers.end("obscheck-test-a")
    _helpers.end("obscheck-test-a")
    assert _helpers.running("obscheck-test-a") == []


@dataclass
class Gone:
    """A member without processes."""

    def pids(self) -> tuple[int, ...]:
        return ()

    def folder(self) -> Path:
        return Path("/nonexistent")

    def stop(self) -> None:
        return

    start = stop

    def alive(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Cpu("api", means="burners"), "api has no process to starve"),
        (Memory("api", means="rlimit"), "api has no process whose memory could be limited"),
        (PacketLoss("api", 0.1), "api listens at no port"),
        (FullDisk("api"), "api has no folder 'data' of its own"),
    ],
)
def test_a_component_that_is_gone_cannot_be_harmed(fault: Any, said: str) -> None:
    with pytest.raises(FaultFailed) as raised:
        fault.inject(FakeStack({"api": Gone()}))

    assert str(raised.value) == said


# ── memory ──


def test_a_component_is_refused_more_memory_than_is_left(run: Any) -> None:
    member = run(ASKS_FOR_MORE)
    stack, fault = FakeStack({"api": member}), Memory("api", left="8MB", means="rlimit")
    assert says(member, "nothing yet")

    before = fault.confirm(stack)
    fault.inject(stack)
    held = fault.confirm(stack)
    (member.folder() / "ask").touch()
    refused = says(member, "MemoryError")
    fault.heal(stack)
    fault.heal(stack)

    assert (before, refused, held.held) == (Effect(False, "no limit of its own"), True, True)
    assert held.words.endswith("left by RLIMIT_DATA")
    assert fault.confirm(stack) == Effect(False, "no limit of its own")
    assert resource.prlimit(member.pids()[0], resource.RLIMIT_DATA) == resource.getrlimit(resource.RLIMIT_DATA)
    assert says(member, str(64 << 20))


# ── disk ──


@pytest.mark.usefixtures("may_mount")
def test_a_components_disk_runs_full_and_keeps_what_was_written(run: Any) -> None:
    member = run(WRITES)
    stack, fault = FakeStack({"api": member}), FullDisk("api", size="1MB", settle="300ms")
    assert says(member, "written")

    before = fault.confirm(stack)
    fault.inject(stack)
    held, full = fault.confirm(stack), says(member, "No space left on device")
    fault.heal(stack)
    fault.heal(stack)

    assert (before, held, full) == (Effect(False, "on the machine's own disk"), Effect(True, "0KB left of 1MB"), True)
    assert fault.confirm(stack) == before
    data = member.folder() / "data"
    assert until(SystemClock(), (data / "start-2").exists, 10)
    assert says(member, "written")
    assert sorted(path.name for path in data.iterdir()) == ["log", "start-0", "start-1", "start-2"]
    assert (data / "start-1").read_text() == "x" * 10000
    assert _helpers.running(f"obscheck-keeper-{data}") == []


@pytest.mark.usefixtures("may_mount")
def test_data_that_do_not_fit_fail_the_fault_and_stay(run: Any) -> None:
    member = run(WRITES)
    data = member.folder() / "data"
    assert says(member, "written")
    (data / "large").write_bytes(bytes(1 << 20))

    with pytest.raises(FaultFailed) as raised:
        FullDisk("api", size="512KB").inject(FakeStack({"api": member}))

    assert str(raised.value) == f"{data}: no file system of 512KB could take its place: what the folder holds is larger"
    assert (os.path.ismount(data), (data / "large").stat().st_size, member.alive()) == (False, 1 << 20, True)


@pytest.mark.usefixtures("may_mount")
def test_the_file_system_goes_when_the_harness_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from pytest_obscheck.faults.full_disk import FullDisk\n"
        f"FullDisk('api', size='1MB')._mount(Path({str(tmp_path)!r}))\n"
        f"assert os.path.ismount({str(tmp_path)!r})\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False)

    gone = until(SystemClock(), lambda: not os.path.ismount(tmp_path), 5)
    subprocess.run(["umount", "-l", str(tmp_path)], check=False, capture_output=True)
    assert (done.returncode, gone) == (-9, True)


def test_a_folder_that_leads_elsewhere_is_not_mounted_over(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "elsewhere")

    @dataclass
    class Linked(Gone):
        def folder(self) -> Path:
            return tmp_path

    with pytest.raises(FaultFailed) as raised:
        FullDisk("api").inject(FakeStack({"api": Linked()}))

    assert str(raised.value) == "api has no folder 'data' of its own"


# ── packets ──


SERVES = """
import socket
server = socket.create_server(("127.0.0.1", 0))
open("port", "w").write(str(server.getsockname()[1]))
while True:
    with server.accept()[0] as connection:
        connection.sendall(b"hello")
"""


def answers(port: int) -> bool:
    """Whether somebody says hello there, within half a second."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5) as connection:
            return connection.recv(5) == b"hello"
    except OSError:
        return False


def port_of(member: RunningProcess) -> int:
    """Return the port at which the component listens, as soon as it does."""
    path = member.folder() / "port"
    assert until(SystemClock(), lambda: path.exists() and path.read_text() != "", 10)
    return int(path.read_text())


FILTERS = shutil.which("iptables-save") is not None and _machine.may(_machine.NET_ADMIN)


@pytest.mark.integration
@pytest.mark.skipif(not FILTERS, reason="the packet filter needs iptables and CAP_NET_ADMIN")
def test_packets_of_the_components_ports_are_lost_and_nobody_elses(run: Any) -> None:
    member = run(SERVES)
    port, stack, fault = port_of(member), FakeStack({"api": member}), PacketLoss("api", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        before = (answers(port), fault.confirm(stack))
        fault.inject(stack)
        reached, held = answers(port), fault.confirm(stack)
        with socket.create_connection(other.getsockname(), timeout=5):
            pass
        fault.heal(stack)
        fault.heal(stack)

    assert (before, reached) == ((True, Effect(False, "no packets are lost")), False)
    assert (held.held, held.words.startswith("100% are lost, "), held.words) == (True, True, held.words)
    assert held.words != "100% are lost, 0 packets so far"
    assert (answers(port), fault.confirm(stack)) == (True, Effect(False, "no packets are lost"))


@pytest.mark.integration
@pytest.mark.skipif(not FILTERS, reason="the packet filter needs iptables and CAP_NET_ADMIN")
def test_lost_packets_are_no_more_lost_when_the_harness_is_killed() -> None:
    program = (
        "import os, signal\n"
        "from pytest_obscheck.faults._filter import Filter\n"
        "kept = Filter(f'obscheck-test-{os.getpid()}', [])\n"
        "kept.drop(0.1, [1])\n"
        "print(len(kept.dropped()), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as killed:
        rules = killed.communicate()[0]

    assert (rules, killed.returncode) == ("2\n", -signal.SIGKILL)
    assert until(SystemClock(), lambda: Filter(f"obscheck-test-{killed.pid}", []).dropped() == [], 5)


SAVED = """\
*filter
:INPUT ACCEPT [9:900]
[2:120] -A INPUT -p tcp -m tcp --dport 8080 -m statistic --mode random --probability 0.1 -m comment --comment key-1 -j DROP
[9:540] -A INPUT -p tcp -m tcp --dport 8081 -m comment --comment "key-1 of another" -j DROP
[3:180] -A OUTPUT -p tcp -m tcp --sport 8080 -m statistic --mode random --probability 0.1 -m comment --comment key-1 -j DROP
COMMIT
"""


def test_rules_are_told_by_their_key_and_taken_away_as_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []

    def run(argv: list[str], **_: Any) -> Any:
        told.append(" ".join(argv))
        return subprocess.CompletedProcess(argv, 0, SAVED if "iptables-save" in argv else "", "")

    monkeypatch.setattr(_filter.subprocess, "run", run)

    assert Filter("key-1", []).dropped() == [2, 3]
    Filter("key-1", []).clear()
    drop = "-m statistic --mode random --probability 0.1 -m comment --comment key-1 -j DROP"
    assert told[-2:] == [
        f"iptables -w -D INPUT -p tcp -m tcp --dport 8080 {drop}",
        f"iptables -w -D OUTPUT -p tcp -m tcp --sport 8080 {drop}",
    ]


def test_what_the_packet_filter_refuses_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(argv: list[str], **_: Any) -> Any:
        return subprocess.CompletedProcess(argv, 4, "", "Permission denied (you must be root)\n")

    monkeypatch.setattr(_filter.subprocess, "run", run)
    with pytest.raises(FaultFailed) as raised:
        Filter("key-1", []).dropped()

    assert str(raised.value) == "iptables-save -c -t filter: Permission denied (you must be root)"


def test_every_reason_why_packets_cannot_be_lost_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packet_loss.shutil, "which", lambda name: None if name == "iptables" else name)

    reasons = list(packet_loss.cannot(networked=True, may=lambda _: False, lacks=lambda _: True))
    here = list(packet_loss.cannot(networked=False, may=lambda _: True, lacks=lambda _: False))

    assert here == ["there is no program 'iptables' on PATH"]
    assert reasons == [
        "there is no program 'iptables' on PATH",
        "changing the packet filter needs CAP_NET_ADMIN, which this process lacks",
        "reaching the network of a container needs CAP_SYS_ADMIN, which this process lacks",
        "its kernel is built without NETFILTER_XT_MATCH_STATISTIC",
    ]


# ── refusals ──


@pytest.mark.parametrize(
    ("fault", "machine", "problems"),
    [
        (
            Cpu("payments"),
            {},
            ["not on this machine: no v2; `means: burners` works without one, --obs-runtime=container has one for each member"],
        ),
        (Cpu("payments", means="burners"), {}, []),
        (
            Memory("payments"),
            {},
            ["not on this machine: no v2; `means: rlimit` works without one, --obs-runtime=container has one for each member"],
        ),
        (Memory("payments", means="rlimit"), {}, []),
        (
            FullDisk("payments"),
            {"may": False},
            ["not on this machine: mounting a file system needs CAP_SYS_ADMIN, which this process lacks"],
        ),
        (FullDisk("payments"), {"may": True}, []),
        (PacketLoss("payments", 0.5), {"may": True}, []),
    ],
)
def test_a_machine_that_does_not_allow_it_is_told_before_anything_starts(
    fault: Any, machine: Mapping[str, Any], problems: list[str], plan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(packet_loss.shutil, "which", lambda name: f"/sbin/{name}")
    monkeypatch.setattr(_machine, "no_cgroup", lambda _: "no v2")
    monkeypatch.setattr(_machine, "lacks", lambda _: False)
    monkeypatch.setattr(_machine, "may", lambda _: machine.get("may"))

    assert list(fault.problems(plan)) == [f"{fault}: {problem}" for problem in problems]


@pytest.mark.parametrize("fault", [Cpu("payments"), Memory("payments")])
def test_where_each_member_has_a_cgroup_the_machine_need_not_let_one_be_made(
    fault: Any, plan: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_machine, "no_cgroup", lambda _: "no v2")

    assert list(fault.problems(replace(plan, limiting=True))) == []


def test_on_its_only_processor_the_harness_is_not_starved(plan: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})

    assert list(Cpu("payments", means="burners").problems(plan)) == [
        "payments is left 25% of a processor: not on this machine: it has one processor, which the harness needs"
    ]


@pytest.mark.parametrize("fault", [Cpu("paymnts"), Memory("paymnts"), FullDisk("paymnts"), PacketLoss("paymnts", 0.1)])
def test_an_unknown_member_is_named(fault: Any, plan: Any) -> None:
    assert list(fault.problems(plan))[0] == "no member called 'paymnts'; did you mean 'payments'?"  # noqa: RUF015


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Cpu("a", left=0), "left: 0 is no share of a processor; write it like 0.25, at least 0.05, less than 1"),
        (lambda: Cpu("a", means="x"), "means: 'x' is neither 'cgroup' nor 'burners'; write one of them"),
        (lambda: Memory("a", left="16"), "left: '16' is no size; write it like '512KB', '16MB' or '1GB'"),
        (lambda: Memory("a", means="x"), "means: 'x' is neither 'cgroup' nor 'rlimit'; write one of them"),
        (lambda: FullDisk("a", size="65MB"), "size: '65MB' is too large for the machine's memory; write at most '64MB'"),
        (
            lambda: FullDisk("a", folder="../b"),
            "folder: '../b' is not inside the component's own folder; write it like 'data'",
        ),
        (lambda: PacketLoss("a", 10), "share: 10 is no share of the packets; write it like 0.1, at most 1.0"),
    ],
)
def test_what_is_no_harm_is_refused(make: Any, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        make()

    assert str(raised.value) == said


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Cpu("api", left=0.1), "api is left 10% of a processor"),
        (Memory("api"), "api is left 16MB of memory"),
        (FullDisk("api"), "the disk of api is full"),
        (PacketLoss("api", 0.05), "5% of the packets of api are lost"),
    ],
)
def test_a_reader_is_told_in_words(fault: Any, words: str) -> None:
    assert str(fault) == words
