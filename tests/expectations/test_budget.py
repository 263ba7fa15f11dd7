"""The burn-rate alerts of an objective against the requests: what had to fire when, and what is said of what fired."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_obscheck.expectations.budget import Budget
from pytest_obscheck.journal import Journal
from pytest_obscheck.objective import Objective, Pair, Ratio
from pytest_obscheck.plan import AlertRule, Facts, Plan
from pytest_obscheck.protocols import History
from pytest_obscheck.testing import a_plan
from pytest_obscheck.verdict import Outcome
from pytest_obscheck.when import always

ZERO = 1_700_000_000.0
BURN = "CheckoutBudgetBurn"
PAGE = Pair(3.0, 1.0, 0.072, "page")
CLAIM = Budget("orders", {"3s": BURN}, requests="POST /checkout")
TARGET = {"job": "checkout", "instance": "checkout-1:80"}
HEADER = "end,method,name,status,seconds,bytes,error\n"
END = 12.0


def bad(at: float, outage: tuple[float, float]) -> bool:
    return outage[0] <= at < outage[1]


def rows(outage: tuple[float, float]) -> str:
    """Return ten requests a second from before the story until its end, all failing in the outage."""
    ends = [-6.95 + 0.1 * n for n in range(round((END + 9) * 10))]
    return "".join(f"{ZERO + at:.6f},POST,/checkout,{500 if bad(at, outage) else 200},0.004,9,\n" for at in ends)


def scraped(outage: tuple[float, float]) -> list[dict[str, Any]]:
    """Return the counters of both statuses, scraped every 200 ms: between two requests."""
    times = [-6.0 + 0.2 * n for n in range(round((END + 6) * 5))]
    ends = [-6.95 + 0.1 * n for n in range(round((END + 9) * 10))]
    found = []
    for status in ("200", "500"):
        points = [[ZERO + t, float(sum(e < t and bad(e, outage) is (status == "500") for e in ends))] for t in times]
        labels = {"__name__": "http_requests_total", **TARGET, "endpoint": "/checkout", "method": "POST", "status": status}
        found.append({"labels": labels, "points": points})
    return found


def journal(
    outage: tuple[float, float], *firing: tuple[float, float], ended: bool = True, hold: float | None = None
) -> Journal:
    """Return the journal of a story in which the alert fired in these stretches."""
    made = Journal()
    pairs = [{"long": 3.0, "short": 1.0, "share": 0.072, "severity": "page", "hold": hold}]
    objective = {"target": 0.99, "period": 600.0, "pairs": pairs, "where": "slo.yaml:1"}
    made.write("plan", ZERO - 9, alerts={}, objectives={"orders": objective})
    made.write("load", ZERO - 7, name="locust", phase="begun")
    made.write("zero", ZERO, speed=1.0)
    samples = {"series": scraped(outage), "late": [], "begun": [], "transport": 0.0, "since": ZERO - 6, "until": ZERO + END}
    made.write("look", ZERO + END, key=str(CLAIM.further_looks()[0]), data=samples)
    rule = {"health": "ok", "lastError": "", "lastEvaluation": "", "duration": 0.0, "interval": 0.2, "alerts": []}
    for number in range(1, round(END * 5)):
        since, until = ZERO + 0.2 * (number - 1), ZERO + 0.2 * number
        up = [at for at in (until - 0.05,) if any(start <= at - ZERO < end for start, end in firing)]
        series = [{"labels": {"alertname": BURN, "alertstate": "firing"}, "points": [[at, 1.0]]} for at in up]
        looked = {"since": since, "until": until, "samples": series, "now": series, "rules": {BURN: [rule]}}
        made.write("look", until, key="alerts", data=looked)
    if ended:
        made.write("load", ZERO + END + 3, name="locust", phase="ended", requests=HEADER + rows(outage))
    return made


def said(made: Journal) -> tuple[Outcome, str]:
    """Return what comes of the claim from the beginning to a second before the end."""
    phrase = always("0s", f"{END - 1:g}s")
    history = History(tuple(made.of("look", key="alerts")), made)
    decision = phrase.decide(CLAIM.holds(history), phrase.span, 1.0)
    return decision.outcome, decision.words


MUST = "page 3s/1s (burn rate 14.4) at 4.5s, seen 4.5s .. 5.1s"


def test_an_alert_that_fires_when_the_requests_say_so_is_right() -> None:
    outcome, words = said(journal((4.0, 7.0), (4.7, 7.9)))

    assert (outcome, words) == (Outcome.PASSED, f"49.8% of the budget of 10m spent; {MUST}: fired at 4.8s")


def test_an_alert_that_does_not_fire_is_told_with_when_it_had_to() -> None:
    assert said(journal((4.0, 7.0))) == (Outcome.FAILED, f"{MUST}: it did not fire")


def test_an_alert_that_fires_late_is_told_by_how_much() -> None:
    assert said(journal((4.0, 7.0), (6.3, 7.9))) == (Outcome.FAILED, f"{MUST}: fired at 6.3s, 1.2s too late")


def test_a_rule_that_does_not_wait_as_long_as_the_objective_says_is_told() -> None:
    outcome, words = said(journal((4.0, 7.0), (4.7, 7.9), hold=1.0))

    assert (outcome, words) == (Outcome.FAILED, "CheckoutBudgetBurn fired at 4.8s, but nothing burnt that fast for 1.0s")


def test_an_alert_that_fires_before_anything_burns_is_told() -> None:
    expected = "CheckoutBudgetBurn fired at 2.4s, but nothing burnt that fast"

    assert said(journal((4.0, 7.0), (2.3, 3.1), (4.7, 7.9))) == (Outcome.FAILED, expected)


def test_where_nothing_fails_nothing_fires() -> None:
    assert said(journal((0.0, 0.0))) == (
        Outcome.PASSED,
        "0.0% of the budget of 10m spent; no alert had to fire, and none did",
    )


def test_nothing_is_told_before_the_request_log_is_there() -> None:
    outcome, words = said(journal((4.0, 7.0), (4.7, 7.9), ended=False))

    assert outcome is Outcome.UNKNOWN
    assert words.endswith("the request log of locust is not there: it comes when the load ends")


def a_stack(*objectives: Objective) -> Plan:
    rule = AlertRule(BURN, "up", "", {}, {}, "budget", "", "rules.yml:1")
    return replace(a_plan(Facts(alerts=(rule,)), checkout="service"), objectives=objectives)


@pytest.mark.parametrize(
    ("claim", "objectives", "message"),
    [
        (CLAIM, (), "no objective called 'orders'; list its spec in stack.yaml under 'objectives:'"),
        (Budget("ordres", {"3s": BURN}), ("orders",), "no objective called 'ordres'; did you mean 'orders'?"),
        (
            Budget("orders", {"1h": BURN}),
            ("orders",),
            "orders has no pair of windows with '1h' as the longer one; it has 3s",
        ),
        (
            Budget("orders", {"3s": "CheckoutBugdetBurn"}),
            ("orders",),
            "no rule file has an alert 'CheckoutBugdetBurn'; did you mean 'CheckoutBudgetBurn'?",
        ),
    ],
)
def test_what_the_stack_does_not_have_is_named(claim: Budget, objectives: tuple[str, ...], message: str) -> None:
    known = [Objective(name, "checkout", 0.99, 600.0, Ratio("errors"), (PAGE,)) for name in objectives]

    assert list(claim.problems(a_stack(*known))) == [message]


def test_a_budget_without_an_alert_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^alerts is empty; write which alert watches which window, like \{1h: ErrorBudg"):
        Budget("orders", {})
