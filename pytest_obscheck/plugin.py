"""The pytest plugin: options, stories collected like tests, fixtures. Everything heavy is imported inside functions."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_obscheck.collecting import (
    MARKER,
    SUFFIX,
    WAITS,
    StoryFile,
    is_story_file,
    last_of_each,
    needs_stack,
    neighbours,
    played_on,
    story_venue,
    together,
)
from pytest_obscheck.playing import (
    DEFAULT,
    KEPT,
    NOTED,
    TOOK,
    Venue,
    close,
    played,
    session_at_rest,
    session_of,
    stacks_at_once,
    venue_of,
)

if TYPE_CHECKING:
    from pytest_obscheck.scenario import Draft
    from pytest_obscheck.stack import LiveStack

WRONG: pytest.StashKey[str] = pytest.StashKey()
LEFT_OUT: pytest.StashKey[int] = pytest.StashKey()
LAST: pytest.StashKey[dict[str, Venue]] = pytest.StashKey()


# ── options ──────────────────────────────────────────────────────────────────


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, all beginning with ``--obs``."""
    group = parser.getgroup("obscheck", "prove alerts, dashboards and SLOs on the real monitoring stack")
    add = group.addoption
    add("--obs-stack", nargs="?", const=DEFAULT, metavar="STACK.YAML", help="play stories on this stack (stack/stack.yaml)")
    runtimes = ("auto", "process", "container", "bridge")
    add("--obs-runtime", choices=runtimes, default="auto", help="where the stack runs (default: auto)")
    add(
        "--obs-allow-faults",
        action="append",
        default=[],
        metavar="NAME",
        help="allow faults and loads beside this attached member",
    )
    add("--obs-speed", metavar="N|auto", default="1", help="let story time pass N times faster than wall time (default: 1)")
    add("--obs-keep", action="store_true", help="keep the run's folder: configurations, data, logs")
    add("--obs-report", metavar="DIR", help="write each story's journal and reports here (default: the cache of pytest)")
    add("--obs-require", metavar="NAMES", help="fail instead of skip where these programs are missing: a,b or all")
    add(
        "--obs-control",
        action="store_true",
        help="play each story again without its faults, and name claims that pass all the same",
    )
    parser.addini("obs_stack", "the stack.yaml of --obs-stack", default="stack/stack.yaml")
    parser.addini("obs_scenarios", "more files that are stories, as globs", type="linelist", default=[])
    parser.addini("obs_at_once", "how many stacks this machine can run at the same time", default="1")
    parser.addini("obs_ready_within", "how long the stack may take to become ready, such as 2m", default="30s")


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hooks of ``hookspecs``."""
    from pytest_obscheck import hookspecs  # noqa: PLC0415

    pluginmanager.add_hookspecs(hookspecs)


def pytest_configure(config: pytest.Config) -> None:
    """Name the marker."""
    config.addinivalue_line(
        "markers", f"{MARKER}(path, speed=, instant=): the stack.yaml of a test, its speed, and the instant at which it begins"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(args: list[str]) -> None:
    """Let ``--obs-stack scenarios/`` mean the option and a path: only a YAML file is its value."""
    for at, word in enumerate(args):
        follower = args[at + 1] if at + 1 < len(args) else ""
        if word == "--obs-stack" and not (follower.endswith((".yaml", ".yml")) and not follower.endswith(SUFFIX)):
            args[at] = f"--obs-stack={DEFAULT}"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Check what the options say before anything is collected, so that its mistakes are told once."""
    config = session.config
    _check_required(config.option.obs_require)
    # The controller of xdist collects nothing by itself: what is played where, it does not know.
    controls = config.pluginmanager.hasplugin("dsession")
    if config.option.obs_stack and not hasattr(config, "workerinput"):
        _check(config, stack=controls)
        if controls and WRONG in config.stash:
            raise pytest.UsageError(config.stash[WRONG])


