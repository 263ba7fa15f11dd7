"""The kinds of things that can be added, one sentence each, and the plain values that pass between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

from pytest_obscheck.document import Document
from pytest_obscheck.journal import Event, Journal
from pytest_obscheck.plan import Facts, Plan, Route
from pytest_obscheck.speed import UNSPED, Speed
from pytest_obscheck.verdict import Report
from pytest_obscheck.when import Sight, Window, spoken

C = TypeVar("C")

KEY_OF = "key of "
"""How the placeholder of a receiver's key begins. The receiver's name follows: by it, sinks tell those at one address apart."""

PROGRAM_HOME = "${program.home}"
"""What stands in a launch for the folder above that of its program, wherever the program runs from."""

# ── values ───────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Image:
    """A container image by its full name, and the path of the program inside it.

    ``home``: whether the program needs the folder above its own, with all that is in it.
    """

    name: str
    program: str
    home: bool = False


@dataclass(frozen=True)
class Launch:
    """How to start one program, in words that every runtime understands.

    ``argv[0]`` is a program's name as the toolchain knows it, ``python``, or a path; what follows it may speak of
    ``PROGRAM_HOME``. ``files`` are written into ``folder`` first. ``folder`` holds all its data and is its HOME; ``cwd`` is
    where it runs, ``folder`` unless given. ``originals``: those of ``files`` that are working copies → the user's file, as
    messages call it. ``image``: where containers have the program from; ``None`` for what only this machine has.
    """

    argv: tuple[str, ...]
    folder: Path
    cwd: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    originals: Mapping[str, str] = field(default_factory=dict)
    image: Image | None = None

    def words(self, program: str) -> list[str]:
        """Return what follows the program on its command line, where the program has this path."""
        home = str(PurePosixPath(program).parent.parent)
        return [word.replace(PROGRAM_HOME, home) for word in self.argv[1:]]

    def reads(self, path: Path | None) -> bool:
        """Whether one of its files names a path."""
        return path is not None and any(str(path) in text for text in self.files.values())


@dataclass(frozen=True)
class Network:
    """How the stack's own parts are reached.

    ``proxy``: URL of the forward proxy. ``smtp``: address of the mail sink. ``ca_file``: the run's own CA.
    ``door``: address at which the sinks take what comes to them without a proxy.
    ``hosts``: production ``host:port`` → local address. ``sinks``: Alertmanager's receiver key → the sink for it.
    ``routes``: what leads from Alertmanager to sinks. ``edges``: name → (listen, upstream) of each fault-proxied connection.
    """

    proxy: str = ""
    smtp: str = ""
    ca_file: Path | None = None
    hosts: Mapping[str, str] = field(default_factory=dict)
    sinks: Mapping[str, type[Sink]] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    edges: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    door: str = ""


@dataclass(frozen=True)
class Place:
    """Where a component lives: its own folder, the folder of the user's stack.yaml, its addresses, and the network.

    ``addresses``: port name → ``127.0.0.1:20123``. ``fill`` substitutes ``${payments.address}`` and the like.
    ``open`` reads one of the user's YAML files as an editable document; its ``variables`` say what ``${NAME}`` stands for in
    it. ``mounts``: absolute container path → local path.
    ``speed``: how much faster story time passes than wall time.
    """

    name: str
    folder: Path
    home: Path
    addresses: Mapping[str, str]
    network: Network
    fill: Callable[[str], str]
    open: Callable[..., Document]
    mounts: Mapping[str, str] = field(default_factory=dict)
    speed: Speed = UNSPED


@dataclass(frozen=True)
class Effect:
    """What a fault's own measurement says: whether the harm is there, in words, and the bytes that met it, if counted."""

    held: bool
    words: str
    traffic: int | None = None


@dataclass(frozen=True)
class Delivery:
    """One message that reached a sink.

    ``alerts``: each with ``labels``, ``annotations``, ``status`` as far as the protocol carries them. ``group`` is the
    deduplication or group key, ``answered`` the status code that the sink gave, ``text`` all the words of the message.
    ``wall`` is the Unix second at which it arrived, ``noted`` the one from which on it could be asked for: a long mail is read
    in between. ``merges``: whether the receiver adds it to what it has of its group, and tells nobody again of the same.
    """

    sink: str
    status: str
    alerts: tuple[Mapping[str, Any], ...]
    text: str
    group: str = ""
    receiver: str = ""
    answered: int = 200
    wall: float = 0.0
    noted: float = 0.0
    merges: bool = False


# ── things that the machine gives to extensions ──────────────────────────────


class Stack(Protocol):
    """Everything that runs, addressed by name or capability."""

    plan: Plan

    def that(self, capability: type[C], named: str | None = None) -> C:
        """Return the member that can do this; ``LookupError`` says what the stack has instead."""

    def all(self, capability: type[C]) -> Mapping[str, C]:
        """Return every member that can do this, by name."""


@runtime_checkable
class Running(Protocol):
    """One started component as its runtime sees it: pausable, killable, restartable."""

    name: str

    def pause(self) -> None:
        """Stop every process of it from being scheduled."""

    def paused(self) -> bool:
        """Whether it is stopped that way."""

    def resume(self) -> None:
        """Let it run on; nothing when it does."""

    def kill(self) -> None:
        """End it at once, with no chance to clean up."""

    def stop(self) -> None:
        """Ask it to end, then end it."""

    def start(self) -> None:
        """Start it again, same command, same ports; nothing when it runs."""

    def alive(self) -> bool:
        """Whether its first process is there."""

    def exit_code(self) -> int | None:
        """Return the code with which it last ended, negative for a signal; ``None`` while it runs."""

    def logs(self, last: int = 20) -> list[str]:
        """Return its last log lines."""

    def cpu_seconds(self) -> float:
        """Return user and system CPU seconds of all its living processes."""


