"""Why a verdict on a claim may be the machine's doing: what the monitoring missed, and who got no processor.

Only what the claim rests on counts, and of what passed only what could have been hidden.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache, partial

from pytest_obscheck.abilities import AboutAlert, AboutSeries, EvaluatedAfterwards, IsFiring, OutlastsHoles, looks_behind
from pytest_obscheck.grounds import Grounds, grounds
from pytest_obscheck.journal import Journal, alert_exprs
from pytest_obscheck.matching import words
from pytest_obscheck.protocols import History
from pytest_obscheck.scenario import Claim, Scenario
from pytest_obscheck.starvation import starved
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.vitals import Doubt, asked, mild, stoppages, unwell
from pytest_obscheck.when import Never, Once, Window, seconds

BLIND = 1.0
"""Wall seconds without a sight that are not blindness yet; one and a half intervals, where looks come less often."""


def too_slow(scenario: Scenario, claim: Claim, outcome: Outcome, window: Window, history: History) -> str:
    """Return why an outcome that is no certain sight cannot be relied upon; ``""`` where nothing was too slow for it."""
    journal = history.journal
    # A hole that hides nothing takes nothing back that was right; what was wrong, the shortest may have caused.
    outlasts = cache(partial(_outlasts, claim, history, window.end)) if outcome is Outcome.PASSED else lambda _: 0.0
    rested_on, on = _rested_on(claim, journal, window), _grounds(claim, outcome, journal)
    slow = unwell(
        journal,
        rested_on,
        stoppages(scenario, claim, journal),
        Doubt(outlasts, mild(scenario), on, partial(_quiet, claim, outcome, history)),
    )
    if slow or outcome is not Outcome.FAILED:
        return slow
    return starved(journal, rested_on, scenario, _bystanders(claim, on, journal))


def _grounds(claim: Claim, outcome: Outcome, journal: Journal) -> Grounds:
    """Return what could have changed the verdict on a claim, where the monitoring missed it."""
    found, wanted = grounds(claim.expectation, journal), claim.expectation
    calm = outcome is Outcome.PASSED and isinstance(claim.phrase, Never) and isinstance(wanted, IsFiring) and wanted.is_firing()
    return found.calm() if calm else found


def _quiet(claim: Claim, outcome: Outcome, history: History, span: Window) -> bool:
    """Whether evaluations that were missed would have found nothing of what came never or once; what failed may be late."""
    wanted, calm = claim.expectation, outcome is Outcome.PASSED and isinstance(claim.phrase, Never | Once)
    return calm and isinstance(wanted, EvaluatedAfterwards) and wanted.would_be_quiet(history, span)


def _bystanders(claim: Claim, on: Grounds, journal: Journal) -> Collection[str]:
    """Return the members that scrape and evaluate, where a claim rests on no series, and asks none of them."""
    if not on.nothing:
        return ()
    looks = [str(look) for look in looks_behind([claim.expectation])]
    return {*asked(journal, "vitals")}.difference(*(asked(journal, key) for key in looks))


def _outlasts(claim: Claim, history: History, until: float, span: Window) -> float:
    """Return how many story seconds without an evaluation, somewhere in a span, hide nothing from a claim that passed."""
    if isinstance(claim.expectation, OutlastsHoles):
        return claim.expectation.outlasts(history, span, until)
    return 0.0 if _evaluated(claim, history.journal) else BLIND * history.journal.speed


def _evaluated(claim: Claim, journal: Journal) -> bool:
    """Whether a claim rests on what rules record."""
    plan = journal.last("plan")
    if plan is None or not isinstance(claim.expectation, AboutSeries):
        return False
    recorded = set(plan.data.get("recordings", ()))
    return any(recorded & set(words(expr)) for expr in claim.expectation.exprs(alert_exprs(journal)))


def _rested_on(claim: Claim, journal: Journal, window: Window) -> Window:
    """Return a window with the time before it in which a lost sample counts: the ranges behind the claim, and the hold."""
    plan, wanted = journal.last("plan"), claim.expectation
    alerts = plan.data["alerts"] if plan else {}
    back = wanted.history(alert_exprs(journal)) if isinstance(wanted, AboutSeries) else 0.0
    if isinstance(wanted, AboutAlert) and wanted.alertname() in alerts:
        back += seconds(alerts[wanted.alertname()].get("for", "0s"))
    return Window(max(0.0, window.start - back), window.end)
