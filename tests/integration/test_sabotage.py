"""Whatever part of the monitoring is broken, exactly the claims that rest on it turn red, and say what is broken."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

PACKAGE = Path(__file__).parents[2] / "pytest_obscheck"
STORY = "scenarios/slow-dependency.obs.yaml"
RULES = "stack/prometheus/rules/checkout.yml"
ROUTES = "stack/alertmanager/alertmanager.yml"
STACK = "stack/stack.yaml"
TOO_SLOW = "the machine was too slow"
TRIES = 3
"""How often a story is played when it says that the machine was too slow for it: that proves nothing, either way."""
TAGS = {"failure": "failed", "error": "unknown"}

FAULT = "800ms latency to payments"
CALM = "alert CheckoutSlow fires never in 0s .. 500ms"
FIRES = "alert CheckoutSlow fires within 5.0s after latency"
PAGED = "pagerduty is notified of CheckoutSlow once in 500ms .. 3.5s"
UNREADY = "checkout /health/readiness answers 503 within 5.0s after latency"
RESOLVES = "alert CheckoutSlow resolves within 5.0s after cure of latency"
READY = "checkout /health/readiness answers 200 within 5.0s after cure of latency"
NEVER_GIVEN = "Alertmanager was never given such an alert"

HELD = """> 0.5
        keep_firing_for: 600ms
        labels:
"""
ROUTE = """    - matchers: [severity="critical"]
      receiver: on-call
      continue: true
"""
INTEGRATION = """    pagerduty_configs:
      - routing_key: the-routing-key-of-the-shop-team
        severity: critical
        description: "{{ .CommonAnnotations.summary }}"
        client_url: "{{ .CommonAnnotations.runbook_url }}"
        send_resolved: true
"""
SPARE = """  spare: # a second payment service, to which no proxy leads
    command: [python, -m, service.payments]
    environment: {PORT: "${port.http}"}
    ready: /health

  checkout:
"""
NOT_READY = """      # Fires half a second after payments became slow: before any slow order is over.
      - alert: CheckoutNotReady
        expr: http_requests_total{endpoint="/health/readiness",status="503"} > 0
        labels: {severity: warning}

      # One failed scrape"""
SILENCER = """  silencer:
    command: [python, silence.py]
    environment: {PORT: "${port.http}", ALERTMANAGER: "http://${alertmanager.address}"}
    depends_on: [alertmanager]

  payments:
"""
SILENCE = """
import json, os, urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

silence = {
    "matchers": [{"name": "alertname", "value": "CheckoutSlow", "isRegex": False, "isEqual": True}],
    "startsAt": "2000-01-01T00:00:00Z", "endsAt": "2100-01-01T00:00:00Z",
    "createdBy": "the shop team", "comment": "the sale is on",
}
url = os.environ["ALERTMANAGER"] + "/api/v2/silences"
headers = {"Content-Type": "application/json"}
urllib.request.urlopen(urllib.request.Request(url, json.dumps(silence).encode(), headers)).close()

class Up(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Up).serve_forever()
"""
LIAR = '''#!{python}
"""A toxiproxy that takes every toxic, says that it has it, and does nothing."""
import json, os, re, socket, subprocess, sys, time, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REAL, args = {real!r}, sys.argv[1:]
if "-port" not in args:
    os.execv(REAL, [REAL, *args])
port, toxics = args[args.index("-port") + 1], {{}}
with socket.create_server(("127.0.0.1", 0)) as free:
    behind = str(free.getsockname()[1])
args[args.index("-port") + 1] = behind
subprocess.Popen([REAL, *args])

class Liar(BaseHTTPRequestHandler):
    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = re.fullmatch(r"(/proxies/[^/]+)/toxics(?:/(.+))?", self.path)
        if not found:
            return self.say(*passed_on(self.command, self.path, body))
        mine = toxics.setdefault(found[1], {{}})
        if self.command == "POST":
            toxic = json.loads(body)
            mine[toxic["name"]] = toxic
            return self.say(200, json.dumps(toxic).encode())
        if self.command == "DELETE":
            mine.pop(found[2], None)
            return self.say(204, b"")
        return self.say(200, json.dumps(list(mine.values())).encode())

    do_GET = do_POST = do_DELETE = answer

    def say(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

def passed_on(method, path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{{behind}}{{path}}", body or None, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 503, b""

ThreadingHTTPServer(("127.0.0.1", int(port)), Liar).serve_forever()
'''

