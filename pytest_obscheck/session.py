"""One stack for many stories: plays each on it, judges it, and keeps its journal."""

from __future__ import annotations

import errno
import gc
import platform
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pytest_obscheck import journal as journals
from pytest_obscheck import loader, registry, runner, toolchain
from pytest_obscheck.abilities import LimitsMembers, SeparatesNetworks
from pytest_obscheck.clock import Clock, SystemClock
from pytest_obscheck.control import control, control_notes
from pytest_obscheck.errors import ConfigError, ObscheckError, Problem, ProgramMissing, StackError
from pytest_obscheck.hands import Threads
from pytest_obscheck.journal import Event, Journal
from pytest_obscheck.judge import judge, settled
from pytest_obscheck.noise import NOISE, at_most, too_fast
from pytest_obscheck.plan import Plan
from pytest_obscheck.saved import from_data, to_data
from pytest_obscheck.scenario import Scenario
from pytest_obscheck.stack import LiveStack, RunFolder, StackFile, plan
from pytest_obscheck.stack.attached import refused
from pytest_obscheck.stack.choosing import able, choose, programs_of
from pytest_obscheck.stack.live import READY_WITHIN
from pytest_obscheck.stack.pacing import AUTO, Moment, half, no_more, slowed
from pytest_obscheck.stack.planning import plan_data
from pytest_obscheck.stage import Hands, Patience
from pytest_obscheck.together import experiments, moved, told
from pytest_obscheck.verdict import TOO_SLOW, Report

FULL = "{}: the disk is full; free some space, or point TMPDIR at a larger disk"
_Write = Callable[[Journal, Event], None]
STEPS = 2
"""How many times a stack is made slower because the machine was not fast enough for the speed that was chosen."""

ROOM = 1 << 20
"""Bytes below which a disk counts as full."""


@dataclass(frozen=True)
class Played:
    """One story that was played: its report, its text, where its journal is, and the wall seconds until it was settled."""

    report: Report
    text: str
    journal: Path
    seconds: float


