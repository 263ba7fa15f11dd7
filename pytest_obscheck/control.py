"""The control run: a story without its faults, and what it says of the claims that pass all the same."""

from __future__ import annotations

from dataclasses import replace

from pytest_obscheck.journal import Journal
from pytest_obscheck.judge import windows
from pytest_obscheck.scenario import Claim, Scenario
from pytest_obscheck.verdict import Outcome, Report
from pytest_obscheck.when import Eventually, Once, Window, Within


def control(scenario: Scenario, journal: Journal) -> Scenario | None:
    """Return the control run of a story that was played: no faults, every window where it was; ``None`` where it has none."""
    if not scenario.faults:
        return None
    claims = tuple(_fixed(*each) for each in zip(scenario.claims, windows(scenario, journal), strict=True))
    return replace(scenario, faults=(), claims=claims, name=f"{scenario.name} (control)")


def _fixed(claim: Claim, window: Window | None) -> Claim:
    if not isinstance(claim.phrase, Within) or window is None:
        return claim
    return replace(claim, phrase=Eventually(window))


def control_notes(played: Scenario, report: Report, control_report: Report) -> tuple[str, ...]:
    """Return a note for each claim that wants something to happen and passes with no fault as well: it proves nothing."""
    pairs = zip(played.claims, report.claims, control_report.claims, strict=True)
    return tuple(
        f"proves nothing, for it passes without the faults too: {verdict.claim}"
        for claim, verdict, other in pairs
        if isinstance(claim.phrase, Eventually | Within | Once) and verdict.outcome is other.outcome is Outcome.PASSED
    )
