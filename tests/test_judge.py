"""The rules of judgement: literal journals in, literal reports out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from pytest_obscheck.control import control, control_notes
from pytest_obscheck.journal import Journal, dump, parse
from pytest_obscheck.judge import judge, settled
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import History, Look, Stack
from pytest_obscheck.scenario import Claim, Planned, Scenario
from pytest_obscheck.verdict import Outcome, Report
from pytest_obscheck.when import Phrase, Sight, Window, always, during, eventually, never, once, within

ZERO = 1000.0
PASSED, UNKNOWN, FAILED = Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED


@dataclass(frozen=True)
class Light:
    """A look at a light."""

    name: str
    every: float = 0.5

    def look(self, stack: Stack, since: float, until: float) -> Any:
        return None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Lit:
    """A light is on: each look says 1 or 0."""

    light: str = "light"
    says: str = ""
    throws: bool = False

    def problems(self, plan: Plan) -> Iterable[str]:
        return ()

    def evidence(self) -> Look:
        return Light(self.light)

    def holds(self, history: History) -> Sequence[Sight]:
        if self.throws:
            raise TypeError("no light")
        return [self._sight(history.story(event.wall), event.data) for event in history.looks]

    def _sight(self, at: float, data: Any) -> Sight:
        return Sight(at, None, data["error"]) if "error" in data else Sight(at, data["data"] == 1, f"{data['data']} at {at:g}")

    def tell(self, history: History, window: Window) -> str:
        if self.says == "throw":
            raise KeyError("bulb")
        return self.says

    def __str__(self) -> str:
        return f"{self.light} is lit"


class Harm:
    """A fault in words only."""

    def __str__(self) -> str:
        return "800ms latency to payments"


@dataclass(frozen=True)
class Altering:
    """A fault that alters samples."""

    metric: str = "node_load1"

    def alters(self) -> tuple[str, ...]:
        return (self.metric,)

    def __str__(self) -> str:
        return "altered"


FAULT = Planned(Harm(), during("1s", "3s"), "latency", "a.yaml:5")


def a_story(*claims: Claim, faults: Sequence[Planned] = ()) -> Scenario:
    return Scenario("story", (), tuple(faults), claims, where="a.yaml")


def a_claim(phrase: Phrase, name: str = "", expectation: Any = None) -> Claim:
    return Claim(expectation or Lit(), phrase, name, where="a.yaml:9")


def lights(values: str, key: str = "light", journal: Journal | None = None) -> Journal:
    """Return looks in each half second: 1, 0, or ``x`` for one that failed."""
    if journal is None:
        journal = Journal()
        journal.write("zero", ZERO, speed=1.0)
    for step, value in enumerate(values):
        said: dict[str, Any] = {"error": "refused"} if value == "x" else {"data": int(value)}
        journal.write("look", ZERO + step / 2, key=key, **said)
    return over(journal)


def over(journal: Journal) -> Journal:
    """Write that the story is over: without it a journal is cut."""
    journal.write("over", journal.events[-1].wall, why="settled")
    return journal


def harmed(journal: Journal, name: str = "latency", **changes: Any) -> Journal:
    """Write a fault that took hold at 1s and was gone at 3s; ``changes``: phase → facts, or ``None`` to leave it out."""
    phases: dict[str, Any] = {
        "before": (-0.5, {"held": False, "words": "p50 4ms", "traffic": 10}),
        "injected": (1.0, {}),
        "confirmed": (1.1, {"held": True, "words": "806ms", "traffic": 20}),
        "healed": (3.0, {}),
        "gone": (3.1, {"held": False, "words": "p50 4ms", "traffic": 30}),
    }
    for phase, (at, facts) in phases.items():
        if changes.get(phase, {}) is not None:
            journal.write("fault", ZERO + at, name=name, phase=phase, **{**facts, **changes.get(phase, {})})
    return journal


def outcomes(report: Report) -> list[Outcome]:
    return [report.outcome, *(verdict.outcome for verdict in report.claims)]


# ── claims ───────────────────────────────────────────────────────────────────


def test_a_story_passes_where_every_claim_does_and_says_why() -> None:
    report = judge(a_story(a_claim(eventually("0s", "3s")), a_claim(never("0s", "500ms"))), lights("0011111"))

    assert outcomes(report) == [PASSED, PASSED, PASSED]
    assert [(v.claim, v.words, v.where) for v in report.claims] == [
        ("light is lit eventually in 0s .. 3.0s", "1 at 1", "a.yaml:9"),
        ("light is lit never in 0s .. 500ms", "0 at 0.5", "a.yaml:9"),
    ]


def test_failed_beats_unknown_beats_passed() -> None:
    passes, fails, unknown = (a_claim(phrase) for phrase in (eventually("0s", "3s"), never("0s", "3s"), always("9s", "10s")))
    journal = lights("1111111")

    assert [judge(a_story(*claims), journal).outcome for claims in ((passes,), (passes, unknown), (unknown, fails))] == [
        PASSED,
        UNKNOWN,
        FAILED,
    ]


def test_a_failure_is_explained_by_what_the_journal_knows() -> None:
    assert judge(a_story(a_claim(eventually("0s", "3s"), expectation=Lit(says="the bulb is broken"))), lights("0" * 7)).claims[
        0
    ].words == ("the bulb is broken")


def test_what_was_seen_to_break_needs_no_explanation() -> None:
    report = judge(a_story(a_claim(never("0s", "3s"), expectation=Lit(says="the bulb is broken"))), lights("0010000"))

    assert report.claims[0].words == "1 at 1"


def test_an_expectation_that_throws_proves_nothing() -> None:
    report = judge(a_story(a_claim(never("0s", "3s"), expectation=Lit(throws=True))), lights("0" * 7))

    assert (report.outcome, report.claims[0].words) == (
        UNKNOWN,
        f"it could not be judged: TypeError: no light (test_judge.py:{Lit.holds.__code__.co_firstlineno + 2})",
    )


def test_an_explanation_that_throws_does_not_undo_what_was_seen() -> None:
    report = judge(a_story(a_claim(eventually("0s", "3s"), expectation=Lit(says="throw"))), lights("0" * 7))

    assert (report.outcome, report.claims[0].words) == (
        FAILED,
        f"0 at 3 (no explanation: KeyError: 'bulb' (test_judge.py:{Lit.tell.__code__.co_firstlineno + 2}))",
    )


@pytest.mark.parametrize("phrase", [never("0s", "3s"), always("0s", "3s"), once("0s", "3s"), eventually("0s", "3s")])
def test_blindness_in_a_window_is_unknown(phrase: Phrase) -> None:
    value = "1" if str(phrase).startswith("always") else "0"

    report = judge(a_story(a_claim(phrase)), lights(value * 2 + "xxx" + value * 2))

    assert (report.outcome, report.claims[0].words) == (UNKNOWN, "nothing was seen during 500ms .. 2.5s: refused")


def test_looks_that_come_seldom_are_not_blind_between_them() -> None:
    journal = Journal()
    journal.write("zero", ZERO)
    for at in (0, 10, 20, 30):
        journal.write("look", ZERO + at, key="seldom", data=0)

    @dataclass(frozen=True)
    class Seldom(Lit):
        def evidence(self) -> Look:
            return Light("seldom", every=10.0)

    assert judge(a_story(a_claim(never("0s", "30s"), expectation=Seldom())), over(journal)).outcome is PASSED


def test_at_another_speed_a_gap_is_still_one_of_wall_time() -> None:
    journal = Journal()
    journal.write("zero", ZERO, speed=10.0)
    for step in range(7):
        journal.write("look", ZERO + step / 2, key="light", data=0)

    assert judge(a_story(a_claim(never("0s", "30s"))), over(journal)).outcome is PASSED


# ── journals that break off ──────────────────────────────────────────────────


def cuts(journal: Journal) -> Iterable[tuple[Journal, str]]:
    """Yield a saved journal cut after each of its lines, and the line that comes next."""
    lines = dump(journal).splitlines()
    for at in range(1, len(lines)):
        yield parse("\n".join(lines[:at])), lines[at]


def looked_at(values: str, misses: Sequence[int] = ()) -> Journal:
    """Return looks in each half second, each with a look at the machine, which counts missed evaluations."""
    journal = Journal()
    journal.write("zero", ZERO, speed=1.0)
    for step, value in enumerate(values):
        journal.write("look", ZERO + step / 2, key="light", data=int(value))
        missed = sum(step > at for at in misses)
        journal.write("look", ZERO + step / 2, key="vitals", data={"missed": {"g": missed}, "timeouts": []})
    return over(journal)


@pytest.mark.parametrize(
    ("phrase", "values", "misses"),
    [
        (never("0s", "4s"), "0000000000", ()),
        (never("0s", "4s"), "0000000001", ()),
        (never("0s", "4s"), "0000000010", ()),
        (never("0s", "4s"), "0001000000", ()),
        (always("0s", "4s"), "1111111101", ()),
        (always("0s", "4s"), "1111111111", (8,)),
        (once("0s", "4s"), "0011000100", ()),
        (once("0s", "4s"), "0011000000", ()),
        (eventually("0s", "4s"), "0000000010", ()),
        (eventually("0s", "4s"), "0000000000", ()),
    ],
)
def test_a_journal_cut_after_any_line_never_says_what_the_whole_one_does_not(
    phrase: Phrase, values: str, misses: Sequence[int]
) -> None:
    story, whole = a_story(a_claim(phrase)), looked_at(values, misses)
    wanted = judge(story, whole)

    for journal, _ in cuts(whole):
        report = judge(story, journal)
        assert report.outcome in (UNKNOWN, wanted.outcome if wanted.outcome is FAILED else UNKNOWN)
        assert report.claims[0].outcome in (UNKNOWN, wanted.claims[0].outcome)


def test_the_rest_of_a_window_that_was_cut_off_is_not_calm_however_short_it_is() -> None:
    report = judge(
        a_story(a_claim(never("0s", "4s"))), next(cut for cut, _ in cuts(looked_at("0" * 9)) if len(cut.events) == 18)
    )

    assert (report.outcome, report.claims[0].outcome) == (UNKNOWN, UNKNOWN)
    assert report.claims[0].words == (
        "the journal is cut short: it ends at 4.0s, before the story was over, and the window 0s .. 4.0s is not covered"
    )
    assert report.notes == ("the journal is cut short: it ends at 4.0s, before the story was over",)


def test_what_was_seen_before_a_journal_breaks_off_stands_but_the_story_is_unknown() -> None:
    (*_, (cut, _)) = cuts(looked_at("0" * 12))

    report = judge(a_story(a_claim(never("0s", "4s")), a_claim(never("0s", "6s"))), cut)

    assert outcomes(report) == [UNKNOWN, PASSED, UNKNOWN]


def test_a_claim_on_a_claim_whose_window_was_cut_off_has_no_anchor() -> None:
    story = a_story(a_claim(once("0s", "4s"), "seen"), a_claim(within("1s", "seen")))
    cut = next(cut for cut, _ in cuts(looked_at("0011100000")) if len(cut.events) == 13)

    assert [verdict.outcome for verdict in judge(story, cut).claims] == [UNKNOWN, UNKNOWN]
    assert judge(story, cut).claims[1].words == "'seen' never came"


# ── anchors ──────────────────────────────────────────────────────────────────


def test_a_claim_hangs_on_a_fault_on_its_cure_and_on_a_claim() -> None:
    story = a_story(
        a_claim(within("1s", "latency"), "seen"),
        a_claim(within("1s", "cure of latency"), expectation=Lit("other")),
        a_claim(within("1s", "seen"), expectation=Lit("third")),
        faults=[FAULT],
    )
    journal = harmed(lights("00000000001", "third", lights("000000011", "other", lights("0000111"))))

    report = judge(story, journal)

    assert [verdict.words for verdict in report.claims] == [
        "1 at 2, 1.0s after latency (bound 1.0s)",
        "1 at 3.5, 500ms after cure of latency (bound 1.0s)",
        "0 at 3",
    ]
    assert outcomes(report) == [FAILED, PASSED, PASSED, FAILED]


def test_the_moment_at_which_a_fault_was_injected_counts_and_not_the_planned_one() -> None:
    journal = Journal()
    journal.write("zero", ZERO)
    journal.write("fault", ZERO + 1.4, name="latency", phase="injected")
    journal = lights("0001000", journal=journal)

    words = judge(a_story(a_claim(within("2s", "latency"))), journal).claims[0].words

    assert words == "1 at 1.5, 100ms after latency (bound 2.0s)"


@pytest.mark.parametrize(("phase", "after"), [("injected", "latency"), ("healed", "cure of latency")])
def test_what_comes_while_a_fault_is_being_injected_or_healed_comes_after_it(phase: str, after: str) -> None:
    journal = Journal()
    journal.write("zero", ZERO, speed=1.0)
    journal.write("fault", ZERO + 1.4, name="latency", phase=phase, began=ZERO + 0.9)

    claims = judge(a_story(a_claim(within("2s", after))), lights("0010000", journal=journal)).claims

    assert [(verdict.outcome, verdict.words) for verdict in claims] == [(PASSED, f"1 at 1, 0s after {after} (bound 2.0s)")]


def test_two_faults_of_one_kind_are_told_apart_by_name() -> None:
    again = Planned(Harm(), during("4s", "5s"), "latency 2")
    journal = harmed(lights("000000000011"))
    journal.write("fault", ZERO + 5.0, name="latency 2", phase="injected")
    story = a_story(a_claim(within("1s", "latency 2")), a_claim(within("1s", "latency")), faults=[FAULT, again])

    report = judge(story, journal)

    assert [verdict.words for verdict in report.claims] == [
        "the experiment is void; seen was: passed, 1 at 5, 0s after latency 2 (bound 1.0s)",
        "the experiment is void; seen was: failed, 0 at 2",
    ]


def test_a_claim_whose_anchor_never_came_is_unknown() -> None:
    report = judge(a_story(a_claim(within("1s", "seen")), a_claim(eventually("0s", "3s"), "seen")), lights("0" * 7))

    assert [(v.outcome, v.words) for v in report.claims] == [(UNKNOWN, "'seen' never came"), (FAILED, "0 at 3")]


def test_claims_that_hang_on_each_other_never_come() -> None:
    story = a_story(a_claim(within("1s", "b"), "a"), a_claim(within("1s", "a"), "b"), a_claim(within("1s", "c"), "c"))

    assert outcomes(judge(story, lights("1111"))) == [UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN]
    assert settled(story, lights("1111"), 9.0)


# ── void experiments ─────────────────────────────────────────────────────────


def test_a_fault_that_took_hold_and_is_gone_tells_its_story() -> None:
    report = judge(a_story(a_claim(eventually("0s", "3s")), faults=[FAULT]), harmed(lights("1111111")))

    assert (report.outcome, report.faults[0].outcome) == (PASSED, PASSED)
    assert report.faults[0].words == "took hold at 1.0s (p50 4ms → 806ms), gone at 3.0s"


def test_a_harm_that_lets_no_byte_pass_was_met_when_bytes_passed_before_it() -> None:
    journal = harmed(lights("1111111"), before={"traffic": 7}, confirmed={"traffic": None}, gone={"traffic": 20})

    assert judge(a_story(a_claim(eventually("0s", "3s")), faults=[FAULT]), journal).outcome is PASSED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"before": {"held": True}}, "it was there before it was injected: p50 4ms"),
        (
            {"injected": None, "confirmed": None, "healed": None, "gone": None},
            "it was not injected: the story ended before it",
        ),
        ({"confirmed": None}, "it did not take hold: p50 4ms"),
        ({"confirmed": {"held": False, "words": "p50 5ms"}}, "it did not take hold: p50 4ms → p50 5ms"),
        ({"gone": None}, "it was not healed: nobody measured it"),
        ({"gone": {"held": True, "words": "806ms"}}, "it was not healed: 806ms"),
        (
            {"before": {"traffic": 7}, "confirmed": {"traffic": None}, "gone": {"traffic": 7}},
            "no byte went through the proxy while it held: nobody uses the way to it",
        ),
        (
            {"gone": {"traffic": 20}},
            "no byte went through the proxy while it held: nobody uses the way to it",
        ),
        ({"confirmed": {"failed": "it could not be injected: no edge"}}, "it could not be injected: no edge"),
    ],
)
def test_a_fault_that_did_not_work_makes_everything_unknown(changes: dict[str, Any], words: str) -> None:
    story = a_story(a_claim(never("0s", "3s")), a_claim(eventually("0s", "3s")), faults=[FAULT])

    report = judge(story, harmed(lights("1111111"), **changes))

    assert outcomes(report) == [UNKNOWN, UNKNOWN, UNKNOWN]
    assert report.notes == (f"the experiment is void: 800ms latency to payments: {words}",)
    assert [verdict.words for verdict in report.claims] == [
        "the experiment is void; seen was: failed, 1 at 0",
        "the experiment is void; seen was: passed, 1 at 0",
    ]


@pytest.mark.parametrize(
    ("kind", "facts", "note"),
    [
        ("unready", {"words": "the target a was not scraped yet"}, "the target a was not scraped yet"),
        ("load failed", {"name": "locust", "words": "ended by itself"}, "locust: ended by itself"),
    ],
)
def test_a_stack_that_was_not_ready_or_a_load_that_ended_makes_everything_unknown(
    kind: str, facts: dict[str, Any], note: str
) -> None:
    journal = lights("1111111")
    journal.write(kind, ZERO, **facts)

    report = judge(a_story(a_claim(eventually("0s", "3s"))), journal)

    assert (outcomes(report), report.notes) == ([UNKNOWN, UNKNOWN], (f"the experiment is void: {note}",))


def test_a_story_that_did_not_begin_is_unknown() -> None:
    report = judge(a_story(a_claim(never("0s", "3s"))), Journal())

    assert (report.outcome, report.notes) == (UNKNOWN, ("the experiment is void: the story did not begin",))


# ── a machine that was too slow ──────────────────────────────────────────────


def vitals(journal: Journal, *seen: tuple[float, int, list[str]]) -> Journal:
    for at, missed, timeouts in seen:
        lost = [[instance, ZERO + at] for instance in timeouts]
        journal.write("look", ZERO + at, key="vitals", data={"missed": {"g": missed}, "timeouts": lost})
    return journal


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        ([(0, 0, []), (1, 0, []), (2, 1, [])], "the machine was too slow: a rule evaluation was missed before 2.0s"),
        ([(0, 0, []), (2.9, 0, []), (4, 1, [])], "the machine was too slow: a rule evaluation was missed before 4.0s"),
        (
            [(0, 0, []), (1, 0, ["api:80"])],
            "the machine was too slow: the scrape of api:80 timed out at 1.0s, with no fault on it",
        ),
    ],
)
def test_what_the_machine_was_too_slow_for_makes_claims_unknown(seen: list[Any], words: str) -> None:
    journal = vitals(lights("0000000"), *seen)

    for phrase in (never("0s", "3s"), eventually("0s", "3s"), once("0s", "3s")):
        verdict = judge(a_story(a_claim(phrase)), journal).claims[0]

        assert (verdict.outcome, verdict.words.partition("; seen was: ")[0]) == (UNKNOWN, words)


def test_what_was_seen_to_happen_is_not_taken_back() -> None:
    journal = vitals(lights("0011111"), (0, 0, []), (1, 5, []))

    assert judge(a_story(a_claim(eventually("0s", "3s"))), journal).outcome is PASSED


@pytest.mark.parametrize("seen", [[(0, 3, []), (9, 3, [])], [(4, 0, []), (5, 1, [])], [(0, 5, []), (1, 0, []), (2, 0, [])]])
def test_what_happened_elsewhere_or_not_at_all_is_no_trouble(seen: list[Any]) -> None:
    assert judge(a_story(a_claim(never("0s", "3s"))), vitals(lights("0000000"), *seen)).outcome is PASSED


def test_a_scrape_that_times_out_while_a_fault_holds_or_just_after_it_is_its_doing() -> None:
    story = a_story(a_claim(never("0s", "8s")), faults=[FAULT])
    journal = vitals(harmed(lights("0" * 17)), (0, 0, []), (2, 0, ["api:80"]), (4, 0, ["api:80"]))

    assert judge(story, journal).outcome is PASSED
    assert judge(story, vitals(journal, (6, 0, ["api:80"]))).claims[0].words == (
        "the machine was too slow: the scrape of api:80 timed out at 6.0s, with no fault on it"
    )


def test_a_harness_that_came_late_makes_the_claims_of_that_time_unknown() -> None:
    journal = lights("0" * 17)
    journal.write("late", ZERO + 1.5, words="the harness looked 1.2s late")

    report = judge(a_story(a_claim(never("0s", "3s")), a_claim(never("4s", "8s"))), journal)

    assert outcomes(report) == [UNKNOWN, UNKNOWN, PASSED]
    assert report.claims[0].words == "the machine was too slow: the harness looked 1.2s late at 1.5s"


def test_what_was_not_seen_because_the_story_stopped_who_is_asked_says_so() -> None:
    @dataclass(frozen=True)
    class Stop:
        def stops(self) -> str:
            return "lamp"

        def __str__(self) -> str:
            return "lamp is stopped"

    fault = Planned(Stop(), during("1s", "3s"), "stop")
    journal = harmed(lights("00xxxxx00"), "stop")
    journal.write("asked", ZERO, key="light", members=["lamp"])

    (verdict,) = judge(a_story(a_claim(never("0s", "4s")), faults=[fault]), journal).claims

    assert (verdict.outcome, verdict.words) == (
        UNKNOWN,
        "nothing was seen during 500ms .. 3.5s: refused; lamp is stopped, by this story itself, and lamp is what is asked",
    )


# ── notes ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("metric", "read"), [("node_load1", "sum(node_load1)"), ("node.load", 'sum({"node.load"})')])
def test_a_claim_that_rests_on_altered_samples_says_so(metric: str, read: str) -> None:
    @dataclass(frozen=True)
    class OnSeries(Lit):
        def exprs(self, alerts: Any) -> Sequence[str]:
            return list(alerts["Busy"])

        def history(self, alerts: Any) -> float:
            return 0.0

    fault = Planned(Altering(metric), during("1s", "3s"), "sample")
    journal = harmed(lights("1111111"), "sample")
    journal.write("plan", ZERO, alerts={"Busy": {"exprs": ["job:load > 1", read]}}, routes=[])

    altered = a_claim(eventually("0s", "3s"), expectation=OnSeries())
    report = judge(a_story(altered, faults=[fault]), journal)
    half = judge(a_story(altered, a_claim(eventually("0s", "3s")), faults=[fault]), journal)

    assert half.notes == (f"1 of 2 claims rest on altered samples of {metric}",)
    assert (report.claims[0].words, report.notes) == ("1 at 0", (f"every claim rests on altered samples of {metric}",))


def test_refused_hosts_and_notes_are_told() -> None:
    journal = lights("1111111")
    journal.write("refused", ZERO, hosts=[{"host": "evil.example:443", "by": "alertmanager", "count": 2}])
    journal.write("note", ZERO, words="something else")

    assert judge(a_story(a_claim(eventually("0s", "3s"))), journal).notes == (
        "refused, because no member of the stack has this name: evil.example:443 (asked for by alertmanager)",
        "something else",
    )


def test_a_saved_journal_is_judged_the_same() -> None:
    story = a_story(a_claim(within("1s", "latency")), a_claim(never("0s", "3s")), faults=[FAULT])
    journal = harmed(lights("0000111"))

    assert judge(story, journal) == judge(story, parse(dump(journal)))


# ── control ──────────────────────────────────────────────────────────────────


def test_the_control_run_has_no_faults_and_every_window_where_it_was() -> None:
    story = a_story(a_claim(within("1s", "latency")), a_claim(never("0s", "1s")), faults=[FAULT])

    other = control(story, harmed(lights("0001111")))

    assert other is not None
    assert (other.name, other.faults) == ("story (control)", ())
    assert [str(claim) for claim in other.claims] == [
        "light is lit eventually in 1.0s .. 2.0s",
        "light is lit never in 0s .. 1.0s",
    ]


def test_a_story_without_faults_needs_no_control_run() -> None:
    assert control(a_story(a_claim(eventually("0s", "1s"))), lights("111")) is None


def test_what_passes_without_the_faults_too_proves_nothing() -> None:
    story = a_story(a_claim(within("1s", "latency")), a_claim(never("0s", "1s")), faults=[FAULT])
    journal = harmed(lights("0001111"))
    other = control(story, journal)
    assert other is not None

    same, calm = judge(other, lights("0001111")), judge(other, lights("0000000"))

    played = judge(story, journal)
    assert control_notes(story, played, calm) == ()
    assert control_notes(story, played, same) == (
        "proves nothing, for it passes without the faults too: light is lit within 1.0s after latency",
    )


# ── settled ──────────────────────────────────────────────────────────────────


def first_settled(story: Scenario, upto: Callable[[float], Journal], end: float = 12.0) -> float:
    """Return the first half second at which a story is settled."""
    return next(step / 2 for step in range(int(end * 2)) if settled(story, upto(step / 2), step / 2))


def until(values: str, at: float, fault: float | None = None) -> Journal:
    journal = lights(values[: int(at * 2) + 1])
    if fault is not None and at >= fault:
        journal.write("fault", ZERO + fault, name="latency", phase="injected")
        journal.write("fault", ZERO + fault, name="latency", phase="confirmed", held=True, words="")
    return journal


@pytest.mark.parametrize(
    ("phrase", "values", "wanted"),
    [
        (eventually("0s", "9s"), "0001" + "0" * 20, 1.5),
        (eventually("0s", "4s"), "0" * 24, 4.5),
        (never("0s", "4s"), "0" * 24, 4.5),
        (never("0s", "4s"), "0100" + "0" * 20, 4.5),
        (once("0s", "4s"), "0010" + "0" * 20, 4.5),
        (never("0s", "4s"), "0" * 9 + "xxx" + "0" * 12, 6.0),
        (never("0s", "4s"), "00xxxx" + "0" * 20, 7.5),
    ],
)
def test_a_story_is_settled_when_no_evidence_can_change_it(phrase: Phrase, values: str, wanted: float) -> None:
    assert first_settled(a_story(a_claim(phrase)), lambda at: until(values, at)) == wanted


def test_a_story_is_not_settled_before_its_faults_were_confirmed() -> None:
    story = a_story(a_claim(eventually("0s", "9s")), faults=[FAULT])

    assert first_settled(story, lambda at: until("1" * 24, at, fault=5.0)) == 5.0


def test_a_story_whose_fault_could_not_be_injected_is_settled() -> None:
    journal = lights("0000")
    journal.write("fault", ZERO + 1, name="latency", phase="failed", failed="it could not be injected: no edge")

    assert settled(a_story(a_claim(within("9s", "latency")), faults=[FAULT]), journal, 2.0)


def test_a_claim_on_a_claim_that_failed_needs_no_more_waiting() -> None:
    story = a_story(a_claim(within("5s", "seen")), a_claim(eventually("0s", "2s"), "seen"))

    assert first_settled(story, lambda at: until("0" * 24, at)) == 2.5


def test_what_is_settled_is_not_worked_out_again() -> None:
    @dataclass(frozen=True)
    class Counted(Lit):
        asked: tuple[list[int], ...] = ([],)

        def holds(self, history: History) -> Sequence[Sight]:
            self.asked[0].append(1)
            return super().holds(history)

    counted = Counted()
    story = a_story(
        a_claim(eventually("0s", "9s"), expectation=counted), a_claim(eventually("0s", "9s"), expectation=Lit("dark"))
    )
    journal = lights("1111")

    assert [settled(story, journal, at) for at in (1.0, 1.4, 1.8)] == [False, False, False]
    assert len(counted.asked[0]) == 1
