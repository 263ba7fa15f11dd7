"""A stack by hand, on the real programs."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.integration


def until_it_says(run: subprocess.Popen[str], words: str) -> str:
    """Return everything that a command printed up to a line that holds the words."""
    assert run.stdout
    said = ""
    for line in run.stdout:
        said += line
        if words in line:
            return said
    pytest.fail(f"it ended without {words!r}:\n{said}")


def test_up_prints_a_table_of_addresses_and_ends_all_at_ctrl_c(project: Any) -> None:
    with project.start("pytest_obscheck", "up", "--follow", "prometheus") as run:
        said = until_it_says(run, "Ctrl-C ends it all.")
        address = re.search(r"^prometheus +http=(\S+)$", said, re.MULTILINE)
        assert address
        answer = httpx.get(f"{address[1]}/api/v1/targets", trust_env=False).json()
        pools = {target["scrapePool"] for target in answer["data"]["activeTargets"]}
        followed = until_it_says(run, 'msg="Starting Prometheus Server"')
        os.kill(run.pid, signal.SIGINT)
        rest = run.communicate(timeout=20)[0]

    assert pools == {"checkout", "payments", "node"}
    assert re.search(r"^checkout +http=http://127\.0\.0\.1:\d+ +checkout-1\.shop\.example:8080$", said, re.MULTILINE)
    assert {line.partition(": ")[0] for line in followed.splitlines()} == {"prometheus"}
    assert (run.returncode, rest.splitlines()[-1]) == (0, "ending …")
    assert project.left() == ([], [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_ends_all_when_it_is_told_to_end_in_the_background(project: Any, number: signal.Signals) -> None:
    # A shell lets what it starts in the background ignore Ctrl-C, and processes inherit that.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        run = project.start("pytest_obscheck", "up")
    finally:
        signal.signal(signal.SIGINT, before)
    with run:
        until_it_says(run, "Ctrl-C ends it all.")
        os.kill(run.pid, number)
        rest = run.communicate(timeout=20)[0]

    assert (run.returncode, rest.splitlines()[-1]) == (0, "ending …")
    assert project.left() == ([], [])


def test_up_tells_in_a_sentence_what_dies_at_start(project: Any) -> None:
    project.edit("stack/stack.yaml", "config: prometheus/prometheus.yml", "config: prometheus/prometheus.yml\n    args: [--no]")
    said = project.obscheck("up")

    assert (said.code, said.out.splitlines()[0]) == (2, "prometheus: it ended at start (exit code 1); its last lines:")
    assert ("Traceback" in said, project.left()) == (False, ([], []))


def test_render_shows_what_differs_and_no_secret(project: Any) -> None:
    said = project.obscheck("render")
    added = [line[1:].strip() for line in said.out.splitlines() if re.match(r"\+[^+]", line)]
    taken = [line[1:].strip() for line in said.out.splitlines() if re.match(r"-[^-]", line)]

    assert said.code == 0
    differ = ["- rules/*.yml", "smtp_smarthost: smtp.shop.example:587", '- routing_key: "<secret>"']
    assert (taken, len(added)) == (differ, 9)
    assert sum(line.startswith('proxy_url: "http://127.0.0.1:') for line in added) == 4
    assert [secret for secret in ("the-routing-key", "the-webhook", "T0000") if secret in said] == []
    assert project.left() == ([], [])
