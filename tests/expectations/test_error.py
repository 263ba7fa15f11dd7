"""Errors that are meant: reported, missing, or other than they should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from pytest_obscheck.expectations.error import Error
from pytest_obscheck.protocols import History
from pytest_obscheck.signals import ErrorReport, ErrorReports
from pytest_obscheck.testing import FakeStack, a_journal
from pytest_obscheck.when import Window

EVENT = {
    "exception": {"values": [{"type": "KeyError", "value": "'x'"}, {"type": "RuntimeError", "value": "a bug"}]},
    "release": "shop@7",
    "environment": "staging",
    "transaction": "/broken",
    "tags": {"correlation_id": "c-9"},
    "breadcrumbs": {"values": [{"message": "asked payments"}]},
}


@dataclass(frozen=True)
class Intake:
    """Holds one error, or nothing."""

    reports: tuple[ErrorReport, ...] = (ErrorReport(1000.5, "event", EVENT, "0.25"),)
    lost: tuple[tuple[str, int], ...] = ()

    def error_reports(self, since: float, until: float) -> ErrorReports:
        return ErrorReports(self.reports, {}, dict(self.lost))


def seen(claim: Error, intake: Intake) -> tuple[list[tuple[float, bool | None]], str]:
    look = claim.evidence().look(FakeStack({"sentry": intake}), 1000.4, 1000.6)
    journal = a_journal(**{str(claim.evidence()): [(0.6, look)]})
    history = History(tuple(journal.of("look")), journal)
    return [(round(s.at, 3), s.holds) for s in claim.holds(history)], claim.tell(history, Window(0.0, 2.0))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"type": "RuntimeError", "message": "~a .*"},
        {"release": "shop@7", "environment": "staging", "transaction": "~.*broken"},
        {"tags": {"correlation_id": "c-9"}, "breadcrumb": "asked payments", "sample_rate": 0.25},
    ],
)
def test_an_error_holds_for_the_instant_of_its_arrival(fields: dict[str, Any]) -> None:
    assert seen(Error(**fields), Intake())[0] == [(0.5, True), (0.5, False), (0.6, False)]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"release": "shop@8"}, "release 'shop@7'"),
        ({"type": "KeyError"}, "type 'RuntimeError'"),
        ({"tags": {"correlation_id": "c-1"}}, 'tags {correlation_id="c-9"}'),
        ({"breadcrumb": "asked stock"}, "breadcrumbs 'asked payments'"),
        ({"sample_rate": 1.0}, "sample rate 0.25"),
    ],
)
def test_the_error_that_came_instead_is_named(fields: dict[str, Any], told: str) -> None:
    assert seen(Error(**fields), Intake()) == ([(0.6, False)], f"RuntimeError 'a bug' came with {told}")


def test_what_the_sdk_lost_is_told() -> None:
    told = seen(Error(), Intake((), (("error: sample_rate", 2),)))[1]

    assert told == "no event came at all; the SDK lost 2 error: sample_rate"


def test_a_kind_that_is_not_kept_is_refused() -> None:
    with pytest.raises(ValueError, match="kind: there is no kind 'log'; write 'event' or 'transaction'"):
        Error(kind="log")


def test_it_is_said_in_words() -> None:
    words = str(Error("RuntimeError", release="shop@7", tags={"a": "b"}))

    assert words == "RuntimeError{a=\"b\"} with release 'shop@7' is reported"
