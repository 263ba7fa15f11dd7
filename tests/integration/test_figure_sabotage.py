"""Whatever is wrong with how a service counts, or what is made of it: the figure's claim is red, and says by how much."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

pytestmark = pytest.mark.integration

TOO_SLOW = "the machine was too slow"
RULES = "stack/prometheus/rules/checkout.yml"
HISTORY = "stack/service/history.py"
COUNTING = "        kind.counter.inc()\n"
COUNTING_ANSWERS_ONLY = "        if status < 500:\n            kind.counter.inc()\n"
AVERAGED = '''

def _averaged(ring: Ring, spans: Sequence[slice]) -> float:
    """Return the mean of the seconds' shares of failures, as if each had as many requests."""
    every = [place for span in spans for place in range(span.start, span.stop)]
    counts = {place: sum(column[place] for column in ring.buckets) for place in every}
    shares = [ring.errors[place] / count for place, count in counts.items() if count]
    return sum(shares) / len(shares) if shares else 0.0
'''


def figures(project: Any, story: str) -> Mapping[str, tuple[str, str]]:
    """Play a story; return sign and reason of each figure. If the machine was too slow, that proves nothing: one more try."""
    said = project.pytest("--obs-stack", f"scenarios/sla/{story}.obs.yaml")
    said = project.pytest("--obs-stack", f"scenarios/sla/{story}.obs.yaml") if TOO_SLOW in said else said
    assert (said.code, project.left()) == (1, ([], [])), said.out
    found = re.findall(r"(?m)^  ([✓✗?]) (.*) agrees with the request log: .*\n      (.*)$", said.out)
    return {claim: (sign, why) for sign, claim, why in found}


def red(seen: Mapping[str, tuple[str, str]]) -> list[str]:
    """Return the figures that do not agree with what happened; none may be unknown."""
    assert "?" not in {sign for sign, _ in seen.values()}, seen
    return [claim for claim, (sign, _) in seen.items() if sign == "✗"]


def test_an_availability_from_up_alone_is_not_what_users_saw(project: Any) -> None:
    text = (project.path / RULES).read_text(encoding="utf-8")
    start = text.index("          sum by (job) (rate(http_requests_total{")
    end = text.index("\n\n", start)
    project.write(RULES, f'{text[:start]}          1 - avg by (job) (avg_over_time(up{{job="checkout"}}[1s])){text[end:]}')

    seen = figures(project, "failing-dependency")

    assert red(seen) == ["error rate over 1s"], seen
    assert re.search(r"truth \d\d\.\d+% of \d+ requests, figure 0\.00%, bound ", seen["error rate over 1s"][1]), seen


def test_failures_that_are_never_counted_are_missing_from_every_figure(project: Any) -> None:
    project.edit("stack/service/instrumentation.py", COUNTING, COUNTING_ANSWERS_ONLY)

    seen = figures(project, "failing-dependency")

    assert len(red(seen)) == len(seen) == 4, seen
    availability = seen["availability of POST /checkout over 2s"][1]
    assert re.search(r"truth \d\d\.\d+% of \d+ requests, figure 100\.00%, bound ", availability), seen


def test_an_average_of_averages_is_not_the_average(project: Any) -> None:
    averaged = "errors=round(_averaged(self, spans) * sum(buckets)),"
    project.edit(HISTORY, "errors=int(_sum(self.errors, spans)),", averaged)
    project.write(HISTORY, (project.path / HISTORY).read_text(encoding="utf-8") + AVERAGED)

    seen = figures(project, "own-figures")

    assert red(seen) == ["availability over 4s", "error rate over 4s"], seen
