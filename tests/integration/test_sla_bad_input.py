"""What a service level figure cannot be computed from is told in a sentence, and the run is red."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.integration

LOAD = """\
name: {name}
load:
  - locust: {{file: {file}, users: 4}}
    from: 0s
    until: 2s
"""
CLAIM = """\
expect:
  - sla:
      figure: {figure}
      over: 1s
      requests: {requests}
      query: {query}
    always: 1s .. 1500ms
"""
QUERY = 'sum(rate(http_requests_total{endpoint="/checkout"}[1s]))'
CUT = """\
import atexit
import os
import pathlib

from locust import HttpUser, constant, task


class Customer(HttpUser):
    wait_time = constant(0.1)

    @task
    def buy(self):
        self.client.post("/checkout", json={"item": "book", "amount": 12.5})


@atexit.register
def cut():
    log = pathlib.Path(os.environ["OBSCHECK_LOAD"], "requests.csv")
    log.write_text(log.read_text()[: log.stat().st_size // 2] + ",PO")
"""
LOST = """\
faults:
  - sample: {series: http_request_total, drop: true}
    from: 500ms
    until: 1s
"""
UNTOLD = {
    "cut": "the request log of locust is cut short: it ends at ",
    "idle": "no request in the window: no data is not ",
    "lost": "it did not take hold: not altered → no sample matched 'http_request_total'; nearest are: ",
}


def test_what_cannot_be_computed_is_told_in_a_sentence(project: Any) -> None:
    ours, theirs = "../scenarios/loads/checkout.py", "cut.py"
    claim = CLAIM.format(figure="throughput", requests="POST /checkout", query=QUERY)
    nobody = CLAIM.format(figure="availability", requests="GET /nowhere", query="vector(1)")
    project.write("stories/cut.py", CUT)
    project.write("stories/cut.obs.yaml", LOAD.format(name="cut", file=theirs) + claim.replace("1s .. 1500ms", "1s .. 1900ms"))
    project.write("stories/idle.obs.yaml", LOAD.format(name="idle", file=ours) + nobody)
    project.write("stories/lost.obs.yaml", LOAD.format(name="lost", file=ours) + LOST + claim)

    said = project.pytest("--obs-stack", "stories")

    assert (said.code, "Traceback" in said, project.left()) == (1, False, ([], []))
    assert [name for name, words in UNTOLD.items() if words not in said] == [], said.out
