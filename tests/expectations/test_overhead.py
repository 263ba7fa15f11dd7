"""Overhead: CPU seconds of two members in, one verdict out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.errors import LookFailed
from pytest_obscheck.expectations._median import Median, median_of
from pytest_obscheck.expectations.overhead import AT_ONCE, WARM, Overhead, cpu_seconds
from pytest_obscheck.journal import Journal
from pytest_obscheck.protocols import History
from pytest_obscheck.testing import FakeStack, a_journal, a_plan
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import Decision, eventually

PASSED, UNKNOWN, FAILED = Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED
WANTED = Overhead("checkout", "plain", "5%", rounds=12)
FIRST = [[9.0, 1.0]] * WARM


def looked(*shares: float, error: str = "") -> Journal:
    """Return a look every two seconds, each with some rounds in which the first member took so many per cent more."""
    rounds = FIRST + [[1 + share / 100, 1.0] for share in shares]
    looks: list[tuple[float, Any]] = [
        (number * 2.0, {"rounds": rounds[number * AT_ONCE : (number + 1) * AT_ONCE]})
        for number in range(len(rounds) // AT_ONCE)
    ]
    return a_journal(1000.0, overhead=[*looks, *([(len(looks) * 2.0, error)] if error else [])])


def decided(overhead: Overhead, journal: Journal) -> Decision:
    phrase = eventually("0s", "6s")
    return phrase.decide(overhead.holds(History(tuple(journal.of("look")), journal)), phrase.span, 3.0)


def test_less_than_the_bound_holds_whatever_single_rounds_say() -> None:
    decision = decided(WANTED, looked(*[3.0, 3.2, 2.9, 3.1] * 2, 40.0, 3.0, -20.0, 3.1))

    assert decision.outcome is PASSED
    assert decision.words == "+3.0% CPU time for a request, with 95% between +2.9% and +3.2%"


def test_more_than_the_bound_does_not() -> None:
    decision = decided(WANTED, looked(*[6.0, 6.2, 5.9] * 4))

    assert (decision.outcome, decision.words) == (FAILED, "+6.0% CPU time for a request, with 95% between +5.9% and +6.2%")


def test_what_is_as_likely_above_as_below_is_unknown() -> None:
    decision = decided(WANTED, looked(*[4.0, 6.0] * 6))

    said = "+5.0% CPU time for a request, with 95% between +4.0% and +6.0%: 5% lies between; write more rounds"
    assert decision == Decision(UNKNOWN, f"every look failed; the last said: {said}")


def test_too_few_rounds_and_looks_that_failed_are_unknown() -> None:
    assert decided(WANTED, looked(3.0, 3.0, 3.0, 3.0)).words == (
        "every look failed; the last said: 4 of 12 rounds are done; it takes a longer window"
    )
    assert decided(WANTED, looked(error="plain: GET / was answered with 503")).words == (
        "every look failed; the last said: plain: GET / was answered with 503"
    )


def test_rounds_beyond_those_that_were_asked_for_change_nothing() -> None:
    assert decided(WANTED, looked(*[3.0] * 12, *[90.0] * 12)).outcome is PASSED


def test_the_interval_is_that_of_the_sign_test() -> None:
    assert median_of([5, 4, 3, 2, 1]) is None
    assert median_of([6, 5, 4, 3, 2, 1]) == Median(3.5, 1, 6)
    assert median_of(range(1, 41)) == Median(20.5, 14, 27)


@dataclass
class Member:
    """Burns CPU time for each request; its process is a folder that looks like one of /proc."""

    sent: list[tuple[str, str, str, int]] = field(default_factory=list)

    def pids(self) -> Sequence[int]:
        return ()

    def folder(self) -> Path:
        return Path()

    def send(self, *request: Any) -> None:
        self.sent.append(request)


def test_both_members_get_the_same_requests_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    members = {name: Member() for name in ("checkout", "plain")}
    monkeypatch.setattr("pytest_obscheck.expectations.overhead.cpu_seconds", lambda _: 1.0)
    for name, member in members.items():
        monkeypatch.setattr(member, "send", lambda *request, name=name: order.append(f"{name} {request}"))

    seen = Overhead("checkout", "plain", "5%", "/pay", "POST", {"a": 1}, 7).evidence().look(FakeStack(members), 0.0, 1.0)

    request = "('POST', '/pay', '{\"a\": 1}', 7)"
    assert order[:4] == [f"{name} {request}" for name in ("plain", "checkout", "checkout", "plain")]
    assert seen == {"rounds": [[0.0, 0.0]] * AT_ONCE}


def test_cpu_time_is_that_of_all_threads(tmp_path: Path) -> None:
    for pid, thread, spent in ((1, 1, 1_500_000_000), (1, 2, 250_000_000), (2, 2, 1_000_000)):
        folder = tmp_path / str(pid) / "task" / str(thread)
        folder.mkdir(parents=True)
        (folder / "schedstat").write_text(f"{spent} 7 8\n")

    assert cpu_seconds([1, 2], tmp_path) == pytest.approx(1.751)
    with pytest.raises(LookFailed, match="does not run, or its processes are not seen from here"):
        cpu_seconds([3], tmp_path)


def test_services_that_are_not_there_and_bounds_that_are_none_are_refused() -> None:
    assert list(Overhead("checkout", "plan", "5%").problems(a_plan(checkout="service", plain="service"))) == [
        "overhead: no service called 'plan'; did you mean 'plain'?"
    ]
    with pytest.raises(ValueError, match=r"^below: '5' is not a share; write it like '5%'$"):
        Overhead("a", "b", "5")
    with pytest.raises(ValueError, match=r"^rounds and requests: write 6 rounds at least, of one request at least$"):
        Overhead("a", "b", "5%", rounds=5)


def test_it_says_what_it_wants() -> None:
    assert str(WANTED) == "checkout takes less than 5% more CPU time than plain for GET /"