@dataclass
class Session:
    """A stack file, its plan, and the stack that is started for the first story.

    ``tell`` says what happens, ``announce`` what is so from now on, which need not be said twice.
    """

    file: StackFile
    runtime: str = "auto"
    keep: bool = False
    control: bool = False
    flags: Sequence[str] = ()
    ready_within: float = READY_WITHIN
    speed: str = "1"
    tell: Callable[[str], None] = lambda _: None
    announce: Callable[[str], None] = lambda _: None
    allowed: Collection[str] = ()
    clock: Clock = field(default_factory=SystemClock)
    _steps: int = 0
    _plan: Plan | None = None
    _trouble: ObscheckError | None = None
    _stack: LiveStack | None = None
    _folder: RunFolder | None = None
    _moved: set[str] = field(default_factory=set)
    _patience: Patience = field(init=False)

    def __post_init__(self) -> None:
        """Have patience with the stack as long as nobody lost it."""
        self._patience = Patience(self.ready_within)

    @property
    def plan(self) -> Plan:
        """Return what is known before anything starts; ``ConfigError`` or ``ProgramMissing`` with everything that is wrong."""
        if self._plan is None:
            gaps = toolchain.missing(programs_of(self.file))
            if gaps:
                raise ProgramMissing(toolchain.in_words(gaps))
            with _in_a_sentence():
                self._plan = self._planned(self.speed)
            for words in dict.fromkeys(self._plan.unlike):
                self.announce(str(words))
        return self._plan

    def _planned(self, speed: str) -> Plan:
        moment = Moment(self.clock.now(), self.file.instant)
        networked, limiting = (able(self.runtime, ability) for ability in (SeparatesNetworks, LimitsMembers))
        return replace(plan(self.file, speed, moment), networked=networked, limiting=limiting)

    @property
    def folder(self) -> Path | None:
        """Return the run's folder, once there is one."""
        return self._folder.path if self._folder else None

    def another(self, clock: Clock) -> Session:
        """Return a session on a stack of the same file, to run beside this one's."""
        return replace(self, clock=clock, _plan=self.plan, _trouble=None, _stack=None, _folder=None, _moved=set())

    def stack(self, scenarios: Sequence[Scenario] = ()) -> LiveStack:
        """Return the running stack, with the loads of stories, and fresh where one of them does not share.

        It is started at the first call. Where it cannot run, nothing is left running, and every later call says why again.
        """
        if self._trouble is None:
            try:
                with _in_a_sentence():
                    return self._running(scenarios)
            except ObscheckError as error:
                self._trouble = StackError(f"{FULL.format(self.folder)}\n{error}") if _full(self.folder) else error
                self._end()
        raise self._trouble

    def _running(self, scenarios: Sequence[Scenario]) -> LiveStack:
        loads = [load for batch in experiments(scenarios) for load in batch.stories[0].loads]
        stack = self._stack
        if stack is None:
            stack = self.laid_out()
            stack.start(loads)
            # Modules stay: the garbage collector need not search them in the middle of a story, nor at the end.
            gc.freeze()
        elif scenarios:
            stack.prepare(loads)
            remembered = self._moved & told(scenarios, self.plan.facts)
            if remembered or not all(scenario.share for scenario in scenarios):
                stack.fresh()
                self._moved.clear()
        self._moved |= moved(scenarios, self.plan.facts)
        return stack

    def laid_out(self) -> LiveStack:
        """Return its stack with its addresses and working copies, not started."""
        made = self.plan
        self._folder = self._folder or RunFolder.make(keep=self.keep)
        runtime, words = choose(self.runtime, self.file, self._folder.path)
        self.announce(words)
        self._stack = stack = LiveStack(self.file, made, runtime, self._folder.path, self.clock, self.ready_within)
        stack.lay_out()
        return stack

    def check(self, scenario: Scenario) -> None:
        """Raise ``ConfigError`` where the story cannot be played on this stack."""
        closed = refused(scenario, self.file.attached, self.allowed, self.plan.pace.by)
        problems = [*loader.check(scenario, self.plan), *closed]
        if problems:
            raise ConfigError(problems)

    def playable(self, scenario: Scenario) -> bool:
        """Whether the story can be played on this stack."""
        return not loader.check(scenario, self.plan)

    def play(self, scenarios: Sequence[Scenario], into: Path) -> list[Played]:
        """Play stories at the same time on its stack, and judge them; ``ObscheckError`` where one cannot be played there."""
        for scenario in scenarios:
            self.check(scenario)
        stack, hands = self.stack(scenarios), Threads()
        with _in_a_sentence(), ExitStack() as files:
            into.mkdir(parents=True, exist_ok=True)
            writes = [files.enter_context(_writing(into / f"{_stem(scenario)}.ndjson")) for scenario in scenarios]
            shows = [self._show(scenario, stack, hands, write) for scenario, write in zip(scenarios, writes, strict=True)]
            for show in shows if len(shows) > 1 else ():
                show.write("together", stories=[other.scenario.name for other in shows if other is not show])
            runner.play_together(shows)
            for show in shows if self.control else ():
                self._control(show.scenario, show.journal)
        with _in_a_sentence():
            return [_reported(show.scenario, show.journal, into) for show in shows]

    def slower(self, scenarios: Sequence[Scenario], made: list[Played], into: Path) -> list[Played]:
        """Return what came of stories; what the machine was too slow for is played again slower, where the speed is ours.

        Where it was so for few of them, it may have been a moment's: they are played again as they were, first.
        """
        patient = True
        while slow := {at: why for at, played in enumerate(made) if (why := too_fast(played.report))}:
            reasons = list(slow.values())
            if patient and self._a_moments(reasons, len(made)):
                self.tell(f"at speed {self.plan.pace.by:g} {reasons[0]}; {are(reasons)} played again")
            elif not self._slower(reasons):
                break
            patient = False
            anew = self.play([scenarios[at] for at in slow], into)
            made = [*made]
            for at, played in zip(slow, anew, strict=True):
                made[at] = played
        return made

    def _a_moments(self, reasons: Sequence[str], stories: int) -> bool:
        """Whether what was too slow for few stories, half of them at most, may not be so again; noise is always the same."""
        steady = any(why.startswith(NOISE) for why in reasons)
        return self.speed == AUTO and self.plan.pace.by > 1 and not steady and len(reasons) <= (stories + 1) // 2

    def _slower(self, reasons: Sequence[str]) -> bool:
        """Whether everything is played slower from now on; the stack is started anew for it."""
        by = self.plan.pace.by
        if self.speed != AUTO or self._steps == STEPS or by == 1:
            return False
        self._steps += 1
        self.close()
        self._folder = None
        quiet = [at_most(why) for why in reasons if why.startswith(NOISE)]
        slower = no_more(by, min(quiet)) if quiet else half(by)
        why = f"{NOISE} a claim" if quiet else TOO_SLOW
        self._plan = slowed(self._planned(str(slower)), by, why)
        self.tell(f"at speed {by:g} {reasons[0]}; {are(reasons)} played again, at speed {self.plan.pace.by:g}")
        return True

    def close(self) -> None:
        """End the stack and remove the run's folder, unless it is to be kept; idempotent. A Ctrl-C waits until that is done."""
        with undisturbed():
            self._end()
            if self._folder is not None:
                self._folder.close()

    def _end(self) -> None:
        self._moved.clear()
        stack, self._stack = self._stack, None
        if stack is not None:
            stack.close()

    def _show(self, scenario: Scenario, stack: LiveStack, hands: Hands, write: _Write | None = None) -> runner.Play:
        journal = Journal()
        if write is not None:
            journal.on_write = partial(write, journal)
        for kind, data in self._header(scenario, stack):
            journal.write(kind, self.clock.now(), **data)
        return runner.Play(scenario, stack, self.clock, journal, hands, settled, self._patience, self.tell)

    def _control(self, scenario: Scenario, journal: Journal) -> None:
        other = control(scenario, journal)
        if other is None:
            return
        played = runner.play(self._show(other, self.stack([other]), Threads()))
        for words in control_notes(scenario, judge(scenario, journal), judge(other, played)):
            journal.write("note", self.clock.now(), words=words)

    def _header(self, scenario: Scenario, stack: LiveStack) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the first events of a journal: everything that explains the rest without the stack."""
        versions = {"obscheck": version("pytest-obscheck"), "python": platform.python_version(), "runtime": stack.runtime.name}
        pace = {"speed": self.plan.pace.by, "pace": self.plan.pace.words, "scrape": self.plan.pace.scrape}
        yield "run", {**versions, "flags": list(self.flags), **pace, "clocks_ahead": stack.clocks()}
        yield "scenario", to_data(scenario)
        yield "plan", plan_data(self.plan)
        yield "files", {"files": dict(self.plan.facts.files)}
        yield "derived", {"files": stack.derived(), "programs": stack.programs()}
        yield from (("note", {"words": str(each)}) for each in self.plan.unlike)


def are(stories: Collection[Any]) -> str:
    """Return ``1 story is`` or ``3 stories are``."""
    return "1 story is" if len(stories) == 1 else f"{len(stories)} stories are"


def _reported(scenario: Scenario, journal: Journal, into: Path) -> Played:
    """Judge a story that was played, and write its reports beside its journal."""
    report, name = judge(scenario, journal), _stem(scenario)
    text = written(report, into / name)
    over = journal.last("over")
    took = over.data["ended"] - journal.events[0].wall if over else 0.0
    return Played(report, text, into / f"{name}.ndjson", took)


def written(report: Report, path: Path) -> str:
    """Write what every reporter tells of a story into files of that name with its ending; return the text for people."""
    path.parent.mkdir(parents=True, exist_ok=True)
    told = {name: registry.find("reports", name)() for name in registry.names("reports")}
    texts: dict[str, str] = {name: reporter.report([report]) for name, reporter in told.items()}
    for name, text in texts.items():
        path.with_name(f"{path.name}.{told[name].ending}").write_text(text, encoding="utf-8")
    return texts["terminal"]


def _stem(scenario: Scenario) -> str:
    return journals.stem(scenario.where or scenario.name)


def again(path: Path) -> tuple[Report, str]:
    """Judge a saved journal; return the report and its text. ``ConfigError`` where it cannot be read."""
    try:
        journal = journals.read(path)
    except OSError as error:
        raise ConfigError([Problem(str(path), f"cannot be read: {error.strerror}")]) from None
    except (ValueError, LookupError, TypeError) as error:
        raise ConfigError([_unreadable(path, str(error))]) from None
    told = journal.last("scenario")
    if told is None:
        raise ConfigError([_unreadable(path, "it holds no story")])
    report = judge(from_data(told.data), journal)
    return report, registry.find("reports", "terminal")().report([report])


def _unreadable(path: Path, why: str) -> Problem:
    return Problem(str(path), f"not a journal that can be judged: {why}")


@contextmanager
def undisturbed() -> Iterator[None]:
    """Hold a Ctrl-C back until the work is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


