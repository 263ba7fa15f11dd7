"""A copy of the shipped project that a test may spoil, and what a run on it leaves behind."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.errors import ProgramMissing
from pytest_obscheck.faults import _machine

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[1]
PROGRAMS = ("prometheus", "promtool", "alertmanager", "amtool", "toxiproxy-server", "node_exporter")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc")
LONGEST = 120.0
"""Wall seconds after which a run of a test has plainly hung, on a busy machine, too."""
GIVEN = "OBSCHECK_TESTS_DOCKER_HOST"
"""The variable that holds the ``DOCKER_HOST`` which the tests were started with, for xdist's workers, too."""
UNLIKE_A_USERS = ("CI", "BUILD_NUMBER", "PYTHONDONTWRITEBYTECODE")
"""Where pytest believes to be in CI, it prints every failure twice; without bytecode each run compiles the harness anew."""


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start, and no Docker daemon, but where a test asks for one.

    A shell's background job ignores Ctrl-C, and so does everything below that. Whatever daemon there is, stories would be
    played in its containers.
    """
    os.environ.setdefault(GIVEN, os.environ.get("DOCKER_HOST", ""))
    os.environ["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Have what is collected never searched for garbage again: that took a tenth of the unit tests' time."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Skip a test whose program is not on this machine; under ``--obs-require=all`` fail it, and every other skipped one.

    What CI does not run, it does not prove.
    """
    report = yield
    if call.excinfo is not None and call.excinfo.errisinstance(ProgramMissing):
        report.outcome, report.longrepr = "skipped", (str(item.path), item.location[1], f"Skipped: {call.excinfo.value}")
    if report.skipped and item.config.option.obs_require == "all":
        report.outcome, report.longrepr = "failed", f"skipped, and --obs-require=all forbids it: {report.longrepr[-1]}"
    return report


@contextlib.contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def serving() -> Callable[[type[BaseHTTPRequestHandler]], contextlib.AbstractContextManager[ThreadingHTTPServer]]:
    """Return what serves by a handler on a free port of 127.0.0.1, for as long as its ``with`` lasts."""
    return _serving


@dataclass(frozen=True)
class Said:
    """How a command ended, and everything that it printed."""

    code: int
    out: str

    @property
    def last(self) -> str:
        """Return the last line."""
        return self.out.strip().rpartition("\n")[2]

    @property
    def marks(self) -> list[str]:
        """Return the first sign of the line of each claim and fault."""
        lines = [line.strip() for line in self.out.splitlines() if line.startswith("  ")]
        return [line[0] for line in lines if line and line[0] in "✓✗?"]

    def __contains__(self, words: str) -> bool:
        """Whether the words were printed."""
        return words in self.out