pytestmark = pytest.mark.integration


class Said(Protocol):
    """How a command ended, and what it printed."""

    code: int
    out: str


class Project(Protocol):
    """The copy of the shipped project that ``tests/conftest.py`` gives."""

    path: Path

    def write(self, name: str, text: str) -> Path: ...
    def edit(self, name: str, old: str, new: str) -> None: ...
    def environment(self, **more: str) -> Mapping[str, str]: ...
    def pytest(self, *words: str, **more: str) -> Said: ...
    def left(self) -> tuple[list[str], list[str]]: ...


@dataclass(frozen=True)
class Told:
    """What a report says: every claim and fault that passed, and outcome and reason of all others."""

    code: int
    passed: list[str]
    others: Mapping[str, tuple[str, str]]
    headline: str


@pytest.fixture
def play(project: Project) -> Callable[..., Told]:
    """Return a function that plays the story of the slow dependency, with shorter windows for what is not going to happen."""
    text = (project.path / STORY).read_text(encoding="utf-8")
    project.write(STORY, text.replace("within: 10s", "within: 5s"))

    def played(**more: str) -> Told:
        for _ in range(TRIES):
            said = project.pytest("--obs-stack", "--obs-report=report", STORY, **more)
            assert project.left() == ([], [])
            if TOO_SLOW not in said.out:
                break
        assert (project.path / "report/scenarios-slow-dependency.xml").exists(), said.out
        judged_elsewhere_alike(project)
        return told(project, said.code)

    return played


def told(project: Project, code: int) -> Told:
    """Read the report of the story."""
    tree = ET.parse(project.path / "report/scenarios-slow-dependency.xml")  # noqa: S314 - our own report
    cases = tree.findall(".//testcase")
    wrong = {
        case.attrib["name"]: (TAGS[sign.tag], stilled(sign.text or "")) for case in cases for sign in case if sign.tag in TAGS
    }
    passed = [case.attrib["name"] for case in cases if case.attrib["name"] not in wrong]
    text = (project.path / "report/scenarios-slow-dependency.txt").read_text(encoding="utf-8")
    return Told(code, passed, wrong, text.partition("\n")[0])


def stilled(words: str) -> str:
    """Return a sentence with what differs from run to run replaced by T (times) and V (values)."""
    return re.sub(r"(above|below) [0-9.e-]+", r"\1 V", re.sub(r"\b\d+m\d\ds\b|\b\d+(\.\d+)?m?s\b", "T", words))