def _check_required(names: str | None) -> None:
    """Raise ``UsageError`` where a program that must be there is none that anybody knows: nothing would ever fail for it."""
    wanted = [name for name in (names or "").split(",") if name not in ("", "all")]
    if not wanted:
        return
    from pytest_obscheck.errors import ProgramMissing  # noqa: PLC0415
    from pytest_obscheck.toolchain import check_names  # noqa: PLC0415

    try:
        check_names(wanted)
    except ProgramMissing as error:
        said = "\n".join(f"--obs-require: {line}" for line in str(error).splitlines())
        raise pytest.UsageError(said) from None


def _check(config: pytest.Config, *, stack: bool) -> None:
    """Note what is wrong with the speed that the options name, or with their stack."""
    from pytest_obscheck.errors import ObscheckError  # noqa: PLC0415
    from pytest_obscheck.stack.pacing import checked  # noqa: PLC0415

    try:
        checked(config.option.obs_speed, "--obs-speed")
        stacks_at_once(config)
        if stack:
            session_of(config, venue_of(config))
    except ObscheckError as error:
        config.stash[WRONG] = str(error)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell the mistakes in the stack together with those in the stories: nobody shall have to mend in two rounds."""
    if WRONG in session.config.stash:
        raise pytest.UsageError(session.config.stash[WRONG])


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, Any, Any]:
    """End whatever runs as soon as the last test is over: a Ctrl-C meanwhile is then told by pytest itself."""
    session.config.stash[LAST] = last_of_each([item for item in session.items if needs_stack(item)])
    try:
        return (yield)
    finally:
        close(session.config)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """End a stack when the last test that needs it is over."""
    try:
        return (yield)
    finally:
        over = item.config.stash.get(LAST, {}).get(item.nodeid)
        if over is not None:
            close(item.config, over)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End whatever still runs."""
    close(config)


# ── collecting ───────────────────────────────────────────────────────────────


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect ``*.obs.yaml``, and what the ini option ``obs_scenarios`` names; no other YAML."""
    return StoryFile.from_parent(parent, path=file_path) if is_story_file(file_path, parent.config) else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without ``--obs-stack``, deselect what needs one; with it, check it, and let stories of one stack follow each other."""
    if config.option.obs_stack:
        if not hasattr(config, "workerinput"):
            # Of a file that cannot be read nobody knows which stack it wants.
            _check(config, stack=session.testsfailed > 0 or played_on(venue_of(config), items))
        items[:] = neighbours(items)
        return
    needing = [item for item in items if needs_stack(item)]
    if needing:
        items[:] = [item for item in items if item not in needing]
        config.hook.pytest_deselected(items=needing)
        config.stash[LEFT_OUT] = len(needing)


# ── playing ──────────────────────────────────────────────────────────────────


class Story:
    """A story that a test writes: ``load``, ``fault``, ``expect``, then ``run``."""

    def __init__(self, item: pytest.Item, draft: Draft) -> None:
        """Begin with an empty draft."""
        self._item, self._draft, self.ran = item, draft, False

    def load(self, what: Any, window: Any, as_: str = "") -> Any:
        """Put traffic into a window; its ``file`` is relative to the test's folder."""
        from pytest_obscheck.loader import beside  # noqa: PLC0415

        return self._draft.load(beside(what, self._item.path.parent), window, as_)

    def fault(self, what: Any, window: Any, as_: str = "") -> Any:
        """Put a fault into a window; the result, and its ``cure``, can be the anchor of ``within(..., after=)``."""
        return self._draft.fault(what, window, as_)

    def expect(self, what: Any, phrase: Any, as_: str = "", warm: bool = True) -> Any:
        """Claim that something holds, and when."""
        return self._draft.expect(what, phrase, as_, warm)

    def run(self) -> Any:
        """Play the story and judge it; return the report, or raise ``StoryFailed`` or ``StoryUnknown`` with it."""
        __tracebackhide__ = True
        self.ran = True
        return played(self._item, self._draft.done(), story_venue(self._item)).report


@pytest.fixture
def obs_stack(request: pytest.FixtureRequest) -> LiveStack:
    """The running stack on which the test's stories are played: ``that(capability)``, ``plan``."""
    from pytest_obscheck.errors import ObscheckError  # noqa: PLC0415

    try:
        return session_at_rest(request.node, story_venue(request.node)).stack()
    except ObscheckError as error:
        said = str(error)
    pytest.fail(said, pytrace=False)