@dataclass(frozen=True)
class Project:
    """A project with a stack and stories, in a folder of its own, with a temp folder of its own."""

    path: Path
    temp: Path
    longest: float = LONGEST

    def write(self, name: str, text: str) -> Path:
        """Write a file of the project."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text that stands in a file exactly once."""
        text = (self.path / name).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} holds {old!r} {text.count(old)} times"
        self.write(name, text.replace(old, new))

    def environment(self, **more: str) -> Mapping[str, str]:
        """Return the environment in which commands run."""
        around = {name: value for name, value in os.environ.items() if name not in UNLIKE_A_USERS}
        return {**around, "COLUMNS": "160", "TMPDIR": str(self.temp), **more}

    def start(self, *words: str, **more: str) -> subprocess.Popen[str]:
        """Start ``python -m WORDS`` in the project's folder, in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=self.path,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )

    def run(self, *words: str, **more: str) -> Said:
        """Run ``python -m WORDS`` to its end."""
        with self.start(*words, **more) as process:
            try:
                out, _ = process.communicate(timeout=self.longest)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return Said(process.returncode, out)

    def pytest(self, *words: str, **more: str) -> Said:
        """Run pytest."""
        return self.run("pytest", "-p", "no:cacheprovider", *words, **more)

    def obscheck(self, *words: str, **more: str) -> Said:
        """Run the command."""
        return self.run("pytest_obscheck", *words, **more)

    def alive(self) -> Mapping[int, str]:
        """Return the processes whose environment or command line names the temp folder."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_bytes()
                if str(self.temp).encode() in (folder / "environ").read_bytes() + command:
                    found[int(folder.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found

    def left(self) -> tuple[list[str], list[str]]:
        """Return what is left a moment after a run: processes, and folders of runs. There should be nothing."""
        until(SystemClock(), lambda: not self.alive(), 3.0)
        return sorted(self.alive().values()), [path.name for path in self.temp.glob("obscheck-run-*")]


def free(count: int) -> list[str]:
    """Return that many addresses at which nobody listens."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]


@dataclass(frozen=True)
class Beginner:
    """Starts the processes of the package that read one configuration file and say when they are ready."""

    folder: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    free: Callable[[int], list[str]] = free

    def launch(self, module: str, config: Any) -> subprocess.Popen[str]:
        """Start a module with a configuration, or with a text that may be none."""
        path = self.folder / f"{module}.json"
        path.write_text(config if isinstance(config, str) else json.dumps(config), encoding="utf-8")
        argv = [sys.executable, "-m", f"pytest_obscheck.{module}", str(path)]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process

    def begin(self, module: str, config: Any) -> subprocess.Popen[str]:
        """Start a module, and return when it is ready."""
        process = self.launch(module, config)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n", process.communicate()[1]
        return process


@pytest.fixture
def beginner(tmp_path: Path) -> Iterator[Beginner]:
    """Start processes of the package; whatever still runs at the end is ended."""
    made = Beginner(tmp_path)
    yield made
    for process in made.processes:
        process.kill()
        process.communicate()


@pytest.fixture
def project(tmp_path: Path, obs_program: Callable[[str], Path]) -> Iterator[Project]:
    """Return a copy of the shipped stack and stories, after making sure that their programs are there."""
    for name in PROGRAMS:
        obs_program(name)
    yield from a_project(tmp_path)


@pytest.fixture
def bare_project(tmp_path: Path) -> Iterator[Project]:
    """Return a project with nothing in it, which needs no program but Python."""
    yield from ended(Project(tmp_path / "shop", tmp_path / "temp"))


def a_project(tmp_path: Path) -> Iterator[Project]:
    """Copy the shipped project."""
    made = Project(tmp_path / "shop", tmp_path / "temp")
    for name in ("stack", "scenarios"):
        shutil.copytree(ROOT / name, made.path / name, ignore=LEFT_OUT)
    yield from ended(made)


def ended(made: Project) -> Iterator[Project]:
    """Give a project to a test; what runs on, because the test failed, is ended."""
    made.temp.mkdir()
    made.write("pytest.ini", "[pytest]\nfilterwarnings = error\n")
    yield made
    for pid in made.alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def may_mount() -> None:
    """Skip where no file system may be mounted."""
    if not _machine.may(_machine.SYS_ADMIN):
        pytest.skip("mounting a file system needs CAP_SYS_ADMIN")


@pytest.fixture(scope="session")
def a_docker() -> Iterator[str]:
    """Return the address of a Docker daemon: that of ``DOCKER_HOST``, else one of our own, which ends with the session."""
    given = os.environ[GIVEN]
    if not given and (os.geteuid() or not shutil.which("dockerd")):
        pytest.skip("no Docker daemon: set DOCKER_HOST, or be root and install dockerd")
    with contextlib.nullcontext(given) if given else a_daemon() as address:
        # Of installed programs, under the names that stacks look for: nothing is pulled.
        command = [sys.executable, "-m", "pytest_obscheck", "images"]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "DOCKER_HOST": address})
        yield address


@pytest.fixture
def daemon(a_docker: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of a Docker daemon that has the images of the shipped stack, and make it the test's own."""
    monkeypatch.setenv("DOCKER_HOST", a_docker)
    return a_docker


@contextlib.contextmanager
def a_daemon() -> Iterator[str]:
    """Run a Docker daemon whose every file is in a folder of its own; it takes a second to start."""
    folder = Path(tempfile.mkdtemp(prefix="obscheck-docker-"))
    places = (f"--data-root={folder}/data", f"--exec-root={folder}/exec", f"--pidfile={folder}/pid")
    address = f"unix://{folder}/docker.sock"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["dockerd", *places, "--bridge=none", "--iptables=false", "-H", address], stdout=log, stderr=log
        )
    try:
        asked = ["docker", "-H", address, "version"]
        ready = partial(subprocess.run, asked, check=False, capture_output=True)
        until(SystemClock(), lambda: process.poll() is not None or ready().returncode == 0, LONGEST)
        assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")[-1000:]
        yield address
    finally:
        process.terminate()
        process.wait(LONGEST)
        # What it mounted it leaves mounted; nothing could be removed.
        subprocess.run(["umount", folder / "exec/netns/default"], check=False, capture_output=True)
        shutil.rmtree(folder)