# ── kinds of things that can be added ────────────────────────────────────────


class Component(Protocol):
    """One product: how to launch it, when it is ready, how to ask it things."""

    @property
    def ports(self) -> tuple[str, ...]:
        """Return the names of the ports it opens; the first is its main one."""

    @property
    def after(self) -> tuple[str, ...]:
        """Return the component types that must be ready before it starts."""

    def facts(self, place: Place) -> Facts:
        """Return what its configuration says; ``ConfigError`` with every problem. ``place`` has no addresses yet."""

    def launch(self, place: Place) -> Launch:
        """Return how to start it."""

    def connect(self, place: Place) -> Client:
        """Return a client for it; its capabilities are the ones of ``capabilities.py`` that the client has."""


class Client(Protocol):
    """What the harness asks a running component through."""

    def ready(self) -> bool:
        """Whether the component can do its work now; never raises."""

    def close(self) -> None:
        """Let go of its connections; idempotent."""


class Runtime(Protocol):
    """Where components live: processes, containers, or already somewhere; ``name`` is its registered name."""

    name: str

    def unable(self, images: Sequence[str]) -> str:
        """Return why nothing can run here, in one line, images that it needs and lacks by name; ``""`` where all can."""

    def reserve(self, member: str, port: str) -> str:
        """Return an address ``127.0.0.1:port`` that is this member's for the whole run; ``PortTaken`` where there is none."""

    def run(self, member: str, launch: Launch) -> Running:
        """Start a program."""

    def close(self) -> None:
        """End everything that was started; idempotent."""


class Load(Protocol):
    """Traffic while the story plays, made by a process of its own."""

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield what is wrong with it on such a stack, before anything starts."""

    def launch(self, place: Place) -> Launch:
        """Return how to start its process, which then waits for ``begin``."""

    def waiting(self, place: Place) -> bool:
        """Whether its process has done all its preparations."""

    def begin(self, place: Place) -> None:
        """Let the traffic flow."""

    def requests(self, place: Place) -> str:
        """Return the log of every request so far: CSV with a header line, the ground truth."""

    def __str__(self) -> str:
        """Return it in words: ``20 users of checkout.py``."""


class Fault(Protocol):
    """A harm with its cure."""

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield why it cannot work on such a stack, before anything starts."""

    def inject(self, stack: Stack) -> None:
        """Do the harm; ``FaultFailed`` where it cannot be done."""

    def confirm(self, stack: Stack) -> Effect:
        """Measure whether the harm is there. Asked before the injection, after it, and after the cure."""

    def heal(self, stack: Stack) -> None:
        """Undo the harm; idempotent, and harmless where nothing was injected."""

    def __str__(self) -> str:
        """Return it in words: ``800ms latency to postgres``."""


class Sink(Protocol):
    """A pretend receiver that speaks the real protocol and notes what reached it.

    Class attributes: ``name`` (as stories say it) and ``receiver_key`` (Alertmanager's, such as ``slack_configs``).
    """

    name: str
    receiver_key: str

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return host:port and path to which a receiver so configured sends; ``defaults`` is Alertmanager's ``global``."""

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes, Delivery | None]:
        """Answer one request as the real service would: status code, body, and what was understood of it.

        ``None`` is for what tells nobody anything: a token, a search, a repetition of what was just said.
        """


class Look(Protocol):
    """A way of gathering evidence; equal looks are gathered once. ``str`` is its key in the journal."""

    @property
    def every(self) -> float:
        """Return the wall seconds between two looks."""

    def look(self, stack: Stack, since: float, until: float) -> Any:
        """Return JSON evidence for the Unix seconds ``since .. until``; ``LookFailed`` where it cannot be had."""

    def __str__(self) -> str:
        """Return the key."""


class Expectation(Protocol):
    """Something that can be seen, and whether it is what we want."""

    def problems(self, plan: Plan) -> Iterable[str]:
        """Yield why it cannot be judged on such a stack, before anything starts."""

    def evidence(self) -> Look:
        """Return what to look at."""

    def holds(self, history: History) -> Sequence[Sight]:
        """Return what was seen, in order of time. Pure."""

    def tell(self, history: History, window: Window) -> str:
        """Return why it did not hold in the window, from everything that the journal knows; ``""`` for nothing to add. Pure."""

    def __str__(self) -> str:
        """Return it in words: ``alert CheckoutSlow fires``."""


class Reporter(Protocol):
    """A way of telling what came out: a file beside the journal of each story, whose name ends in ``ending`` (``md``)."""

    ending: ClassVar[str]

    def report(self, reports: Sequence[Report]) -> str:
        """Return the text of the report."""


@dataclass(frozen=True)
class History:
    """The looks at one thing, and the journal around them for whoever must explain.

    Of each look, ``wall`` is the Unix second at which it began, ``data["data"]`` what it returned, or ``data["error"]`` why it
    did not.
    """

    looks: tuple[Event, ...]
    journal: Journal

    def story(self, wall: float) -> float:
        """Return the story second of a Unix second."""
        return self.journal.story(wall)

    def spoken(self, story: float) -> str:
        """Return a story second in words, on both clocks where they differ; how much they do, the report says once."""
        speed = self.journal.speed
        return spoken(story) if speed == 1 else f"{spoken(story)} ({spoken(story / speed)} of wall time)"
