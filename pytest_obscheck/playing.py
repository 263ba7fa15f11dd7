"""The playing of stories in a run of pytest: one session for each stack file, kept from its first story to its last."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_obscheck.lanes import Lanes
    from pytest_obscheck.scenario import Scenario
    from pytest_obscheck.session import Played, Session

DEFAULT = "<ini obs_stack>"
"""What ``--obs-stack`` has for its value where none is given."""


@dataclass(frozen=True)
class Venue:
    """Where a story is played: the stack file, how much faster story time passes there, and at which instant it begins."""

    path: Path
    speed: str
    instant: str = ""


SESSIONS: pytest.StashKey[dict[Venue, Any]] = pytest.StashKey()
TOLD: pytest.StashKey[dict[Venue, tuple[str, Exception]]] = pytest.StashKey()
KEPT: pytest.StashKey[list[str]] = pytest.StashKey()
NOTED: pytest.StashKey[dict[str, None]] = pytest.StashKey()
"""What programs accept in the files of the stacks and is hardly meant, each once."""

LANES: pytest.StashKey[Lanes] = pytest.StashKey()
UNSPED: pytest.StashKey[dict[Venue, Venue]] = pytest.StashKey()
"""Venues whose chosen speed turned out to be 1, and the same at that speed."""

TOOK: pytest.StashKey[float] = pytest.StashKey()


@dataclass
class Voice:
    """Prints a line at once, past whatever captures the output of tests; a worker of xdist has nothing to print on."""

    config: pytest.Config
    _said: set[str] = field(default_factory=set)
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, words: str) -> None:
        """Print what happens; stacks that run at the same time may do so at the same time."""
        terminal, capture = (self.config.pluginmanager.getplugin(name) for name in ("terminalreporter", "capturemanager"))
        if terminal is None:
            return
        with self._one_at_a_time, capture.global_and_fixture_disabled() if capture else nullcontext():
            terminal.ensure_newline()
            terminal.write_line(f"obscheck: {words}")
            terminal.flush()

    def announce(self, words: str) -> None:
        """Print what is so for the whole run, once."""
        with self._one_at_a_time:
            fresh = words not in self._said
            self._said.add(words)
        if fresh:
            self.tell(words)


VOICE: pytest.StashKey[Voice] = pytest.StashKey()


def venue_of(config: pytest.Config, path: Path | None = None, speed: str = "", instant: str = "") -> Venue:
    """Return the venue that the run's options name, as far as a story names none."""
    given = config.option.obs_stack
    if path is None and given == DEFAULT:
        path = config.rootpath / str(config.getini("obs_stack"))
    found = Venue((path or config.invocation_params.dir / str(given)).resolve(), speed or config.option.obs_speed, instant)
    return config.stash.get(UNSPED, {}).get(found, found)


def session_of(config: pytest.Config, venue: Venue, who: str = "") -> Session:
    """Return the session of a venue.

    The first who needs it is told everything that is wrong with it, as ``ObscheckError``; others are told who that was.
    """
    from pytest_obscheck.errors import ObscheckError, StackError  # noqa: PLC0415

    told = config.stash.setdefault(TOLD, {})
    sessions = config.stash.setdefault(SESSIONS, {})
    if venue in told:
        teller, trouble = told[venue]
        if teller == who:
            raise trouble
        raise StackError(f"{_shown(config, venue.path)}: this stack cannot be used; {teller} says why")
    if venue not in sessions:
        try:
            sessions[venue] = _opened(config, venue)
        except ObscheckError as error:
            told[venue] = who, error
            raise
    session: Session = sessions[venue]
    if venue.speed != "1" and session.plan.pace.by == 1:
        # What was chosen is no speed-up: stories that must keep to the clock need no stack of their own.
        same = Venue(venue.path, "1")
        session = sessions.setdefault(same, sessions.pop(venue))
        config.stash.setdefault(UNSPED, {})[venue] = same
    return session


def _opened(config: pytest.Config, venue: Venue) -> Session:
    from pytest_obscheck.session import Session  # noqa: PLC0415
    from pytest_obscheck.stack import read  # noqa: PLC0415

    flags = [str(word) for word in config.invocation_params.args]
    chosen = config.option
    file = read(venue.path, config.rootpath)
    file = replace(file, instant=venue.instant or file.instant)
    voice = config.stash.setdefault(VOICE, Voice(config))
    session = Session(
        file, chosen.obs_runtime, chosen.obs_keep, chosen.obs_control, flags, _ready_within(config), venue.speed,
        voice.tell, voice.announce, chosen.obs_allow_faults,
    )  # fmt: skip
    config.stash.setdefault(NOTED, {}).update(dict.fromkeys(map(str, session.plan.facts.notes)))
    return session


