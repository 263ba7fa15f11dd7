"""A stack that runs, on a runtime that only pretends."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.capabilities import AnswersPromQL, ReportsHealth
from pytest_obscheck.errors import ComponentDied, NotReady, ProgramMissing
from pytest_obscheck.plan import Facts, Route
from pytest_obscheck.protocols import Launch, Place
from pytest_obscheck.stack import LiveStack, Member, StackFile
from pytest_obscheck.stack.file import HEALTHY, STARTED
from pytest_obscheck.stack.lastwords import condensed
from pytest_obscheck.stack.live import without_secret_paths
from pytest_obscheck.stack.programs import program
from pytest_obscheck.testing import FakeClock, Inline, a_plan


@dataclass
class Pretended:
    """A program that runs as long as it is told; ``ready`` after so many questions."""

    name: str
    log: list[str]
    happened: list[str]
    code: int | None = None

    def alive(self) -> bool:
        """Whether it runs."""
        return self.code is None

    def exit_code(self) -> int | None:
        """Return how it ended."""
        return self.code

    def kill(self) -> None:
        """End it."""
        self.code = -9
        self.happened.append(f"kill {self.name}")

    def start(self) -> None:
        """Start it again."""
        self.code = None
        self.happened.append(f"start {self.name}")

    def logs(self, last: int = 20) -> list[str]:
        """Return what it was told to log."""
        return self.log[-last:]


@dataclass
class PretendedRuntime:
    """Starts nothing, and notes what it was asked for. ``dying``: name → log of what ends at once."""

    dying: Mapping[str, list[str]] = field(default_factory=dict)
    happened: list[str] = field(default_factory=list)
    ports: int = 20_000

    def reserve(self, member: str, port: str) -> str:
        """Return the next address."""
        self.ports += 1
        return f"127.0.0.1:{self.ports}"

    def run(self, member: str, launch: Launch) -> Pretended:
        """Note it."""
        self.happened.append(f"run {member}")
        return Pretended(member, self.dying.get(member, []), self.happened, 1 if member in self.dying else None)

    def close(self) -> None:
        """Note it."""
        self.happened.append("close")


@dataclass
class PretendedPart:
    """A component and its own client: ready at the n-th question, ``None`` for never."""

    name: str
    happened: list[str]
    ready_at: int | None = 1
    ports: tuple[str, ...] = ("http",)
    after: tuple[str, ...] = ()
    asked: int = 0

    def launch(self, place: Place) -> Launch:
        """Return something that is there on every machine."""
        return Launch(("python",), place.folder)

    def connect(self, place: Place) -> PretendedPart:
        """Return itself."""
        return self

    def ready(self) -> bool:
        """Whether it was asked often enough."""
        self.asked += 1
        ready = self.ready_at is not None and self.asked >= self.ready_at
        if ready:
            self.happened.append(f"{self.name} is ready")
        return ready

    def close(self) -> None:
        """Do nothing."""


@dataclass
class Missing(PretendedPart):
    """A component whose program is not there."""

    def launch(self, place: Place) -> Launch:
        """Say how to get it."""
        raise ProgramMissing(f"{self.name}: not found; install it")


def a_stack(
    folder: Path, *parts: tuple[PretendedPart, tuple[str, ...] | dict[str, str]], runtime: PretendedRuntime
) -> LiveStack:
    """Return a stack of parts with what each depends on, and an inbox, which every stack has."""
    inbox = PretendedPart("inbox", runtime.happened, ports=("control", "proxy", "smtp"))
    members = {"inbox": Member("inbox", "inbox", inbox, {}, {}, "")}  # type: ignore[arg-type]
    for part, needs in parts:
        needed = needs if isinstance(needs, dict) else dict.fromkeys(needs, HEALTHY)
        members[part.name] = Member(part.name, "service", part, {}, needed, "stack.yaml:1")  # type: ignore[arg-type]
    file = StackFile(folder / "stack.yaml", "stack.yaml", members, {})
    return LiveStack(file, a_plan(), runtime, folder, FakeClock(), 5.0, Inline())  # type: ignore[arg-type]


@pytest.fixture
def runtime() -> PretendedRuntime:
    """Return a runtime on which nothing dies."""
    return PretendedRuntime()


def test_members_start_side_by_side_services_first_and_dependants_when_all_that_they_need_is_ready(
    tmp_path: Path, runtime: PretendedRuntime
) -> None:
    shop = PretendedPart("shop", runtime.happened)
    payments, mail = PretendedPart("payments", runtime.happened, 3), PretendedPart("mail", runtime.happened, 2)
    a_stack(tmp_path, (shop, ("payments", "mail")), (payments, ()), (mail, ()), runtime=runtime).start()

    expected = [
        "run payments", "run mail", "run inbox", "inbox is ready", "mail is ready", "payments is ready",
        "run shop", "shop is ready",
    ]  # fmt: skip

    assert runtime.happened == expected


def test_a_dependant_may_start_when_what_it_needs_was_started(tmp_path: Path, runtime: PretendedRuntime) -> None:
    shop, payments = PretendedPart("shop", runtime.happened), PretendedPart("payments", runtime.happened, 3)
    a_stack(tmp_path, (shop, {"payments": STARTED}), (payments, ()), runtime=runtime).start()

    expected = ["run payments", "run inbox", "run shop", "inbox is ready", "shop is ready", "payments is ready"]

    assert runtime.happened == expected


def test_a_member_that_dies_at_start_is_named_with_its_last_words(tmp_path: Path) -> None:
    runtime = PretendedRuntime(dying={"shop": ["starting", "no such flag"]})
    with pytest.raises(ComponentDied) as raised:
        a_stack(tmp_path, (PretendedPart("shop", runtime.happened, None), ()), runtime=runtime).start()

    assert str(raised.value) == "shop: it ended at start (exit code 1); its last lines:\n  starting\n  no such flag"


def test_a_member_that_says_nothing_is_told_to_have_said_nothing(tmp_path: Path) -> None:
    runtime = PretendedRuntime(dying={"shop": []})
    with pytest.raises(ComponentDied) as raised:
        a_stack(tmp_path, (PretendedPart("shop", runtime.happened, None), ()), runtime=runtime).start()

    assert str(raised.value) == "shop: it ended at start (exit code 1); it wrote no log"


def test_members_that_never_become_ready_are_all_named(tmp_path: Path, runtime: PretendedRuntime) -> None:
    shop, payments = PretendedPart("shop", runtime.happened), PretendedPart("payments", runtime.happened, None)
    with pytest.raises(NotReady) as raised:
        a_stack(tmp_path, (shop, ("payments",)), (payments, ()), runtime=runtime).start()

    expected = (
        "payments: it was not ready within 5.0s; it wrote no log\n"
        "shop: it was not started, for what it depends on was not ready"
    )

    assert str(raised.value) == expected


def test_programs_that_are_missing_are_all_named_before_anything_starts(tmp_path: Path, runtime: PretendedRuntime) -> None:
    missing = [(Missing(name, runtime.happened), ()) for name in ("postgres", "redis")]
    with pytest.raises(ProgramMissing) as raised:
        a_stack(tmp_path, (PretendedPart("shop", runtime.happened), ()), *missing, runtime=runtime).start()

    assert (str(raised.value), runtime.happened) == ("postgres: not found; install it\nredis: not found; install it", [])


def test_a_fresh_stack_has_no_data_and_no_dead_member(tmp_path: Path, runtime: PretendedRuntime) -> None:
    names = ("store", "dead", "alive")
    stack = a_stack(tmp_path, *((PretendedPart(name, runtime.happened), ()) for name in names), runtime=runtime)
    stack.start()
    (tmp_path / "store/data").mkdir(parents=True)
    stack.seats["dead"].running.kill()  # type: ignore[union-attr]
    runtime.happened.clear()
    stack.fresh()

    expected = ["kill store", "start store", "start dead", "store is ready", "dead is ready"]

    assert (runtime.happened, (tmp_path / "store/data").exists()) == (expected, False)


def test_asking_for_what_nobody_can_says_who_could(tmp_path: Path, runtime: PretendedRuntime) -> None:
    stack = a_stack(tmp_path, (PretendedPart("shop", runtime.happened), ()), runtime=runtime)
    stack.start()

    with pytest.raises(LookupError) as nobody:
        stack.that(AnswersPromQL)
    with pytest.raises(LookupError) as unable:
        stack.that(ReportsHealth, named="shop")
    with pytest.raises(LookupError) as wrong:
        stack.that(ReportsHealth, named="shpo")

    assert str(nobody.value) == "no member of the stack evaluates PromQL; add one to stack.yaml: prometheus"
    assert str(unable.value) == (
        "'shop' is no member that answers HTTP requests about its own state; "
        "add one to stack.yaml: filebeat, fluentd, kibana, logstash, service"
    )
    assert str(wrong.value) == "no member called 'shpo'; did you mean 'shop'?"


def test_a_stack_shows_itself_in_a_line(tmp_path: Path, runtime: PretendedRuntime) -> None:
    stack = a_stack(tmp_path, (PretendedPart("shop", runtime.happened), ()), runtime=runtime)

    assert repr(stack) == "<stack stack.yaml: inbox, shop>"


def test_a_stack_without_a_prometheus_lacks_nothing_before_time_zero(tmp_path: Path, runtime: PretendedRuntime) -> None:
    stack = a_stack(tmp_path, (PretendedPart("shop", runtime.happened), ()), runtime=runtime)
    stack.start()

    assert (stack.unready(set()), stack.clocks()) == ("", {})


@dataclass
class Firing:
    """A client whose one alert fires."""

    name: str = "Watchdog"

    def rules(self) -> list[dict[str, Any]]:
        """Return the rule with its alert."""
        return [{"rules": [{"name": self.name, "state": "firing", "alerts": [{}]}]}]

    def alert_states(self, since: float, until: float) -> tuple[list[Any], list[Any]]:
        """Return none."""
        return [], []

    def missed(self) -> dict[str, float]:
        """Return that none was."""
        return {}


def test_an_alert_that_fires_before_the_story_is_named_with_the_way_to_allow_it(
    tmp_path: Path, runtime: PretendedRuntime
) -> None:
    stack = a_stack(tmp_path, (PretendedPart("shop", runtime.happened), ()), runtime=runtime)
    stack.start()
    stack.seats["shop"].client = Firing()  # type: ignore[assignment]

    assert stack.unready(set()) == (
        "the alert Watchdog is firing before anything was broken; "
        "if it always is, write `always_firing: [Watchdog]` into stack.yaml"
    )
    assert stack.unready({"Watchdog"}) == ""
    stack.file = dataclasses.replace(stack.file, always_firing={"Watchdog": "stack.yaml:9"})
    assert stack.unready(set()) == ""


@dataclass
class Scraping:
    """A client that found these targets so far."""

    found: list[dict[str, Any]]

    def targets(self) -> list[dict[str, Any]]:
        """Return them."""
        return self.found


def test_a_story_does_not_begin_before_any_target_was_found(tmp_path: Path, runtime: PretendedRuntime) -> None:
    stack = a_stack(tmp_path, (PretendedPart("shop", runtime.happened), ()), runtime=runtime)
    stack.start()
    stack.plan = dataclasses.replace(stack.plan, facts=Facts(scraped=("shop-1:80", "shop-2:80")))
    client = Scraping([])
    stack.seats["shop"].client = client  # type: ignore[assignment]

    assert stack.unready(set()) == "no target was found yet, shop-1:80 neither"

    client.found.append({"labels": {"job": "a", "instance": "shop-1:80"}, "health": "unknown"})

    assert stack.unready(set()) == "the target a/shop-1:80 was not scraped yet"

    client.found[0]["health"] = "up"

    assert stack.unready(set()) == ""


def test_a_program_is_python_a_path_or_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "shopd").write_text("#!/bin/sh\n")
    (tmp_path / "shopd").chmod(0o755)

    assert [program(name) for name in ("python", "./shopd", "shopd")] == [sys.executable, "./shopd", str(tmp_path / "shopd")]


def test_a_program_that_is_nowhere_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ProgramMissing) as raised:
        program("shopd")

    assert str(raised.value) == "shopd: not found on PATH; install it or write the path of the program"


def test_the_paths_of_notifications_are_hidden() -> None:
    routes = [
        Route("hooks.slack.com:443", "/services/T0/B0/x", "slack", "team"),
        Route("audit:8080", "/in", "webhook", "audit"),
    ]
    text = 'url: "https://hooks.slack.com/services/T0/B0/x"\nb: http://audit:8080/in?token=y\n{"path": "/in"}\nin: /in\n'

    expected = 'url: "https://hooks.slack.com/<secret>"\nb: http://audit:8080/<secret>\n{"path": "/<secret>"}\nin: /in\n'

    assert without_secret_paths(text, routes) == expected


TRACE = """\
[12:00:00] starting
Traceback (most recent call last):
  File "/shop/main.py", line 3, in <module>
    run()
    ^^^^^
  File "/usr/lib/python3.11/json/__init__.py", line 7, in loads
    raise ValueError("first")
ValueError: first

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/shop/main.py", line 5, in <module>
    stop()
KeyError: 'second'
[12:00:01] ended
"""


def test_a_stack_trace_is_one_line_with_the_users_own_place() -> None:
    expected: list[Any] = [
        "[12:00:00] starting", "/shop/main.py:3: ValueError: first", "/shop/main.py:5: KeyError: 'second'", "[12:00:01] ended",
    ]  # fmt: skip

    assert condensed(TRACE.splitlines()) == expected


def test_a_stack_trace_that_is_cut_short_is_told_as_such() -> None:
    lines = TRACE.splitlines()[1:3]

    assert condensed(lines) == ["/shop/main.py:3: it ended in the middle of a stack trace"]
