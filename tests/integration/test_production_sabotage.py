"""Production's rules and routes, and services under these rules, each broken in one way: what rests on it is red, and says why.

Many are broken at once. Exactly the claims that should are red; in a story that several of them share, each has its own.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck import journal as journals

pytestmark = pytest.mark.integration

TOO_SLOW = "the machine was too slow"
SCRIPTED, REAL = (200, 100, 60), (100, 60)
"""Scrapes come each 75 ms. A story that says that the machine was too slow proves nothing, either way: then more slowly."""
SERVED = "tests/integration/production/payments.obs.yaml"
"""The services themselves under production's rules."""
ALERTS = "scenarios/alerts"
SCRAPES, ROUTES = "stack/production/prometheus.yml", "stack/production/alertmanager.yml"
API, BUSINESS, INFRASTRUCTURE, SLA = (f"stack/production/rules/{n}.yml" for n in ("api", "business", "infrastructure", "sla"))
SERVICE = "stack/service"
CHECKOUT = "        labels: {team: shop}\n"
"""The end of the scrape config of checkout."""
INHIBITION = """
inhibit_rules:
  # Whoever was called about a service does not need mail about it as well.
  - source_matchers: [severity="critical"]
    target_matchers: [severity=~"warning|info"]
    equal: [job]
"""
BUSINESS_ROUTE = """        - matchers: [area="business"]
          receiver: business-on-call
"""
KEY = "      - service_key_file: secrets/pagerduty-infrastructure\n"
REQUESTS = 'sum by (job) (rate(http_requests_total{endpoint!~"/health/.*|/metrics"}[30d]))'
AVAILABILITY = f"""        expr: >-
          {REQUESTS.replace('"}[', '",status!~"5.."}[')}
          /
          {REQUESTS}
"""
UP_ALONE = "        expr: avg by (job) (avg_over_time(up[30d]))\n"
RATIO = "        expr: job:http_requests_errors:rate5m / job:http_requests:rate5m\n"
COUNTED = '"Requests answered.", {"method": (), "endpoint": (), "status": ()}'
AVERAGED = """

def _averaged(ring: Ring, spans: Sequence[slice]) -> float:
    \"\"\"Return the mean of the seconds' shares of failures, as if each had as many requests.\"\"\"
    every = [place for span in spans for place in range(span.start, span.stop)]
    counts = {place: sum(column[place] for column in ring.buckets) for place in every}
    shares = [ring.errors[place] / count for place, count in counts.items() if count]
    return sum(shares) / len(shares) if shares else 0.0


@dataclass
class History:
"""


@dataclass(frozen=True)
class Sabotage:
    """A story, the edits (file, old text, new text) that are to turn it red, and what red claims say: patterns of both."""

    what: str
    story: str
    edits: Sequence[tuple[str, str, str]]
    red: Mapping[str, str]


NEVER_GIVEN = "Alertmanager was never given such an alert"


def silent(reason: str, rules: str) -> dict[str, str]:
    """Return what is red where an alert of a rule file never fires."""
    why = rf"{re.escape(reason)} \({rules.removeprefix('stack/')}:\d+\)"
    return {
        r"alert .* fires within": why,
        r".* is notified of": f"{NEVER_GIVEN}: {why}",
        r"alert .* resolves within": f"it never fired: {why}",
        r".* is told of the end of": "it was never told that it fires",
    }


def pending(words: str, untold: str) -> dict[str, str]:
    """Return what is red where an alert is pending and no more."""
    return {
        **silent("", ""),
        r"alert .* fires within": words,
        r".* is notified of": f"{NEVER_GIVEN}: {untold}",
        r"alert .* resolves within": "it never fired: it was pending and no more",
    }


def at_a_line(words: str) -> str:
    """Return the pattern of a sentence that ends with a line."""
    return rf"{re.escape(words)}\d+\)"


def misworded(wrong: str, right: str) -> dict[str, str]:
    """Return what is red where a message says something else."""
    return {r".* is notified of .*, saying": f"(pagerduty|email|slack|webhook) was told .*{wrong}.*, not .*{right}.*"}


