"""Whole stories on a fake stack: minutes of story time in milliseconds."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from pytest_obscheck.errors import FaultFailed, LookFailed
from pytest_obscheck.expectations.alert import Alert
from pytest_obscheck.expectations.resolved import Resolved
from pytest_obscheck.hands import Threads
from pytest_obscheck.journal import Journal
from pytest_obscheck.judge import judge, settled
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, History, Look, Stack
from pytest_obscheck.runner import Play, _announce, play, play_together
from pytest_obscheck.scenario import Claim, Planned, Scenario
from pytest_obscheck.speed import Pace, Speed
from pytest_obscheck.stage import Patience
from pytest_obscheck.testing import FakeClock, FakePrometheus, FakeStack, FakeTraffic, Inline, a_plan, played
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import Phrase, Sight, Window, always, during, eventually, never, within

PASSED, UNKNOWN, FAILED = Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED
START = 1_000_000.0


@dataclass(eq=False)
class Harm:
    """A fault that notes what is done to it; ``broken`` names what it cannot do, and how it says so."""

    clock: FakeClock
    broken: dict[str, Exception] = field(default_factory=dict)
    takes: float = 0.0
    done: list[tuple[str, float]] = field(default_factory=list)
    there: bool = False

    def problems(self, plan: Plan) -> Iterable[str]:
        return ()

    def inject(self, stack: Stack) -> None:
        self._do("inject")
        self.there = True

    def confirm(self, stack: Stack) -> Effect:
        self._fail("confirm")
        since = next((at for what, at in reversed(self.done) if what == "inject"), 0.0)
        return Effect(self.there and self.clock.now() - START - since >= self.takes, "there" if self.there else "not there")

    def heal(self, stack: Stack) -> None:
        self._do("heal")
        self.there = False

    def _do(self, what: str) -> None:
        self.done.append((what, round(self.clock.now() - START, 1)))
        self._fail(what)

    def _fail(self, what: str) -> None:
        if what in self.broken:
            raise self.broken[what]

    def __str__(self) -> str:
        return "harm"


THROWN = Harm._fail.__code__.co_firstlineno + 2


@dataclass(frozen=True)
class Glance:
    """A look at something that a function of the story time tells."""

    seen: Any
    every: float = 0.2

    def look(self, stack: Stack, since: float, until: float) -> Any:
        return self.seen(since - START, until - START)

    def __str__(self) -> str:
        return "glance"


@dataclass(frozen=True)
class Seen:
    """What a glance returns is true."""

    seen: Any

    def problems(self, plan: Plan) -> Iterable[str]:
        return ()

    def evidence(self) -> Look:
        return Glance(self.seen)

    def holds(self, history: History) -> Sequence[Sight]:
        return [Sight(history.story(e.wall), e.data.get("data"), e.data.get("error", "")) for e in history.looks]

    def tell(self, history: History, window: Window) -> str:
        return ""

    def __str__(self) -> str:
        return "seen"


def a_story(*claims: tuple[Any, Phrase], harms: Sequence[Harm] = (), loads: Sequence[Planned] = ()) -> Scenario:
    faults = tuple(Planned(harm, during("10s", "40s"), f"harm {number}") for number, harm in enumerate(harms, start=1))
    return Scenario("story", tuple(loads), faults, tuple(Claim(what, phrase) for what, phrase in claims))


def seen(phrase: Phrase) -> tuple[Any, Phrase]:
    return Seen(lambda _since, _until: True), phrase


def ended(journal: Journal) -> float:
    """Return the story second of the last event."""
    return round(journal.story(journal.events[-1].wall), 1)


# ── a whole story ────────────────────────────────────────────────────────────


def test_a_story_of_four_minutes_plays_at_once() -> None:
    clock = FakeClock(START)
    harm = Harm(clock)
    prometheus = FakePrometheus(clock, {"Slow": [(11.0, 71.0, "pending"), (71.0, 210.0, "firing")]}, interval=15.0)
    story = a_story(
        (Alert("Slow"), never("0s", "10s")),
        (Alert("Slow"), within("90s", "harm 1")),
        (Resolved("Slow"), within("3m", "cure of harm 1")),
        harms=[harm],
    )

    report = judge(story, played(story, FakeStack({"prometheus": prometheus}), clock))

    assert [verdict.words for verdict in report.claims] == [
        "inactive",
        "fired at 75.0s, 65.0s after harm 1 (bound 90.0s)",
        "resolved at 3m30s, 2m50s after cure of harm 1 (bound 3m00s)",
    ]
    assert report.outcome is PASSED
    assert report.faults[0].words == "took hold at 10.0s (not there → there), gone at 40.0s"


def test_a_story_ends_early_when_every_claim_is_settled_and_heals() -> None:
    clock = FakeClock(START)
    harm = Harm(clock)

    journal = played(a_story(seen(within("60s", "harm 1")), harms=[harm]), FakeStack(), clock)

    assert harm.done == [("inject", 10.0), ("heal", 10.1)]
    assert ended(journal) == 10.1


def test_a_story_that_cannot_be_settled_ends_at_its_horizon() -> None:
    def blind(_since: float, _until: float) -> bool:
        raise LookFailed("refused")

    clock = FakeClock(START)
    story = a_story((Seen(blind), never("0s", "20s")))

    journal = played(story, FakeStack(), clock)

    assert (ended(journal), judge(story, journal).outcome) == (30.0, UNKNOWN)


# ── before time zero ─────────────────────────────────────────────────────────


def test_a_stack_that_is_not_ready_begins_no_story_and_injects_nothing() -> None:
    clock = FakeClock(START)
    harm = Harm(clock)
    story = a_story(seen(eventually("0s", "1s")), harms=[harm])

    journal = played(story, FakeStack(missing="the target a was not scraped yet"), clock)

    assert harm.done == []
    assert judge(story, journal).notes[0] == "the experiment is void: the target a was not scraped yet (waited 30.0s)"


@dataclass(frozen=True)
class Figure(Seen):
    """Something that looks back."""

    back: float = 300.0

    def exprs(self, alerts: Any) -> Sequence[str]:
        return ["rate(x[5m])"]

    def history(self, alerts: Any) -> float:
        return self.back


@dataclass(frozen=True)
class Rate(Figure):
    """An alert that looks back."""

    def alertname(self) -> str:
        return "HighErrorRate"


@pytest.mark.parametrize(
    ("back", "warm", "said"),
    [
        (300.0, True, ["waiting 5m00s for the range of `HighErrorRate`; `warm: false` skips it"]),
        (300.0, False, []),
        (4.0, True, []),
    ],
)
def test_whoever_waits_for_a_long_range_is_told_for_what_and_how_to_skip_it(back: float, warm: bool, said: list[str]) -> None:
    told: list[str] = []
    what = Rate(lambda _since, _until: True, back=back)
    story = Scenario("s", (), (), (Claim(what, eventually("0s", "1s"), warm=warm),))

    play(Play(story, FakeStack(), FakeClock(START), Journal(), Inline(), settled, tell=told.append))

    assert told == said


@pytest.mark.parametrize(
    ("limit", "speed", "said"),
    [
        ("20m", 60.0, ["'s' takes some 35.0s, at speed 60"]),
        ("20m", 1.0, ["'s' takes some 35m00s; --obs-speed auto lets it pass faster"]),
        ("10m", 60.0, []),
    ],
)
def test_what_takes_long_says_so_before_it_begins(limit: str, speed: float, said: list[str]) -> None:
    told: list[str] = []
    what = Seen(lambda _since, _until: True)
    claims = (Claim(what, within("1m", "down")), Claim(what, within(limit, "cure of down")))
    story = Scenario("s", (), (Planned(Harm(FakeClock(START)), during("5m", "15m"), "down"),), claims)
    stack = FakeStack({}, replace(a_plan(), pace=Pace(Speed(Fraction(speed)))))

    _announce([Play(story, stack, FakeClock(START), Journal(), Inline(), settled, tell=told.append)])

    assert told == said


def test_the_ranges_of_claimed_rules_are_filled_before_zero_unless_the_claim_is_not_warm() -> None:
    what = Rate(lambda _since, _until: True)
    zeros = []
    for warm in (True, False):
        clock = FakeClock(START)
        story = Scenario("s", (), (), (Claim(what, eventually("0s", "1s"), warm=warm),))
        zeros.append((played(story, FakeStack(), clock).zero or 0.0) - START)

    assert zeros == [300.0, 0.0]


@pytest.mark.parametrize(("kind", "waited"), [(Figure, 60.0), (Rate, 300.0)])
def test_a_claim_that_begins_later_looks_back_on_the_story_itself_but_an_alert_has_a_past(kind: type, waited: float) -> None:
    clock = FakeClock(START)
    story = Scenario("s", (), (), (Claim(kind(lambda _since, _until: True), always("4m", "5m")),))

    assert (played(story, FakeStack(), clock).zero or 0.0) - START == waited


# ── loads ────────────────────────────────────────────────────────────────────


def load(start: str = "0s", end: str = "5s") -> Planned:
    return Planned("20 users", during(start, end), "locust")


def test_a_load_flows_in_its_window_and_its_log_is_kept() -> None:
    clock = FakeClock(START)
    stack = FakeStack(loads={"locust": FakeTraffic(log="end,name\n1,/\n")})

    journal = played(a_story(seen(never("0s", "1ms")), seen(eventually("9s", "10s")), loads=[load("2s", "5s")]), stack, clock)

    told = [(e.data["phase"], round(journal.story(e.wall), 1), e.data.get("requests")) for e in journal.of("load")]
    assert told == [("begun", 2.0, None), ("ended", 5.0, "end,name\n1,/\n")]
    assert stack.loads["locust"].told == ["begin", "end"]


def test_a_load_that_ends_by_itself_ends_the_story_and_makes_it_unknown() -> None:
    clock = FakeClock(START)
    story = a_story(seen(eventually("0s", "9s")), seen(eventually("8s", "9s")), loads=[load()])

    journal = played(story, FakeStack(loads={"locust": FakeTraffic(dies="ended by itself (exit code 1)")}), clock)

    assert judge(story, journal).notes[-1] == "the experiment is void: locust: ended by itself (exit code 1)"


# ── faults ───────────────────────────────────────────────────────────────────


def test_a_fault_is_measured_before_while_it_holds_and_after_its_cure() -> None:
    clock = FakeClock(START)
    harm = Harm(clock, takes=1.0)

    journal = played(a_story(seen(eventually("45s", "50s")), harms=[harm]), FakeStack(), clock)

    phases = [(e.data["phase"], e.data.get("held")) for e in journal.of("fault")]
    assert phases == [("before", False), ("injected", None), ("confirmed", True), ("healed", None), ("gone", False)]
    assert harm.done == [("inject", 10.0), ("heal", 40.0)]


def test_a_fault_is_measured_before_while_the_ranges_of_rules_are_filled() -> None:
    stack, harm = FakeStack(loads={"locust": FakeTraffic()}), Harm(FakeClock(START))

    journal = played(a_story(seen(eventually("0s", "1s")), harms=[harm], loads=[load("0s", "9s")]), stack, FakeClock(START))

    assert [e.data["phase"] for e in journal.events if e.kind in ("load", "fault")][:2] == ["begun", "before"]


def test_a_fault_that_never_takes_hold_is_given_up_after_a_while() -> None:
    clock = FakeClock(START)
    story = a_story(seen(eventually("20s", "30s")), harms=[Harm(clock, takes=99.0)])

    report = judge(story, played(story, FakeStack(), clock))

    assert report.faults[0].words == "it did not take hold: not there → there"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FaultFailed("no edge"), "it could not be injected: no edge"),
        (LookupError("no member"), "it could not be injected: no member"),
        (TypeError("a bug"), f"it could not be injected: TypeError: a bug (test_runner.py:{THROWN})"),
    ],
)
def test_a_fault_that_cannot_be_injected_is_told_and_healed_all_the_same(error: Exception, words: str) -> None:
    clock = FakeClock(START)
    harm = Harm(clock, {"inject": error})
    story = a_story(seen(eventually("0s", "50s")), harms=[harm])

    report = judge(story, played(story, FakeStack(), clock))

    assert (report.outcome, report.faults[0].words) == (UNKNOWN, words)
    assert [what for what, _ in harm.done] == ["inject", "heal"]


def test_a_fault_that_cannot_be_healed_is_tried_again_at_the_end_and_keeps_no_other_from_it() -> None:
    clock = FakeClock(START)
    stuck, other = Harm(clock, {"heal": ZeroDivisionError("a bug")}), Harm(clock)
    story = a_story(seen(eventually("45s", "50s")), harms=[other, stuck])

    report = judge(story, played(story, FakeStack(), clock))

    assert [what for what, _ in stuck.done] == ["inject", "heal", "heal"]
    assert [what for what, _ in other.done] == ["inject", "heal"]
    assert report.faults[1].words == f"it could not be healed: ZeroDivisionError: a bug (test_runner.py:{THROWN})"


def test_a_measurement_that_throws_has_measured_nothing() -> None:
    clock = FakeClock(START)
    story = a_story(seen(eventually("20s", "30s")), harms=[Harm(clock, {"confirm": KeyError("toxic")})])

    assert judge(story, played(story, FakeStack(), clock)).faults[0].words == (
        f"it did not take hold: KeyError: 'toxic' (test_runner.py:{THROWN})"
    )


def test_heals_run_in_reverse_order_and_when_the_story_is_interrupted() -> None:
    clock = FakeClock(START)
    order: list[str] = []

    @dataclass
    class Noting(Harm):
        name: str = ""

        def heal(self, stack: Stack) -> None:
            order.append(self.name)
            super().heal(stack)

    def interrupt(_since: float, until: float) -> bool:
        if until > 12:
            raise KeyboardInterrupt
        return True

    story = a_story((Seen(interrupt), eventually("20s", "30s")), harms=[Noting(clock, name="a"), Noting(clock, name="b")])
    traffic = FakeTraffic()
    stack = FakeStack(loads={"locust": traffic})

    with pytest.raises(KeyboardInterrupt):
        played(Scenario("s", (load("0s", "50s"),), story.faults, story.claims), stack, clock)

    assert (order, traffic.told) == (["b", "a"], ["begin", "end"])


# ── looks ────────────────────────────────────────────────────────────────────


def test_equal_looks_are_taken_once_each_interval_without_a_gap_between_them() -> None:
    asked: list[tuple[float, float]] = []

    def note(since: float, until: float) -> bool:
        asked.append((round(since, 2), round(until, 2)))
        return True

    clock = FakeClock(START)
    played(a_story((Seen(note), never("0s", "1ms")), (Seen(note), eventually("2s", "3s"))), FakeStack(), clock)

    assert asked[:3] == [(0.0, 0.0), (0.0, 0.2), (0.2, 0.4)]
    assert all(earlier[1] == later[0] for earlier, later in pairwise(asked))


def test_after_a_look_that_failed_the_next_one_reaches_back_over_it() -> None:
    asked: list[tuple[float, float]] = []

    def fail(since: float, until: float) -> bool:
        asked.append((round(since, 1), round(until, 1)))
        if 0.3 < until < 0.9:
            raise LookFailed("refused")
        return False

    clock = FakeClock(START)
    journal = played(a_story((Seen(fail), never("0s", "1s"))), FakeStack(), clock)

    assert asked[:7] == [(0.0, 0.0), (0.0, 0.2), (0.2, 0.4), (0.2, 0.6), (0.2, 0.8), (0.2, 1.0), (1.0, 1.2)]
    assert [e.data.get("error") for e in journal.of("look", key="glance")][:4] == [None, None, "refused", "refused"]


def test_a_look_that_throws_has_seen_nothing_and_looks_again() -> None:
    def throw(_since: float, until: float) -> bool:
        if until < 1:
            raise TypeError("a bug")
        return True

    clock = FakeClock(START)
    story = a_story((Seen(throw), eventually("0s", "5s")))

    journal = played(story, FakeStack(), clock)

    assert (
        journal.of("look", key="glance")[0].data["error"]
        == f"TypeError: a bug (test_runner.py:{throw.__code__.co_firstlineno + 2})"
    )
    assert judge(story, journal).outcome is PASSED


def test_how_long_a_look_took_is_written() -> None:
    clock = FakeClock(START)

    def slow(_since: float, _until: float) -> bool:
        clock.sleep(0.125)
        return True

    journal = played(a_story((Seen(slow), eventually("0s", "5s"))), FakeStack(), clock)

    assert journal.of("look", key="glance")[0].data["took"] == 0.125


def test_questions_whether_all_is_settled_take_a_small_share_of_the_time() -> None:
    clock = FakeClock(START)
    asked: list[float] = []

    def slow(_scenario: Scenario, _journal: Journal, story: float) -> bool:
        asked.append(story)
        clock.sleep(0.3)
        return False

    play(Play(a_story(seen(eventually("0s", "50s"))), FakeStack(), clock, Journal(), Inline(), slow))

    assert len(asked) * 0.3 < 0.05 * 60


def test_a_story_is_over_as_soon_as_the_look_that_settles_it_is_back() -> None:
    @dataclass(frozen=True)
    class Other(Seen):
        def evidence(self) -> Look:
            return Glance(self.seen, every=0.25)

    clock = FakeClock(START)

    journal = played(a_story((Other(lambda _since, until: until >= 1.2), eventually("0s", "9s"))), FakeStack(), clock)

    assert journal.zero == START
    over = journal.last("over")
    assert over is not None
    assert over.data["why"] == "settled"
    assert round(over.data["ended"] - START, 3) == 1.27


def test_a_harness_that_comes_late_says_so() -> None:
    clock = FakeClock(START)

    def hang(_since: float, until: float) -> bool:
        if 1.0 < until < 1.3:
            clock.sleep(3.0)
        return True

    @dataclass(frozen=True)
    class Other(Seen):
        def evidence(self) -> Look:
            return Glance(self.seen, every=0.25)

    story = a_story((Seen(hang), never("0s", "1ms")), (Other(lambda _since, _until: True), eventually("4s", "9s")))

    journal = played(story, FakeStack(), clock)

    late = {event.data["words"] for event in journal.of("late")}

    # The one that hangs is not itself late.
    assert late == {f"the harness looked {span} late" for span in ("3.0s", "2.2s")}


def test_the_last_look_at_the_machine_is_taken_after_the_story() -> None:
    clock = FakeClock(START)
    prometheus = FakePrometheus(clock, {})

    journal = played(a_story(seen(eventually("0s", "1s"))), FakeStack({"prometheus": prometheus}), clock)

    assert [event.data["key"] for event in journal.events[-3:-1]] == ["vitals", "queues"]
    assert len(journal.of("look", key="vitals")) >= 2


@pytest.mark.parametrize(
    ("phrase", "dies", "missing", "why"),
    [
        (eventually("0s", "9s"), "", "", "settled"),
        (within("1s", "nothing"), "", "", "horizon"),
        (never("0s", "9s"), "ended by itself", "", "trouble"),
        (never("0s", "9s"), "", "a target was not scraped", "unready"),
    ],
)
def test_the_last_word_of_a_journal_is_that_the_story_is_over_and_why(
    phrase: Phrase, dies: str, missing: str, why: str
) -> None:
    stack = FakeStack(loads={"locust": FakeTraffic(dies="" if missing else dies)}, missing=missing)
    story = a_story(seen(phrase), loads=[Planned("20 users", during("1s", "9s"), "locust")])

    journal = played(story, stack, FakeClock(START))

    assert (journal.events[-1].kind, journal.events[-1].data["why"]) == ("over", why)


def test_threads_do_work_beside_the_main_loop_and_are_waited_for() -> None:
    hands, gate, done = Threads(), threading.Event(), []
    hands.give(lambda: done.append(gate.wait(5)))
    hands.give(gate.set)
    hands.join()

    assert done == [True]


def test_the_judges_own_word_ends_the_story() -> None:
    clock = FakeClock(START)
    story = a_story(seen(eventually("0s", "1s")))
    journal = play(Play(story, FakeStack(), clock, Journal(), Inline(), settled))

    assert settled(story, journal, ended(journal))


# ── side by side ─────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Counting(Glance):
    """A glance that counts how often it was taken."""

    seen: Any
    count: list[float] = field(default_factory=list, compare=False)

    def look(self, stack: Stack, since: float, until: float) -> Any:
        self.count.append(until - START)
        return self.seen(since - START, until - START)


@dataclass(frozen=True)
class Counted(Seen):
    """What a counted glance returns is true."""

    glance: Counting

    def evidence(self) -> Look:
        return self.glance


def side_by_side(clock: FakeClock, stack: FakeStack, *stories: Scenario) -> list[Journal]:
    return play_together([Play(story, stack, clock, Journal(), Inline(), settled) for story in stories])


def test_stories_side_by_side_have_one_zero_and_take_equal_looks_once() -> None:
    def always_so(_since: float, _until: float) -> bool:
        return True

    glance = Counting(always_so)
    one, other = (a_story((Counted(always_so, glance), never("0s", end))) for end in ("1s", "3s"))

    journals = side_by_side(FakeClock(START), FakeStack(), one, other)

    assert len({journal.zero for journal in journals}) == 1
    assert len(set(glance.count)) == len(glance.count) == len(journals[0].of("look", key="glance"))
    assert [event.data for event in journals[0].of("look", key="glance")] == [
        event.data for event in journals[1].of("look", key="glance")
    ]


def test_a_story_that_is_settled_goes_on_with_its_faults_until_all_are() -> None:
    clock = FakeClock(START)
    early, late = Harm(clock), Harm(clock)
    settled_soon = a_story(seen(eventually("0s", "1s")), harms=[early])
    takes_longer = a_story(seen(never("0s", "60s")), harms=[late])

    journals = side_by_side(clock, FakeStack(), settled_soon, takes_longer)

    assert early.done == late.done == [("inject", 10.0), ("heal", 40.0)]
    assert [journal.events[-1].data["why"] for journal in journals] == ["settled", "settled"]
    assert [judge(*each).outcome for each in zip((settled_soon, takes_longer), journals, strict=True)] == [PASSED, FAILED]


def test_the_question_that_ends_a_story_keeps_no_other_waiting() -> None:
    clock, ends = FakeClock(START), []

    def slow(_scenario: Scenario, _journal: Journal, story: float) -> bool:
        if story > 5:
            clock.sleep(0.5)
            ends.append(story)
        return story > 5

    stories = [a_story(seen(always("0s", "5s"))) for _ in range(3)]
    play_together([Play(story, FakeStack(), clock, Journal(), Inline(), slow) for story in stories])

    assert len(ends) == 3
    assert ends[-1] < 6.5


def test_a_stack_that_is_not_ready_is_so_for_all_who_would_play_on_it() -> None:
    stories = [a_story(seen(eventually("0s", "1s"))) for _ in range(2)]

    journals = side_by_side(FakeClock(START), FakeStack(missing="the target a was not scraped yet"), *stories)

    assert [event.data["words"] for journal in journals for event in journal.of("unready")] == [
        "the target a was not scraped yet (waited 30.0s)"
    ] * 2


def test_what_one_story_waited_for_in_vain_the_next_one_does_not_wait_for_as_long() -> None:
    clock, patience, said = FakeClock(START), Patience(30.0), list[str]()
    for missing in ("the target a is down", "the target a is down", "the target b is down"):
        story, stack = a_story(seen(eventually("0s", "1s"))), FakeStack(missing=missing)
        journal = play(Play(story, stack, clock, Journal(), Inline(), settled, patience))
        said += [event.data["words"] for event in journal.of("unready")]

    assert said == [
        "the target a is down (waited 30.0s)",
        "the target a is down (waited 3.0s)",
        "the target b is down (waited 30.0s)",
    ]


def test_what_stories_with_the_same_faults_do_is_done_once_and_told_to_each() -> None:
    clock = FakeClock(START)
    harm = Harm(clock)
    one, other = (a_story(seen(eventually("0s", end)), harms=[harm]) for end in ("1s", "9s"))

    journals = side_by_side(clock, FakeStack(), one, other)

    assert [what for what, _ in harm.done] == ["inject", "heal"]
    phases = [[(event.data["phase"], event.wall) for event in journal.of("fault")] for journal in journals]
    assert phases[0] == phases[1]
    assert [phase for phase, _ in phases[0]] == ["before", "injected", "confirmed", "healed", "gone"]
    assert [judge(*each).outcome for each in zip((one, other), journals, strict=True)] == [PASSED, PASSED]


def test_stories_with_the_same_load_have_its_log_each() -> None:
    load = Planned(Harm(FakeClock(START)), during("0s", "2s"), "locust")
    stories = [a_story(seen(eventually("0s", end)), loads=[load]) for end in ("1s", "3s")]
    stack = FakeStack(loads={"locust": FakeTraffic(log="the log")})

    journals = side_by_side(FakeClock(START), stack, *stories)

    assert stack.loads["locust"].told == ["begin", "end"]
    assert [journal.of("load")[-1].data["requests"] for journal in journals] == ["the log", "the log"]


# ── faster than wall time ────────────────────────────────────────────────────


def at_speed(speed: int, members: dict[str, Any]) -> FakeStack:
    return FakeStack(members, replace(a_plan(), pace=Pace(Speed(Fraction(speed)), "scripted samples")))


def test_at_a_speed_windows_are_story_time_and_looks_and_confirmations_are_wall_time() -> None:
    clock = FakeClock(START)
    harm = Harm(clock, takes=3.0)
    prometheus = FakePrometheus(clock, {"Slow": [(1.0, 3.0, "pending"), (3.0, 5.0, "firing")]}, interval=0.25)
    story = a_story(
        (Alert("Slow"), never("0s", "170s")),
        (Alert("Slow"), eventually("3m", "3m15s")),
        (Resolved("Slow"), eventually("5m", "5m15s")),
        harms=[harm],
    )

    journal = played(story, at_speed(60, {"prometheus": prometheus}), clock)
    report = judge(story, journal)

    assert report.outcome is PASSED
    assert journal.speed == 60
    assert harm.done[0] == ("inject", 0.2)
    assert report.claims[1].words == "fired at 3m00s (3.0s of wall time)"
    assert clock.now() - START < 10


def test_at_a_speed_the_ranges_are_filled_as_long_as_they_are_there() -> None:
    clock = FakeClock(START)
    plan = at_speed(60, {}).plan
    stack = FakeStack({"prometheus": FakePrometheus(clock, {"Slow": []})}, plan)
    journal = Journal()
    journal.write("plan", START, alerts={"Slow": {"exprs": ["rate(x[5m]) > 1"], "where": "", "for": "0s"}}, routes=[])

    play(Play(a_story((Alert("Slow"), never("0s", "1m"))), stack, clock, journal, Inline(), settled))

    assert journal.zero == START + 5


@dataclass
class Active(FakeStack):
    """A stack on which two alerts are active before time zero."""

    def unready(self, expected: AbstractSet[str]) -> str:
        return ", ".join(sorted({"A", "B"} - expected))


def test_an_alert_that_one_of_them_wants_at_time_zero_is_unexpected_by_none() -> None:
    stories = [a_story((Alert(name), eventually("0s", "1s"))) for name in "AB"]

    together = side_by_side(FakeClock(START), Active(), *stories)
    (alone,) = side_by_side(FakeClock(START), Active(), stories[0])

    assert [journal.of("unready") for journal in together] == [[], []]
    assert [event.data["words"] for event in alone.of("unready")] == ["B (waited 30.0s)"]
