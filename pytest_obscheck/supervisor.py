"""Its own small process: starts every component, and ends them all when the harness is gone.

Run as ``python -I -S supervisor.py HARNESS_PID`` with a pipe on stdin and one on stdout; both carry JSON lines.

asked   ``{"id": 1, "do": "start", "name": "api", "argv": […], "env": {…}, "cwd": "/…", "log": "/…"}``
        ``{"id": 2, "do": "signal", "name": "api", "number": 19}``, to all its processes
        ``{"id": 3, "do": "look", "name": "api"}``
told    ``{"id": 1, "event": "started", "name": "api", "pid": 4242}``, or ``{"id": 1, "error": "[Errno 2] …: '/x'"}``
        ``{"event": "exited", "name": "api", "code": -9}``: the first process ended
        ``{"event": "gone", "name": "api", "cpu": 1.2}``: none of its processes is left; ``cpu`` is the seconds they used
        ``{"id": 2, "told": 3}``: the number of processes
        ``{"id": 3, "states": "ST", "cpu": 0.8, "pids": [7]}``: the states that occur, as ps(1) writes them

Each component has a keeper between it and the supervisor: a fork of the supervisor and a subreaper of its own, so that every
process of a component stays below its keeper, however often it forks and detaches itself. When stdin ends, or the harness
does, the keepers kill what is below them; when the supervisor itself is killed they do the same. Without child subreapers
(anywhere but Linux) a process that leaves its component's group outlives it, and ``look`` sees nothing.
"""

# It imports nothing of the package, and only what starts quickly: pathlib or typing alone would double the time that takes.
# ruff: noqa: PTH112, PTH123, PTH208
from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys

TYPE_CHECKING = False  # what typing would say
if TYPE_CHECKING:
    from typing import Any

PR_SET_CHILD_SUBREAPER = 36
HARNESS_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Meant for the harness, which heals its faults and stops its components in order."""
PYTHON_IGNORES = (signal.SIGPIPE, signal.SIGXFSZ)
LOOKS = 20
"""How often a tree is searched for processes that were born during the last search."""
AGAIN_MS = 20
"""How long something that is being killed may take until it is killed again."""


def main() -> None:
    """Serve one harness until it is gone."""
    for number in HARNESS_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if not adopt_orphans():
        sys.stderr.write(f"supervisor: {sys.platform}: without subreapers a process that leaves its group outlives the run\n")
    Supervisor(Ears(watch(int(sys.argv[1])))).run()


def adopt_orphans() -> bool:
    """Become the parent of all descendants that lose theirs; ``False`` where the system has no such thing."""
    if not sys.platform.startswith("linux"):
        return False
    return bool(ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def watch(pid: int) -> int | None:
    """Return a descriptor that becomes readable when a process ends, ``None`` where there is none.

    A forked child of the harness may hold the pipe open after the harness has gone: the pipe's end is not enough.
    """
    with contextlib.suppress(AttributeError, OSError):
        return os.pidfd_open(pid)
    return None


def say(**message: object) -> None:
    """Tell the harness. One write of less than PIPE_BUF is whole, so that keepers and supervisor can share the pipe."""
    send(1, message)


def send(pipe: int, message: dict[str, Any]) -> None:
    """Write one message, if there is anybody to read it."""
    with contextlib.suppress(BrokenPipeError):
        os.write(pipe, json.dumps(message).encode() + b"\n")


class Ears:
    """Waits for messages on stdin, for ended children, or for the end of whoever asks.

    ``other_end``: a descriptor that becomes readable when nobody can ask any more, whatever stdin says.
    """

    def __init__(self, other_end: int | None = None) -> None:
        self.sources = [0] if other_end is None else [0, other_end]
        self.rest = b""
        self.woken, self.wake = os.pipe()
        os.set_blocking(self.wake, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)
        self.poll = select.poll()
        for descriptor in (self.woken, *self.sources):
            self.poll.register(descriptor, select.POLLIN)

    def listen(self, milliseconds: int | None = None) -> list[dict[str, Any]] | None:
        """Return the messages that came: none when a child ended or time passed, ``None`` (once) when nobody is left to ask."""
        ready = {descriptor for descriptor, _ in self.poll.poll(milliseconds)}
        if self.woken in ready:
            os.read(self.woken, 4096)
        data = os.read(0, 1 << 16) if 0 in ready else b""
        if ready.intersection(self.sources) and not data:
            for descriptor in self.sources:
                self.poll.unregister(descriptor)
            return None
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """Close everything but stdin."""
        signal.set_wakeup_fd(-1)
        for descriptor in (self.woken, self.wake, *self.sources[1:]):
            os.close(descriptor)


# ── processes ────────────────────────────────────────────────────────────────


class Process:
    """One line of the process table; ``ticks`` is the CPU time of it and of the children it has waited for."""

    __slots__ = ("group", "parent", "state", "ticks")

    def __init__(self, stat: bytes) -> None:
        # The second field is the program's name in parentheses, and may itself hold spaces and parentheses.
        fields = stat[stat.rindex(b")") + 2 :].split()
        self.state = fields[0].decode()
        self.parent, self.group = int(fields[1]), int(fields[2])
        self.ticks = sum(map(int, fields[11:15]))


def processes() -> dict[int, Process]:
    """Return the machine's process table; empty where there is no /proc."""
    found = {}
    for entry in os.listdir("/proc") if os.path.isdir("/proc/self") else []:
        if entry.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{entry}/stat", "rb") as file:
                found[int(entry)] = Process(file.read())
    return found