def dropped(*regexes: str) -> str:
    """Return relabelling that drops samples of checkout, by what ``name;le;status`` matches."""
    rules = [f'      - {{source_labels: [__name__, le, status], regex: "{each}", action: drop}}\n' for each in regexes]
    return f"{CHECKOUT}    metric_relabel_configs:\n{''.join(rules)}"


RELABELLED = (SCRAPES, CHECKOUT, dropped("http_request_duration_seconds_bucket;0.5;.*", "http_requests_total;;5.."))
INHIBITED = r"Alertmanager inhibited it: [\w, ]*Down mutes it \(inhibit_rules, production/alertmanager.yml:\d+\)"
UNREACHED = r"instance:node_cpu:ratio_rate5m never went above 0\.83\d?; the rule wants > 0\.9 \(.*\)"
NO_FAILURE = at_a_line(
    "job:http_requests_errors:ratio_rate5m never went above 0; the rule wants > 0.05 (production/rules/api.yml:"
)
RULES = (
    Sabotage(
        "threshold x 2",
        f"{ALERTS}/infrastructure.obs.yaml::HighQueueDepth",
        [(INFRASTRUCTURE, "job:queue_depth:max > 500", "job:queue_depth:max > 1000")],
        silent("job:queue_depth:max never went above 501; the rule wants > 1000", INFRASTRUCTURE),
    ),
    Sabotage(
        "for x 3",
        f"{ALERTS}/infrastructure.obs.yaml::HighMemory",
        [(INFRASTRUCTURE, "ratio > 0.95\n        for: 5m", "ratio > 0.95\n        for: 15m")],
        pending(
            r"pending since 9m\d\ds, needs `for: 15m` \(.*\); it would fire at 24m.* too late",
            r"HighMemory was pending and no more; it needs `for: 15m` \(.*\)",
        ),
    ),
    Sabotage(
        "maximum instead of average",
        f"{ALERTS}/infrastructure.obs.yaml::HighCPU",
        [(INFRASTRUCTURE, "1 - avg by (job, instance)", "1 - max by (job, instance)")],
        # Pending it was, long before: a rate begins at nothing, and there was no idle time yet.
        pending(UNREACHED, UNREACHED),
    ),
    Sabotage(
        "free space told as used",
        f"{ALERTS}/infrastructure.obs.yaml::HighDiskUsage",
        [(INFRASTRUCTURE, "instance:node_filesystem:ratio > 0.9\n", "1 - instance:node_filesystem:ratio < 0.1\n")],
        misworded("9% of the disk", "91% of the disk"),
    ),
    Sabotage(
        "label renamed in the rule: nobody is told whose payments fail",
        f"{ALERTS}/critical.obs.yaml::HighPaymentFailureRate",
        [
            (
                BUSINESS,
                '(job, provider) (rate(payment_requests_total{status!="success"}',
                '(job, vendor) (rate(payment_requests_total{status!="success"}',
            ),
            (BUSINESS, "(job, provider) (rate(payment_requests_total[", "(job, vendor) (rate(payment_requests_total["),
        ],
        misworded("payments with  fail", "payments with example-pay fail"),
    ),
    Sabotage(
        "bucket removed",
        f"{ALERTS}/critical.obs.yaml::CriticalLatency",
        [RELABELLED],
        silent("job:http_request_duration_seconds:p95_rate5m never went above 0.375; the rule wants > 0.5", API),
    ),
    Sabotage(
        "failures never counted",
        f"{ALERTS}/burn.obs.yaml::ErrorBudgetBurn1h",
        [RELABELLED],
        {
            **silent(
                "job:http_requests_errors:ratio_rate1h never went above 0; the rule wants > 0.0144; "
                "job:http_requests_errors:ratio_rate5m never went above 0; the rule wants > 0.0144",
                SLA,
            ),
            r"alert .* fires within": r'no series http_requests_total\{.*status=~"5\.\."\} has job="checkout" \(.*\)',
        },
    ),
    Sabotage(
        "availability from up alone",
        f"{ALERTS}/offline.obs.yaml::AvailabilityBelowObjective",
        [(SLA, AVAILABILITY, UP_ALONE)],
        {
            "alert AvailabilityBelowObjective, played offline, is quiet at 33d and fires": re.escape(
                "promtool says that it does not fire at 798h: the rule reads up, of which the story has no series"
            )
        },
    ),
)
BEHIND_ROUTES = (
    Sabotage(
        "route of an area removed",
        f"{ALERTS}/critical.obs.yaml::HighPaymentFailureRate",
        [(ROUTES, BUSINESS_ROUTE, "")],
        {
            r"pagerduty \(receiver business-on-call\) is notified of": at_a_line(
                "Alertmanager routed HighPaymentFailureRate to 'api-on-call', 'audit' only; "
                "no route leads it to 'business-on-call', which has pagerduty (production/alertmanager.yml:"
            ),
            r"pagerduty \(receiver business-on-call\) is told of the end": "it was never told that it fires",
        },
    ),
    Sabotage(
        "the end never told",
        f"{ALERTS}/infrastructure.obs.yaml::HighQueueLag",
        [(ROUTES, KEY, f"{KEY}        send_resolved: false\n")],
        {
            r"pagerduty \(receiver infrastructure-on-call\) is told of the end": at_a_line(
                "'infrastructure-on-call' does not tell pagerduty of the end: "
                "send_resolved is false (production/alertmanager.yml:"
            ),
        },
    ),
    Sabotage(
        "another severity in the matcher of a route",
        f"{ALERTS}/warning.obs.yaml::QueueBacklog",
        [(ROUTES, '[severity="warning"]', '[severity="warn"]')],
        {
            r"email \(receiver dev-team\) is notified of": at_a_line(
                "Alertmanager routed QueueBacklog to 'audit' only; "
                "no route leads it to 'dev-team', which has email (production/alertmanager.yml:"
            )
            + at_a_line('; its route asks for severity="warn" (production/alertmanager.yml:')
            + ", and the alert has severity='warning'",
            r"email \(receiver dev-team\) is told of the end": "it was never told that it fires",
        },
    ),
    Sabotage(
        "inhibition removed",
        f"{ALERTS}/error-rate.obs.yaml::CriticalErrorRate and HighErrorRate",
        [(ROUTES, INHIBITION, "")],
        {r"webhook is notified of HighErrorRate never": r"notified at \d+m\d\ds \(.* of wall time\)"},
    ),
    Sabotage(
        "label that the instrumentation does not have",
        f"{ALERTS}/warning.obs.yaml::LowGenerationSuccess",
        [(BUSINESS, 'generation_requests_total{status="success"}', 'generation_requests_total{state="success"}')],
        silent("no series of generation_requests_total has a label 'state'; did you mean 'status'?", BUSINESS),
    ),
)
TOO_WIDE = (
    Sabotage(
        "inhibition too wide",
        f"{ALERTS}/neighbours.obs.yaml",
        [(ROUTES, "equal: [job]", "equal: [cluster]")],
        {r".* is notified of DiskFillingUp": INHIBITED},
    ),
)

