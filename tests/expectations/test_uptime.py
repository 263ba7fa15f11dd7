"""Probes of endpoints: samples of the blackbox exporter in, sights out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_obscheck.expectations.uptime import Uptime
from pytest_obscheck.journal import Journal
from pytest_obscheck.protocols import History
from pytest_obscheck.testing import a_journal
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import Decision, Phrase, always, eventually, never, once

ZERO = 1000.0
PASSED, UNKNOWN, FAILED = Outcome.PASSED, Outcome.UNKNOWN, Outcome.FAILED
GOOD = {"success": 1.0, "http_status_code": 200.0, "duration_seconds": 0.02, "failed_due_to_regex": 0.0}
BAD = {"success": 0.0, "http_status_code": 503.0, "duration_seconds": 0.02, "failed_due_to_regex": 1.0}
DAY = 86400.0


def probed(*found: Mapping[str, float], instance: str = "https://shop") -> Journal:
    """Return looks in each half second, each of which sees one more probe, written when it began."""
    seen: list[tuple[float, Any]] = []
    for step, probe in enumerate(found):
        at = ZERO + step / 2
        series = [
            {"labels": {"__name__": f"probe_{name}", "instance": instance, "job": "blackbox"}, "points": [[at, value]]}
            for name, value in probe.items()
        ]
        seen.append((step / 2, {"until": at, "samples": series, "now": series}))
    return a_journal(ZERO, probes=seen)


def decided(uptime: Uptime, phrase: Phrase, journal: Journal) -> Decision:
    window = phrase.window({})
    assert window is not None
    return phrase.decide(uptime.holds(History(tuple(journal.of("look")), journal)), window, 1.0)


def test_probes_flip_and_flip_back_with_the_scrape_that_saw_it() -> None:
    journal = probed(GOOD, GOOD, BAD, BAD, GOOD)

    assert decided(Uptime("https://shop", up=False), once("0s", "2s"), journal) == Decision(
        PASSED, "down, status 503, in 20ms at 1.0s", at=1.0
    )
    assert decided(Uptime("blackbox"), eventually("1500ms", "2s"), journal).at == 2.0
    assert decided(Uptime("https://shop"), always("0s", "2s"), journal) == Decision(
        FAILED, "down, status 503, in 20ms at 1.0s: the probe failed", settled=True, at=1.0
    )


@pytest.mark.parametrize(
    ("uptime", "said"),
    [
        (Uptime("blackbox", up=False), "the probe succeeded"),
        (Uptime("blackbox", status=204), "status 200 instead of 204"),
        (Uptime("blackbox", matches=False), "the body matches"),
        (Uptime("blackbox", faster="10ms"), "it took 20ms, longer than 10ms"),
        (Uptime("blackbox", tls_days="> 14"), "it showed no certificate"),
    ],
)
def test_what_is_not_as_wanted_is_said(uptime: Uptime, said: str) -> None:
    decision = decided(uptime, eventually("0s", "500ms"), probed(GOOD, GOOD))

    assert decision == Decision(FAILED, f"up, status 200, in 20ms at 500ms: {said}")


def test_days_are_those_that_the_certificate_has_left_at_the_probe() -> None:
    journal = probed(*[{"success": 1.0, "ssl_earliest_cert_expiry": ZERO + 3.25 * DAY}] * 3)

    assert decided(Uptime("blackbox", tls_days="> 14"), always("0s", "1s"), journal).words == (
        "up, 3.2 days of TLS left at 0s: its certificate has 3.2 days left, which is not > 14"
    )
    assert decided(Uptime("blackbox", tls_days="<= 3.25"), always("0s", "1s"), journal).outcome is PASSED


def test_a_body_that_does_not_match_is_told_from_a_module_that_compares_none() -> None:
    mismatch, without = probed(BAD), probed({"success": 1.0})

    assert decided(Uptime("blackbox", up=False, matches=False), always("0s", "0s"), mismatch).outcome is PASSED
    assert decided(Uptime("blackbox", up=False, matches=True), always("0s", "0s"), mismatch).words.endswith(
        "the body does not match"
    )
    assert decided(Uptime("blackbox", matches=True), always("0s", "0s"), without).words.endswith("its module compares no body")


def test_of_several_instances_every_one_must_be_up() -> None:
    series = [
        {"labels": {"__name__": "probe_success", "instance": name, "job": "blackbox"}, "points": [[ZERO, value]]}
        for name, value in (("a", 1.0), ("b", 0.0))
    ]
    journal = a_journal(ZERO, probes=[(0.0, {"until": ZERO, "samples": series, "now": series})])

    assert decided(Uptime("blackbox"), always("0s", "0s"), journal).words == "blackbox b: down at 0s: the probe failed"
    assert decided(Uptime("blackbox"), never("0s", "0s"), journal).outcome is FAILED
    assert decided(Uptime("a"), always("0s", "0s"), journal).outcome is PASSED


def test_that_nobody_probes_is_unknown() -> None:
    journal = probed({}, {}, {})

    assert decided(Uptime("blackbox", up=False), eventually("0s", "1s"), journal) == Decision(
        UNKNOWN, "every look failed; the last said: nobody probes it: there is no `probe_success`"
    )
    assert decided(
        Uptime("blackbox"), never("0s", "1s"), a_journal(ZERO, probes=[(0.0, "prometheus refuses connections")])
    ) == (Decision(UNKNOWN, "every look failed; the last said: prometheus refuses connections"))


def test_it_says_what_it_wants() -> None:
    assert str(Uptime("https://shop", status=200, tls_days="> 14", matches=True, faster="1s")) == (
        "probes of https://shop succeed, status 200, > 14 days of TLS left, a body that matches, in under 1s"
    )
    assert str(Uptime("https://shop", up=False, matches=False)) == "probes of https://shop fail, a body that does not match"


def test_comparisons_and_durations_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(ValueError, match="is not a comparison"):
        Uptime("a", tls_days="14")
    with pytest.raises(ValueError, match="is not a duration"):
        Uptime("a", faster="soon")