def below(root: int, table: dict[int, Process], without: frozenset[int] = frozenset()) -> dict[int, Process]:
    """Return the descendants of a process, leaving out whole branches."""
    children: dict[int, list[int]] = {}
    for pid, process in table.items():
        children.setdefault(process.parent, []).append(pid)
    found, parents = dict[int, Process](), [root]
    while parents:
        fresh = [pid for pid in children.get(parents.pop(), []) if pid not in without]
        found.update((pid, table[pid]) for pid in fresh)
        parents += fresh
    return found


def signal_below(root: int, number: int, without: frozenset[int] = frozenset()) -> int:
    """Signal all descendants, group by group: the kernel reaches a whole group at once, whatever it is forking meanwhile.

    Looks again for those born meanwhile when they must not get away; what a program starts because of a SIGTERM is left alone.
    """
    told: set[int] = set()
    for _ in range(LOOKS if number in (signal.SIGKILL, signal.SIGSTOP) else 1):
        tree = below(root, processes(), without)
        if tree.keys() <= told:
            break
        for group in {process.group for process in tree.values()} - {os.getpgrp()}:
            signal_group(group, number)
        told |= tree.keys()
    return len(told)


def signal_group(group: int, number: int) -> None:
    """Signal a process group, if it is still there and ours; what is asked to end and is stopped runs on, to hear it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
        if number == signal.SIGTERM:
            os.killpg(group, signal.SIGCONT)


def ended() -> tuple[list[tuple[int, int]], bool]:
    """Reap the children that have ended; return them with their exit codes, and whether any child is left."""
    found: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found, False
        if not pid:
            return found, True
        found.append((pid, os.waitstatus_to_exitcode(status)))


# ── one component ────────────────────────────────────────────────────────────


class Keeper:
    """Starts one component, reaches all of its processes, and ends when none is left."""

    def __init__(self, name: str, ears: Ears) -> None:
        self.name, self.ears = name, ears
        self.first: int | None = None
        self.ending = self.orphaned = False

    def run(self, message: dict[str, Any]) -> None:
        """Start the component and serve until no process of it is left."""
        try:
            self.first = launch(message["argv"], message["env"], message["cwd"], message["log"])
        except OSError as error:
            say(id=message["id"], error=str(error)[:1000])
            return
        say(id=message["id"], event="started", name=self.name, pid=self.first)
        self.serve()
        self.report(event="gone", cpu=cpu_of({}))

    def serve(self) -> None:
        """Obey and reap. A subreaper that has no child has no descendant either."""
        left = True
        while left:
            self.hear()
            children, left = ended()
            self.note(dict(children))
            if left and self.ending:
                self.signal(signal.SIGKILL)

    def hear(self) -> None:
        """Wait for something, and obey; end everything when the supervisor is gone, whether it said so before or not."""
        messages = self.ears.listen(AGAIN_MS if self.ending else None)
        if messages is None:
            self.orphaned, self.ending = not self.ending, True
        for message in messages or ():
            self.obey(message)

    def obey(self, message: dict[str, Any]) -> None:
        """Do one thing that was asked for, and answer."""
        if message["do"] == "end":
            self.ending = True
        elif message["do"] == "look":
            tree = below(os.getpid(), processes())
            alive = {pid: process.state for pid, process in tree.items() if process.state not in "ZX"}
            states = "".join(sorted(set(alive.values())))
            say(id=message["id"], states=states, cpu=cpu_of(tree), pids=list(alive))
        else:
            self.ending = self.ending or message["number"] == signal.SIGKILL
            say(id=message["id"], told=self.signal(message["number"]))

    def signal(self, number: int) -> int:
        """Signal all processes of the component; return how many."""
        told = signal_below(os.getpid(), number)
        if not told and self.first:
            signal_group(self.first, number)
        return told

    def note(self, children: dict[int, int]) -> None:
        """Say so when the first process is among those that ended."""
        if self.first in children:
            self.report(event="exited", code=children[self.first])
            self.first = None

    def report(self, **event: object) -> None:
        """Tell the harness, unless the supervisor was killed: then its end is the news, and not what it entails."""
        if not self.orphaned:
            say(name=self.name, **event)


def cpu_of(tree: dict[int, Process]) -> float:
    """Return the CPU seconds of a keeper's tree: of the living, and of all that were reaped, by it or within it."""
    reaped = os.times()
    living = sum(process.ticks for process in tree.values()) / os.sysconf("SC_CLK_TCK")
    return round(living + reaped.children_user + reaped.children_system, 2)