IN_SERVICES = (
    Sabotage(
        "bucket removed by the instrumentation: what is within the objective pages",
        SERVED,
        [(f"{SERVICE}/metrics.py", "0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)", "0.1, 0.25, 1.0, 2.5, 5.0, 10.0)")],
        {r"alert CriticalLatency fires never": r"fired at .*"},
    ),
    Sabotage(
        "label renamed by the instrumentation",
        SERVED,
        [(f"{SERVICE}/metrics.py", COUNTED, COUNTED.replace("status", "status_code"))],
        {
            r"alert ServerErrorsPerSecond.* fires within": at_a_line(
                "no series of http_requests_total has a label 'status'; did you mean 'status_code'? (production/rules/api.yml:"
            )
        },
    ),
    Sabotage(
        "counter never incremented on exceptions",
        SERVED,
        [(f"{SERVICE}/gateway.py", "        self._count(status)\n", "")],
        {
            r"alert HighPaymentFailureRate.* fires within": at_a_line(
                "job_provider:payment_requests_failed:ratio_rate5m never went above 0; the rule wants > 0.1 "
                "(production/rules/business.yml:"
            )
        },
    ),
    Sabotage(
        "always ready",
        SERVED,
        [(f"{SERVICE}/health.py", "503 if failed else 200", "200")],
        {r"checkout /health/readiness answers 503 within": r"200 in .*: status 200 instead of 503"},
    ),
    Sabotage(
        "error rate from up alone",
        SERVED,
        [(API, RATIO, '        expr: 1 - avg by (job) (avg_over_time(up{job="checkout"}[1m]))\n')],
        {
            r"alert CriticalErrorRate.* fires within": NO_FAILURE,
            r"pagerduty .* is notified of CriticalErrorRate": f"{NEVER_GIVEN}: {NO_FAILURE}",
            r"error rate over 5m agrees with the request log": r"error rate: truth \d\d\.\d+% of .*, figure 0\.00%, .*",
        },
    ),
    Sabotage(
        "SLA endpoint averages averages",
        "scenarios/sla/own-figures.obs.yaml",
        [
            (
                f"{SERVICE}/history.py",
                "errors=int(_sum(self.errors, spans)),",
                "errors=round(_averaged(self, spans) * sum(buckets)),",
            ),
            (f"{SERVICE}/history.py", "\n@dataclass\nclass History:\n", AVERAGED),
        ],
        dict.fromkeys(
            (r"availability over 4s agrees", r"error rate over 4s agrees"), r".*: truth .*, figure .*, difference .*"
        ),
    ),
)