def judged_elsewhere_alike(project: Project) -> None:
    """Let another copy of the package, in another folder, with stack and stories gone, judge the saved journal."""
    elsewhere, own = project.path.parent / "elsewhere", project.path / "report"
    shutil.copytree(PACKAGE, elsewhere / "pytest_obscheck", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(own / "scenarios-slow-dependency.ndjson", elsewhere / "journal.ndjson")
    command = [sys.executable, "-m", "pytest_obscheck", "judge", "journal.ndjson"]
    hidden = project.path.rename(project.path.parent / "hidden")
    try:
        judged = subprocess.run(command, cwd=elsewhere, env=project.environment(), capture_output=True, check=False)
    finally:
        hidden.rename(project.path)

    assert (judged.stdout, judged.stderr) == ((own / "scenarios-slow-dependency.txt").read_bytes(), b"")


def line_of(project: Project, name: str, text: str) -> str:
    """Return a file (below the stack's folder) and the line that begins with a text, as messages write it."""
    before, *after = re.split(rf"(?m)^ *{re.escape(text)}", (project.path / name).read_text(encoding="utf-8"))
    (_,) = after
    number = before.count("\n") + 1
    return f"{name.removeprefix('stack/')}:{number}"


def test_unspoilt_the_story_passes(play: Callable[..., Told]) -> None:
    assert play() == Told(
        0,
        [FAULT, CALM, FIRES, PAGED, UNREADY, RESOLVES, READY],
        {},
        "a slow payment service pages the on-call engineer once: passed",
    )


def test_without_its_route_nobody_is_paged(project: Project, play: Callable[..., Told]) -> None:
    project.edit(ROUTES, ROUTE, "")

    seen = play()

    where = line_of(project, ROUTES, "- routing_key")
    nobody = f"no route leads it to 'on-call', which has pagerduty ({where})"
    assert seen == Told(
        1,
        [FAULT, CALM, FIRES, UNREADY, RESOLVES, READY],
        {PAGED: ("failed", f"Alertmanager routed CheckoutSlow to 'audit', 'slack-critical' only; {nobody}")},
        "a slow payment service pages the on-call engineer once: failed",
    )


def test_with_another_severity_the_alert_takes_another_route(project: Project, play: Callable[..., Told]) -> None:
    severity = "          severity: critical"
    project.edit(RULES, HELD + severity, HELD + severity.replace("severity", "level"))

    seen = play()

    where = line_of(project, ROUTES, "- routing_key")
    nobody = f"no route leads it to 'on-call', which has pagerduty ({where})"
    route = line_of(project, ROUTES, ROUTE.strip())
    asked = f"its route asks for severity=\"critical\" ({route}), and the alert has severity=''"
    assert seen.others == {PAGED: ("failed", f"Alertmanager routed CheckoutSlow to 'audit' only; {nobody}; {asked}")}
    assert seen.passed == [FAULT, CALM, FIRES, UNREADY, RESOLVES, READY]


def test_a_threshold_that_is_never_reached_is_named_with_the_peak_that_was(project: Project, play: Callable[..., Told]) -> None:
    # The last bucket ends at ten seconds: no machine is slow enough.
    project.edit(RULES, "p95_rate1s > 0.5", "p95_rate1s > 20")

    seen = play()

    where = line_of(project, RULES, "- alert: CheckoutSlow")
    why = f"job:checkout_latency_seconds:p95_rate1s never went above V; the rule wants > 20 ({where})"
    assert seen.others == {
        FIRES: ("failed", why),
        PAGED: ("failed", f"{NEVER_GIVEN}: {why}"),
        RESOLVES: ("failed", f"it never fired: {why}"),
    }
    assert seen.passed == [FAULT, CALM, UNREADY, READY]


def test_a_renamed_metric_is_named_with_the_nearest_that_there_is(project: Project, play: Callable[..., Told]) -> None:
    project.edit("stack/service/metrics.py", '"http_request_duration_seconds"', '"http_request_latency_seconds"')

    seen = play()

    where = line_of(project, RULES, "- alert: CheckoutSlow")
    missing = "no series is called 'http_request_duration_seconds_bucket'"
    why = f"{missing}; did you mean 'http_request_latency_seconds_bucket'? ({where})"
    assert seen.others == {
        FIRES: ("failed", why),
        PAGED: ("failed", f"{NEVER_GIVEN}: {why}"),
        RESOLVES: ("failed", f"it never fired: {why}"),
    }
    assert seen.passed == [FAULT, CALM, UNREADY, READY]


def test_a_hold_that_is_too_long_is_told_with_the_time_that_it_was_pending(project: Project, play: Callable[..., Told]) -> None:
    project.edit(RULES, "p95_rate1s > 0.5\n", "p95_rate1s > 0.5\n        for: 5m\n")

    seen = play()

    where = line_of(project, RULES, "- alert: CheckoutSlow")
    assert seen.others == {
        FIRES: ("failed", f"pending from T to T only, needs `for: 5m` ({where})"),
        PAGED: ("failed", f"{NEVER_GIVEN}: CheckoutSlow was pending and no more; it needs `for: 5m` ({where})"),
        RESOLVES: ("failed", "it never fired: it was pending and no more"),
    }
    assert seen.passed == [FAULT, CALM, UNREADY, READY]


def test_a_receiver_without_its_integration_is_found_before_anything_starts(project: Project) -> None:
    project.edit(ROUTES, INTEGRATION, "    webhook_configs:\n      - url: https://elsewhere.shop.example/alerts\n")

    said = project.pytest("--obs-stack", STORY)

    where = line_of(project, STORY, "- notification")
    assert said.code == 1
    assert f"{where}: no receiver of alertmanager.yml uses 'pagerduty'; used are: email, slack, webhook\n" in said.out


def test_an_inhibition_that_swallows_the_page_is_named(project: Project, play: Callable[..., Told]) -> None:
    project.edit(RULES, "      # One failed scrape", NOT_READY)
    project.edit(ROUTES, '[alertname="ServiceDown"]', '[alertname="CheckoutNotReady"]')

    seen = play()

    where = line_of(project, ROUTES, "- source_matchers")
    why = f"Alertmanager inhibited it: CheckoutNotReady mutes it (inhibit_rules, {where})"
    assert seen.others == {PAGED: ("failed", why)}
    assert seen.passed == [FAULT, CALM, FIRES, UNREADY, RESOLVES, READY]


def test_a_silence_that_swallows_the_page_is_named(project: Project, play: Callable[..., Told]) -> None:
    project.edit(STACK, "  payments:\n", SILENCER)
    project.write("stack/silence.py", SILENCE)

    seen = play()

    assert seen.others == {PAGED: ("failed", "a silence mutes it: 'the sale is on' by the shop team")}
    assert seen.passed == [FAULT, CALM, FIRES, UNREADY, RESOLVES, READY]


def void(why: str) -> Mapping[str, tuple[str, str]]:
    """Return what is said of everything when the fault did not work: nothing was proved, whatever was seen."""
    quiet = "job:checkout_latency_seconds:p95_rate1s never went above V; the rule wants > 0.5"
    where = {
        FAULT: why,
        CALM: "passed, inactive",
        FIRES: f"failed, {quiet} (WHERE)",
        PAGED: f"failed, {NEVER_GIVEN}: {quiet} (WHERE)",
        UNREADY: "failed, 200 in T at T: status 200 instead of 503",
        RESOLVES: f"failed, it never fired: {quiet} (WHERE)",
        READY: "passed, 200 in T at T, T after cure of latency (bound T)",
    }
    return {
        claim: ("unknown", words if claim == FAULT else f"the experiment is void; seen was: {words}")
        for claim, words in where.items()
    }


def shown(words: str, known: Mapping[str, str]) -> str:
    """Return words with every known text replaced."""
    for text, instead in known.items():
        words = words.replace(text, instead)
    return words


def assert_void(project: Project, seen: Told, why: str) -> None:
    where = line_of(project, RULES, "- alert: CheckoutSlow")
    known = {f"({where})": "(WHERE)", "p50 T → p50 T": "p50 T"}
    others = {claim: (outcome, shown(words, known)) for claim, (outcome, words) in seen.others.items()}

    assert (seen.code, seen.headline) == (1, "a slow payment service pages the on-call engineer once: unknown")
    assert others == void(why)
    assert seen.passed == []


def test_a_service_that_goes_around_the_proxy_makes_the_experiment_void(project: Project, play: Callable[..., Told]) -> None:
    project.edit(STACK, "http://${payments.address}", "http://${spare.address}")
    project.edit(STACK, "  checkout:\n", SPARE)

    seen = play()

    assert_void(project, seen, "no byte went through the proxy while it held: nobody uses the way to payments")


def test_a_toxic_that_does_nothing_makes_the_experiment_void(
    project: Project, play: Callable[..., Told], obs_program: Callable[[str], Path]
) -> None:
    liar = project.write("bin/toxiproxy-server", LIAR.format(python=sys.executable, real=str(obs_program("toxiproxy-server"))))
    liar.chmod(0o755)

    seen = play(PATH=f"{liar.parent}{os.pathsep}{os.environ['PATH']}")

    assert_void(project, seen, "it did not take hold: p50 T")
