"""Phrases of time: literal sights in, literal decisions out."""

from __future__ import annotations

import pytest

from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import (
    Decision,
    Phrase,
    Sight,
    Window,
    always,
    during,
    eventually,
    never,
    once,
    seconds,
    spoken,
    within,
)

PASSED, UNKNOWN, FAILED = Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED


def sights(*seen: tuple[float, bool | None]) -> list[Sight]:
    """Return sights whose words say what was seen and when."""
    said = {True: "yes", False: "no", None: "refused"}
    return [Sight(at, holds, f"{said[holds]} at {at:g}") for at, holds in seen]


def decide(phrase: Phrase, *seen: tuple[float, bool | None]) -> Decision:
    """Return what a phrase in the window 10 .. 12 makes of sights; more than a second without any is blindness."""
    return phrase.decide(sights(*seen), Window(10.0, 12.0), 1.0)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("800ms", 0.8),
        ("0s", 0.0),
        ("1.5s", 1.5),
        ("1m30s", 90.0),
        ("2h", 7200.0),
        ("1d", 86400.0),
        ("1w", 604800.0),
        ("1y", 31536000.0),
        ("0.1s", 0.1),
        ("3ms", 0.003),
    ],
)
def test_durations_are_read_as_prometheus_reads_them(text: str, wanted: float) -> None:
    assert wanted == seconds(text)


@pytest.mark.parametrize("text", ["", "10", "s", "10 s", "-1s", "10S", "1,5s", "1s ", "10s\n", ".5s", "1µs", "ten"])
def test_anything_else_is_no_duration_and_the_message_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="duration") as caught:
        seconds(text)

    assert f"{text!r} is not a duration; write it like '800ms', '10s' or '1m30s'" == str(caught.value)


@pytest.mark.parametrize(
    ("span", "wanted"),
    [
        (0.0, "0s"),
        (0.004, "4ms"),
        (0.9994, "999ms"),
        (0.9996, "1.0s"),
        (11.4, "11.4s"),
        (119.94, "119.9s"),
        (119.97, "2m00s"),
        (302, "5m02s"),
        (7199.7, "2h00m"),
        (7380, "2h03m"),
        (-1.5, "-1.5s"),
        (-0.0001, "0s"),
    ],
)
def test_spans_are_spoken_without_ever_rounding_up_to_a_unit_that_is_not_used(span: float, wanted: str) -> None:
    assert wanted == spoken(span)


def test_a_window_includes_both_ends_and_nothing_beyond() -> None:
    window = during("10s", "20s")

    assert [at in window for at in (9.999, 10.0, 15.0, 20.0, 20.001)] == [False, True, True, True, False]


