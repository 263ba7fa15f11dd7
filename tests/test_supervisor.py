"""The supervisor alone: what it reads from /proc, and what it says and does when it is talked to."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck import supervisor
from pytest_obscheck.clock import SystemClock, until

PYTHON = [sys.executable, "-I", "-S"]
PATIENCE = 5.0
FOREVER = "import signal\nwhile True: signal.pause()"


# ── pure parts ───────────────────────────────────────────────────────────────


def a_process(parent: int) -> supervisor.Process:
    return supervisor.Process(f"7 (x) S {parent} 1 0 0 0 0 0 0 0 0 0 0 0 0 0".encode())


def test_a_line_of_the_process_table_survives_a_program_that_calls_itself_strange_things() -> None:
    line = b"4242 (a) S 1 (b) R 17 4200 4242 0 -1 4194304 1 2 3 4 50 7 200 1000 20 0 1 0 99"

    process = supervisor.Process(line)

    assert (process.state, process.parent, process.group, process.ticks) == ("R", 17, 4200, 1257)


def test_what_is_below_a_process_leaves_out_strangers_and_whole_branches() -> None:
    table = {2: a_process(1), 3: a_process(2), 4: a_process(3), 5: a_process(2), 6: a_process(5), 7: a_process(1)}

    found = supervisor.below(2, table, without=frozenset({5}))

    assert sorted(found) == [3, 4]


def test_the_process_table_holds_this_process_under_its_parent() -> None:
    mine = supervisor.processes()[os.getpid()]

    assert (mine.parent, mine.group) == (os.getppid(), os.getpgrp())


def test_a_process_that_is_no_more_cannot_be_watched() -> None:
    ended = subprocess.Popen([*PYTHON, "-c", ""])
    ended.wait()

    assert supervisor.watch(ended.pid) is None


def test_it_imports_nothing_of_the_package_and_nothing_that_is_slow() -> None:
    slow = {"pytest_obscheck", "subprocess", "dataclasses", "inspect", "pathlib", "typing", "threading", "traceback"}
    command = [*PYTHON, "-X", "importtime", supervisor.__file__, str(os.getpid())]
    told = subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stderr
    imported = {line.rpartition("|")[2].strip() for line in told.splitlines()}

    assert "json" in imported
    assert imported & slow == set()


# ── the protocol, with real processes ────────────────────────────────────────


@dataclass
class Talk:
    """A conversation with a supervisor over its own two pipes."""

    process: subprocess.Popen[bytes]
    folder: Path

    def say(self, **message: Any) -> None:
        """Send one message."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def hear(self) -> Any:
        """Return the next message, ``None`` at the end of all."""
        assert self.process.stdout
        assert select.select([self.process.stdout], [], [], PATIENCE)[0], "nothing is said any more"
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def start(self, *argv: str, name: str = "api") -> Any:
        """Have a program started; return the answer."""
        environment = {"PATH": os.environ["PATH"]}
        log = str(self.folder / "api.log")
        self.say(id=1, do="start", name=name, argv=argv, env=environment, cwd=str(self.folder), log=log)
        return self.hear()

    def end(self) -> list[Any]:
        """Close the pipe; return what is said until everything has ended."""
        assert self.process.stdin
        self.process.stdin.close()
        said = list(iter(self.hear, None))
        self.process.wait(PATIENCE)
        return said


def a_supervisor(harness: int, folder: Path) -> Iterator[Talk]:
    command = [*PYTHON, supervisor.__file__, str(harness)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, start_new_session=True, bufsize=0) as process:
        talk = Talk(process, folder)
        try:
            yield talk
            talk.end()
        finally:
            process.kill()


@pytest.fixture
def talk(tmp_path: Path) -> Iterator[Talk]:
    yield from a_supervisor(os.getpid(), tmp_path)


def is_there(pid: int) -> bool:
    return pid in supervisor.processes()


def below(pid: int) -> Sequence[int]:
    return sorted(supervisor.below(pid, supervisor.processes()))


@pytest.mark.integration
def test_a_program_that_ends_is_told_of_with_its_code_and_then_as_gone(talk: Talk) -> None:
    started = talk.start(*PYTHON, "-c", "raise SystemExit(3)")

    assert started == {"id": 1, "event": "started", "name": "api", "pid": started["pid"]}
    assert talk.hear() == {"event": "exited", "name": "api", "code": 3}
    assert {**talk.hear(), "cpu": 0} == {"event": "gone", "name": "api", "cpu": 0}