def launch(argv: list[str], env: dict[str, str], cwd: str, log: str) -> int:
    """Start a program as the head of a session of its own; ``OSError`` where it cannot be executed."""
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        become(argv, env, cwd, log, tell)
    os.close(tell)
    with open(told, "rb") as pipe:
        error = pipe.read()
    if error:
        os.waitpid(pid, 0)
        raise OSError(error.decode())
    return pid


def become(argv: list[str], env: dict[str, str], cwd: str, log: str, tell: int) -> None:
    """Turn this process into the program, or write the reason why not to ``tell``, which closes itself when that works."""
    try:
        os.setsid()
        for number in (*HARNESS_SIGNALS, *PYTHON_IGNORES):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(cwd)
        output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for descriptor, source in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
            os.dup2(source, descriptor)
        os.execve(argv[0], argv, env)  # noqa: S606 - no shell is what is wanted
    except (OSError, ValueError) as error:
        os.write(tell, str(error).encode())
    finally:
        os._exit(127)


# ── all of them ──────────────────────────────────────────────────────────────


class Supervisor:
    """Starts keepers, passes messages on to them, and takes over the processes of one that was killed."""

    def __init__(self, ears: Ears) -> None:
        self.ears = ears
        self.keepers: dict[int, tuple[str, int]] = {}
        self.ending = False

    def run(self) -> None:
        """Serve until the harness is gone, and then until every process is."""
        left = True
        while left or not self.ending:
            self.hear()
            children, left = ended()
            for pid, code in children:
                self.bury(pid, code)

    def hear(self) -> None:
        """Wait for something, and obey; let all keepers end their components when the harness is gone."""
        messages = self.ears.listen()
        if messages is None:
            self.end()
        for message in messages or ():
            if message["do"] == "start":
                self.start(message)
            else:
                self.forward(message)

    def start(self, message: dict[str, Any]) -> None:
        """Fork a keeper, which starts the component."""
        try:
            self.fork_keeper(message)
        except OSError as error:
            say(id=message["id"], error=str(error))

    def fork_keeper(self, message: dict[str, Any]) -> None:
        """Fork; ``OSError`` where there can be no more processes or descriptors."""
        hears, tells = os.pipe()
        pid = os.fork()
        if pid == 0:
            self.turn_keeper(message, hears, tells)
        os.close(hears)
        self.keepers[pid] = (message["name"], tells)

    def turn_keeper(self, message: dict[str, Any], hears: int, tells: int) -> None:
        """Be a keeper, and nothing else, until the end of this process."""
        try:
            self.ears.close()
            self.close()
            os.close(tells)
            os.dup2(hears, 0)
            os.close(hears)
            adopt_orphans()
            Keeper(message["name"], Ears()).run(message)
            os._exit(0)
        except BaseException:  # noqa: BLE001 - a fork must never run on in its parent's code
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)

    def forward(self, message: dict[str, Any]) -> None:
        """Pass a message on to the component's newest keeper; one that has just ended has said so itself."""
        pipes = [pipe for name, pipe in self.keepers.values() if name == message["name"]]
        for pipe in pipes[-1:]:
            send(pipe, message)

    def end(self) -> None:
        """Have all keepers end their components."""
        self.ending = True
        for _, pipe in self.keepers.values():
            send(pipe, {"do": "end"})
        self.close()

    def bury(self, pid: int, code: int) -> None:
        """Forget a keeper; when it did not end by itself, kill what it kept, which has come down to this process."""
        name, pipe = self.keepers.pop(pid, ("", -1))
        if pipe >= 0 and not self.ending:
            os.close(pipe)
        if code or not name:
            signal_below(os.getpid(), signal.SIGKILL, without=frozenset(self.keepers))
        if code and name:
            say(event="gone", name=name, cpu=0)

    def close(self) -> None:
        """Close the pipes to all keepers."""
        for _, pipe in self.keepers.values():
            os.close(pipe)


if __name__ == "__main__":
    main()