@pytest.mark.parametrize("text", ["45s .. 90s", "45s..90s", "45s   ..90s"])
def test_a_window_is_two_durations_with_two_dots_between_them(text: str) -> None:
    assert Window(45.0, 90.0) == Window.parse(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("45s to 90s", "'45s to 90s' is not a window; write it like '45s .. 90s'"),
        ("45s", "'45s' is not a window; write it like '45s .. 90s'"),
        ("1s .. 2s .. 3s", "'1s .. 2s .. 3s' is not a window; write it like '45s .. 90s'"),
        ("1s .. ", "'' is not a duration; write it like '800ms', '10s' or '1m30s'"),
        ("90s .. 45s", "the window 90.0s .. 45.0s ends before it begins; swap its ends"),
    ],
)
def test_a_window_that_is_none_says_how_to_write_it(text: str, wanted: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        Window.parse(text)

    assert wanted == str(caught.value)


@pytest.mark.parametrize(
    ("phrase", "words"),
    [
        (eventually("0s", "800ms"), "eventually in 0s .. 800ms"),
        (always("10s", "12s"), "always in 10.0s .. 12.0s"),
        (never("10s", "12s"), "never in 10.0s .. 12.0s"),
        (once("10s", "5m"), "once in 10.0s .. 5m00s"),
        (within("20s", "latency"), "within 20.0s after latency"),
    ],
)
def test_phrases_speak(phrase: Phrase, words: str) -> None:
    assert words == str(phrase)


def test_within_has_a_window_only_when_its_anchor_has_come() -> None:
    phrase = within("20s", "latency")

    assert (None, Window(10.5, 30.5)) == (phrase.window({}), phrase.window({"latency": 10.5}))


# ── eventually and within ────────────────────────────────────────────────────


@pytest.mark.parametrize("phrase", [eventually("10s", "12s"), within("2s", "latency")])
def test_eventually_passes_on_the_first_sight_that_holds_and_is_settled_then(phrase: Phrase) -> None:
    decision = decide(phrase, (9.0, True), (10.2, False), (11.0, True), (11.5, True))

    assert Decision(PASSED, "yes at 11", settled=True, at=11.0) == decision


@pytest.mark.parametrize("at", [10.0, 12.0])
def test_eventually_passes_on_either_end_of_its_window(at: float) -> None:
    assert Decision(PASSED, f"yes at {at:g}", settled=True, at=at) == decide(eventually("10s", "12s"), (at, True))


def test_eventually_fails_where_the_whole_window_was_seen_and_it_never_held() -> None:
    decision = decide(eventually("10s", "12s"), (9.9, True), (10.5, False), (11.5, False), (12.1, True))

    assert Decision(FAILED, "no at 11.5") == decision


def test_eventually_is_unknown_where_nobody_looked_for_it_may_have_held_then() -> None:
    decision = decide(eventually("10s", "12s"), (10.1, False), (10.9, None), (12.0, False))

    assert Decision(UNKNOWN, "nothing was seen during 10.1s .. 12.0s: refused at 10.9") == decision


def test_eventually_passes_however_blind_the_rest_was() -> None:
    assert PASSED is decide(eventually("10s", "12s"), (10.0, None), (11.9, True)).outcome


@pytest.mark.parametrize(
    "phrase", [eventually("10s", "12s"), within("2s", "latency"), always("10s", "12s"), never("10s", "12s"), once("10s", "12s")]
)
def test_no_evidence_inside_the_window_is_unknown_whatever_the_phrase(phrase: Phrase) -> None:
    decisions = [decide(phrase), decide(phrase, (9.9, True), (12.1, True)), decide(phrase, (10.5, None), (11.5, None))]

    assert [
        Decision(UNKNOWN, "nothing was seen in the window"),
        Decision(UNKNOWN, "nothing was seen in the window"),
        Decision(UNKNOWN, "every look failed; the last said: refused at 11.5"),
    ] == decisions


# ── always and never ─────────────────────────────────────────────────────────


def test_always_passes_where_it_was_seen_throughout() -> None:
    assert Decision(PASSED, "yes at 12", at=12.0) == decide(always("10s", "12s"), (10.5, True), (11.5, True), (12.0, True))


def test_always_fails_on_the_first_sight_that_does_not_hold() -> None:
    decision = decide(always("10s", "12s"), (9.9, False), (10.5, True), (11.0, False), (11.2, False))

    assert Decision(FAILED, "no at 11", settled=True, at=11.0) == decision


def test_never_passes_where_it_was_seen_throughout_not_to_hold() -> None:
    decision = decide(never("10s", "12s"), (9.9, True), (10.5, False), (11.5, False), (12.1, True))

    assert Decision(PASSED, "no at 11.5", at=11.5) == decision


def test_never_fails_on_the_first_sight_that_holds_even_where_everything_else_is_blind() -> None:
    assert Decision(FAILED, "yes at 12", settled=True, at=12.0) == decide(never("10s", "12s"), (10.0, None), (12.0, True))


def test_never_is_broken_by_a_part_and_always_is_not_kept_by_one() -> None:
    some = [Sight(10.5, holds=False, words="1, 9", partly=True), Sight(11.5, holds=False, words="1, 1")]
    window = Window(10.0, 12.0)

    assert _said(never("10s", "12s").decide(some, window, 1.0)) == (FAILED, "1, 9")
    assert _said(always("10s", "12s").decide(some, window, 1.0)) == (FAILED, "1, 9")
    assert _said(eventually("10s", "12s").decide(some, window, 1.0)) == (FAILED, "1, 1")


def _said(decision: Decision) -> tuple[Outcome, str]:
    return decision.outcome, decision.words


@pytest.mark.parametrize(
    ("seen", "gap"),
    [
        ([11.1, 12.0], "10.0s .. 11.1s"),
        ([10.0, 10.4, 11.6], "10.4s .. 11.6s"),
        ([10.0, 10.8], "10.8s .. 12.0s"),
    ],
)
def test_a_gap_at_the_start_in_the_middle_or_at_the_end_is_unknown(seen: list[float], gap: str) -> None:
    for phrase, holds in ((never("10s", "12s"), False), (always("10s", "12s"), True)):
        decision = decide(phrase, *((at, holds) for at in seen))

        assert Decision(UNKNOWN, f"nothing was seen during {gap}") == decision


def test_a_pause_of_exactly_the_longest_allowed_one_is_no_gap() -> None:
    assert PASSED is decide(never("10s", "12s"), (11.0, False)).outcome


def test_the_words_of_a_pass_are_those_of_something_that_was_seen() -> None:
    assert decide(never("10s", "12s"), (10.5, False), (11.5, False), (11.9, None)).words == "no at 11.5"


# ── once ─────────────────────────────────────────────────────────────────────


def test_once_passes_where_it_begins_to_hold_one_time() -> None:
    decision = decide(once("10s", "12s"), (10.1, False), (10.9, True), (11.0, True), (11.9, False))

    assert Decision(PASSED, "yes at 10.9", at=10.9) == decision


def test_once_counts_arrivals_that_come_at_the_same_instant() -> None:
    decision = decide(once("10s", "12s"), (10.5, True), (10.5, False), (10.5, True), (10.5, False))

    assert Decision(FAILED, "2 times instead of once: at 10.5s, 10.5s", settled=True, at=10.5) == decision


def test_once_fails_where_it_begins_twice() -> None:
    decision = decide(once("10s", "12s"), (10.1, True), (10.5, False), (11.0, True))

    assert Decision(FAILED, "2 times instead of once: at 10.1s, 11.0s", settled=True, at=11.0) == decision


def test_once_fails_where_it_never_begins() -> None:
    assert Decision(FAILED, "no at 11.5") == decide(once("10s", "12s"), (10.5, False), (11.5, False), (11.9, None))


def test_what_held_before_the_window_has_not_begun_in_it() -> None:
    assert FAILED is decide(once("10s", "12s"), (9.5, True), (9.9, None), (10.5, True), (11.5, True)).outcome


def test_a_blind_moment_between_two_sights_that_hold_is_no_second_beginning() -> None:
    assert PASSED is decide(once("10s", "12s"), (10.2, True), (10.6, None), (11.0, True), (11.9, True)).outcome


def test_once_is_unknown_where_it_may_have_begun_unseen() -> None:
    decision = decide(once("10s", "12s"), (10.2, True), (10.4, False), (12.0, False))

    assert Decision(UNKNOWN, "nothing was seen during 10.4s .. 12.0s") == decision