@pytest.fixture
def scenario(request: pytest.FixtureRequest) -> Story:
    """A story to be written by the test; one that is written but never run fails its test."""
    from pytest_obscheck import registry  # noqa: PLC0415
    from pytest_obscheck.scenario import Draft  # noqa: PLC0415

    item = request.node
    name = item.name.removeprefix("test_").replace("_", " ")
    return Story(item, Draft(name, registry.Names(), where=item.nodeid))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Fail a test that writes a scenario and never runs it; of what it writes wrongly, show its own line and the sentence."""
    try:
        result = yield
    except Exception as error:
        _end_at_the_users(error.__traceback__)
        raise
    if any(isinstance(each, Story) and not each.ran for each in pyfuncitem.funcargs.values()):
        said = f"{pyfuncitem.nodeid}: the scenario was written but never run; end the test with scenario.run()"
        pytest.fail(said, pytrace=False)
    return result


def _end_at_the_users(raised: TracebackType | None) -> None:
    """Take the frames of this package off the end of a traceback."""
    frames: list[TracebackType] = []
    while raised is not None:
        frames.append(raised)
        raised = raised.tb_next
    ours = str(Path(__file__).parent)
    inside = [each.tb_frame.f_code.co_filename.startswith((ours, "<string>")) for each in frames]
    last = len(frames) - 1
    while last > 0 and inside[last]:
        last -= 1
    frames[last].tb_next = None


@pytest.fixture(scope="session")
def obs_program(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """Return a function that finds a program, or skips the test with a sentence; fails it under ``--obs-require``."""
    from pytest_obscheck import toolchain  # noqa: PLC0415
    from pytest_obscheck.errors import ProgramMissing  # noqa: PLC0415

    required = (request.config.option.obs_require or "").split(",")

    def find(name: str) -> Path:
        try:
            return toolchain.find(name).path
        except ProgramMissing as error:
            if name in required or "all" in required:
                pytest.fail(str(error), pytrace=False)
            pytest.skip(str(error))

    return find


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Tell how long a story took by itself."""
    report = yield
    if call.when == "call" and TOOK in item.stash:
        # What was played at the same time as others took its own time, whoever waited for it.
        report.duration = item.stash[TOOK]
    return report


# ── telling ──────────────────────────────────────────────────────────────────


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Note what the summary tells; a worker of xdist hands it to the controller, which prints."""
    config = session.config
    if hasattr(config, "workeroutput"):
        told = (config.stash.get(LEFT_OUT, 0), config.stash.get(KEPT, []), list(config.stash.get(NOTED, ())))
        config.workeroutput["obscheck"] = told


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker of xdist noted; every worker leaves out the same stories."""
    left_out, kept, noted = getattr(node, "workeroutput", {}).get("obscheck", (0, [], []))
    stash = node.config.stash
    stash[LEFT_OUT] = max(left_out, stash.get(LEFT_OUT, 0))
    stash[KEPT] = [*stash.get(KEPT, []), *kept]
    stash.setdefault(NOTED, {}).update(dict.fromkeys(noted))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Print the reports of the stories that passed; those of the others stand with their failures."""
    texts = _texts(terminalreporter.getreports("passed"))
    if texts:
        terminalreporter.section("obscheck")
        for text in texts:
            terminalreporter.write(text)
    waits = config.stash.get(WAITS, []) if config.option.verbose > 0 else []
    for words in [*together(config), *waits, *config.stash.get(NOTED, ())]:
        terminalreporter.write_line(f"obscheck: {words}")
    left_out = config.stash.get(LEFT_OUT, 0)
    if left_out:
        said = "1 story was left out; play it" if left_out == 1 else f"{left_out} stories were left out; play them"
        terminalreporter.write_line(f"obscheck: {said} with --obs-stack")
    for folder in config.stash.get(KEPT, ()):
        terminalreporter.write_line(f"obscheck: the run's folder is kept: {folder}")


def _texts(reports: Sequence[Any]) -> list[str]:
    found = [
        value for report in reports if report.when == "call" for name, value in report.user_properties if name == "obscheck"
    ]
    return [str(text) for text in found]