@pytest.mark.integration
@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (("/nowhere/prometheus",), "[Errno 2] No such file or directory: '/nowhere/prometheus'"),
        (("/",), "[Errno 13] Permission denied: '/'"),
        (("/bin/a\0b",), "embedded null byte"),
    ],
)
def test_a_program_that_cannot_be_executed_is_an_answer_and_no_more(talk: Talk, argv: Sequence[str], error: str) -> None:
    refused = talk.start(*argv)
    started = talk.start(*PYTHON, "-c", FOREVER)

    assert refused == {"id": 1, "error": error}
    assert is_there(started["pid"])


@pytest.mark.integration
def test_a_file_that_is_no_program_is_an_answer_and_no_more(talk: Talk) -> None:
    nonsense = talk.folder / "nonsense"
    nonsense.write_text("neither ELF nor script")
    nonsense.chmod(0o700)

    assert talk.start(str(nonsense)) == {"id": 1, "error": f"[Errno 8] Exec format error: '{nonsense}'"}


@pytest.mark.integration
def test_a_component_has_no_terminal_no_pipe_of_the_supervisor_and_a_session_of_its_own(talk: Talk) -> None:
    script = (
        "import os\nprint(*(f'{n}={os.readlink(f\"/proc/self/fd/{n}\")}' for n in sorted(os.listdir('/proc/self/fd'))[:-1]))"
    )
    talk.start(*PYTHON, "-c", f"{script}\nprint(os.getsid(0) == os.getpid() == os.getpgrp(), os.getcwd())")
    talk.hear()
    log = talk.folder / "api.log"

    assert log.read_text() == f"0=/dev/null 1={log} 2={log}\nTrue {talk.folder}\n"


@pytest.mark.integration
def test_a_component_handles_signals_as_if_a_shell_had_started_it(talk: Talk) -> None:
    # Python ignores SIGPIPE and SIGXFSZ itself: only a program that sets nothing shows what it was given.
    talk.start("/bin/grep", "-E", "SigIgn|SigBlk", "/proc/self/status")
    talk.hear()

    assert (talk.folder / "api.log").read_text() == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n"


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_that_are_meant_for_the_harness_do_not_reach_it(talk: Talk, number: int) -> None:
    started = talk.start(*PYTHON, "-c", FOREVER)
    os.killpg(talk.process.pid, number)
    talk.say(id=2, do="look", name="api")

    assert talk.hear()["id"] == 2
    assert is_there(started["pid"])


@pytest.mark.integration
def test_it_ends_when_its_harness_does_even_if_the_pipe_stays_open(tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE) as harness:
        for talk in a_supervisor(harness.pid, tmp_path):
            started = talk.start(*PYTHON, "-c", FOREVER)
            harness.kill()
            heard = list(iter(talk.hear, None))

    assert [message["event"] for message in heard] == ["exited", "gone"]
    assert not is_there(started["pid"])


@pytest.mark.integration
def test_when_the_supervisor_is_killed_the_keepers_end_everything_without_a_word(talk: Talk) -> None:
    started = talk.start(*PYTHON, "-c", FOREVER)
    os.kill(started["pid"], signal.SIGSTOP)
    talk.process.kill()

    assert talk.end() == []
    assert not is_there(started["pid"])


@pytest.mark.integration
def test_when_a_keeper_is_killed_its_component_is_ended_and_the_others_live(talk: Talk) -> None:
    first = talk.start(*PYTHON, "-c", FOREVER, name="first")["pid"]
    second = talk.start(*PYTHON, "-c", FOREVER, name="second")["pid"]
    os.kill(supervisor.processes()[first].parent, signal.SIGKILL)

    assert talk.hear() == {"event": "gone", "name": "first", "cpu": 0}
    assert until(SystemClock(), lambda: not is_there(first), 5)
    assert is_there(second)


@pytest.mark.integration
def test_no_zombie_is_left_of_a_program_whose_children_end_without_it(talk: Talk) -> None:
    orphan = "import os\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0: os._exit(0)\n  os._exit(0)\nos.wait()\n"
    started = talk.start(*PYTHON, "-c", orphan + FOREVER)

    keeper = supervisor.processes()[started["pid"]].parent
    log = talk.folder / "api.log"
    assert until(SystemClock(), lambda: below(keeper) == [started["pid"]], 5), log.read_text()