def stacks_at_once(config: pytest.Config) -> int:
    """Return how many stacks may run at the same time."""
    given = str(config.getini("obs_at_once"))
    if not given.isdecimal() or int(given) < 1:
        raise pytest.UsageError(f"obs_at_once: {given!r} is not a number of stacks; write how many the machine can run, like 2")
    return int(given)


def _ready_within(config: pytest.Config) -> float:
    from pytest_obscheck.when import seconds  # noqa: PLC0415

    try:
        return seconds(str(config.getini("obs_ready_within")))
    except ValueError as error:
        raise pytest.UsageError(f"obs_ready_within: {error}") from None


def lanes_of(config: pytest.Config) -> Lanes:
    """Return the lanes in which stories of this run are played."""
    from pytest_obscheck.lanes import Lanes  # noqa: PLC0415

    if LANES not in config.stash:
        voice = config.stash.setdefault(VOICE, Voice(config))
        config.stash[LANES] = Lanes(
            stacks_at_once(config), _report_folder(config), voice.tell, lambda each: _keep(config, each)
        )
    return config.stash[LANES]


def _keep(config: pytest.Config, session: Session) -> None:
    """Note the folder of a session where it is to be kept."""
    if config.option.obs_keep and session.folder:
        kept = config.stash.setdefault(KEPT, [])
        kept.extend({str(session.folder)} - set(kept))


def close(config: pytest.Config, only: Venue | None = None) -> None:
    """End what is played and the stacks that run, or only one of these; what is needed again later starts again."""
    if only is None and LANES in config.stash:
        config.stash[LANES].close()
    sessions = config.stash.get(SESSIONS, {})
    wanted = config.stash.get(UNSPED, {}).get(only, only) if only else None
    for venue in [venue for venue in sessions if wanted in (None, venue)]:
        session = sessions[venue]
        _keep(config, session)
        session.close()
        del sessions[venue]


def played(item: pytest.Item, story: Scenario, venue: Venue, lanes: Lanes | None = None) -> Played:
    """Play a story for a test item; raise ``StoryFailed`` or ``StoryUnknown`` with the report where it did not pass.

    ``lanes``: where it is played at its turn, at the same time as others; alone without.
    """
    from pytest_obscheck.errors import ObscheckError, StoryFailed, StoryUnknown  # noqa: PLC0415
    from pytest_obscheck.verdict import Outcome  # noqa: PLC0415

    __tracebackhide__ = True
    try:
        result = _alone(item, story, venue) if lanes is None else lanes.result(item.nodeid)
    except ObscheckError as error:
        # Where in the harness a mistake of the user's was noticed helps nobody.
        raise error.with_traceback(None) from None
    except KeyboardInterrupt:
        # Ctrl-C may strike between two lines; a frame without a line number is one that pytest cannot print.
        raise KeyboardInterrupt from None
    if lanes is not None:
        item.stash[TOOK] = result.seconds
    item.config.hook.pytest_obscheck_played(scenario=story, report=result.report, journal=str(result.journal))
    if result.report.outcome is Outcome.PASSED:
        item.user_properties.append(("obscheck", result.text))
        return result
    raised = StoryFailed if result.report.outcome is Outcome.FAILED else StoryUnknown
    raise raised(f"{result.text}  journal: {_shown(item.config, result.journal)}")


def _alone(item: pytest.Item, story: Scenario, venue: Venue) -> Played:
    session, into = session_at_rest(item, venue), _report_folder(item.config)
    (result,) = session.slower([story], session.play([story], into), into)
    return result


def session_at_rest(item: pytest.Item, venue: Venue) -> Session:
    """Return the session of a venue when nothing is played anywhere."""
    if LANES in item.config.stash:
        item.config.stash[LANES].rest()
    return session_of(item.config, venue, item.nodeid)


def _report_folder(config: pytest.Config) -> Path:
    given = config.option.obs_report
    if given:
        return config.invocation_params.dir / str(given)
    cache = getattr(config, "cache", None)
    return Path(cache.mkdir("obscheck")) if cache is not None else config.rootpath / ".obscheck"


def _shown(config: pytest.Config, path: Path) -> str:
    from pytest_obscheck.errors import shown_as  # noqa: PLC0415

    return shown_as(path, config.invocation_params.dir)