@pytest.fixture
def production(project: Any) -> Any:
    """Return the shipped project, and beside it the story of its services under production's rules."""
    shutil.copytree(Path(__file__).parent / "production", project.path / "tests/integration/production")
    return project


@pytest.mark.parametrize(
    ("sabotages", "speeds"),
    [(RULES, SCRIPTED), (BEHIND_ROUTES, SCRIPTED), (TOO_WIDE, SCRIPTED), (IN_SERVICES, REAL)],
    ids=["rules", "routes", "inhibition", "services"],
)
def test_each_sabotage_turns_exactly_the_claims_red_that_rest_on_it(
    production: Any, sabotages: Sequence[Sabotage], speeds: Sequence[int]
) -> None:
    for edit in dict.fromkeys(edit for sabotage in sabotages for edit in sabotage.edits):
        production.edit(*edit)

    stories = dict.fromkeys(sabotage.story for sabotage in sabotages)
    reports = played(production, stories, speeds, code=1)

    surprises = {story: surprising([each for each in sabotages if each.story == story], reports[story]) for story in stories}
    assert not any(surprises.values()), "\n".join(words for story in stories for words in surprises[story])


def test_unspoilt_production_rules_notice_what_the_services_count(production: Any) -> None:
    report = played(production, [SERVED], REAL, code=0)[SERVED]

    assert re.findall(r"(?m)^  [✗?] .*", report) == []


def played(project: Any, stories: Iterable[str], speeds: Sequence[int], code: int) -> Mapping[str, str]:
    """Play stories, together where they say so; return their reports."""
    for speed in speeds:
        said = project.pytest("--obs-stack", f"--obs-speed={speed}", "--obs-report=report", *stories)
        if TOO_SLOW not in said:
            break
    assert (said.code, project.left()) == (code, ([], [])), said.out
    return {story: (project.path / f"report/{journals.stem(story)}.txt").read_text(encoding="utf-8") for story in stories}


def surprising(sabotages: Sequence[Sabotage], report: str) -> list[str]:
    """Return what is red and should not be, what says something else than it should, and what is green and should not be."""
    seen = re.findall(r"(?m)^  [✗?] (.*?)  \[[^\[]*\]\n      (.*)$", report)
    red = {claim: words for each in sabotages for claim, words in each.red.items()}
    wanted = {claim: [pattern for pattern in red if re.match(pattern, claim)] for claim, _ in seen}
    wrong = [f"{claim}: {why}" for claim, why in seen if not any(re.fullmatch(red[each], why) for each in wanted[claim])]
    found = {pattern for patterns in wanted.values() for pattern in patterns}
    return wrong + [
        f"{each.what}: nothing red is like {pattern!r}" for each in sabotages for pattern in each.red.keys() - found
    ]