@contextmanager
def _writing(path: Path) -> Iterator[Callable[[Journal, Event], None]]:
    """Give what writes each event to the file at once, so that a crash leaves everything up to it.

    Events come from several threads: what the disk refuses is raised at the end, where somebody catches it.
    """
    writer = journals.Writer()
    refused: list[OSError] = []
    # Unbuffered: nothing may be left over that closing the file would try to write again.
    with path.open("wb", buffering=0) as file:

        def put(lines: Iterable[str]) -> None:
            try:
                file.write("".join(f"{line}\n" for line in lines).encode())
            except OSError as error:
                refused.append(OSError(error.errno, error.strerror, str(path)))

        put([journals.header()])
        if not refused:
            yield lambda journal, event: put(writer.lines(event, journal.story(event.wall)))
    if refused:
        raise refused[0]


@contextmanager
def _in_a_sentence() -> Iterator[None]:
    """Turn what the machine refuses into one sentence; a full disk has one of its own."""
    try:
        yield
    except OSError as error:
        where = error.filename or tempfile.gettempdir()
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StackError(FULL.format(where)) from None
        raise StackError(
            f"{where}: {error.strerror or error}; the harness must be able to write and run things there"
        ) from None


def _full(folder: Path | None) -> bool:
    """Whether a disk has no room left for a stack, whose members then die without being able to log why."""
    return folder is not None and shutil.disk_usage(folder).free < ROOM
