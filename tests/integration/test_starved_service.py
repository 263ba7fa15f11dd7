"""A service that gets no processor is told from one that is slow: both beside the same busy neighbours."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="on the only processor the harness would starve, too"),
]

NEIGHBOURS = 3
BUSY = (
    "import os, time\nos.sched_setaffinity(0, {{{processor}}})\nend = time.monotonic() + 60\nwhile time.monotonic() < end: pass"
)
# One thread of a pool does all the work: it is not the one that has waited longest, which imported everything.
SERVICE = """
import http.server, os, sys, time
from concurrent.futures import ThreadPoolExecutor

os.sched_setaffinity(0, {int(sys.argv[1])})
pool = ThreadPoolExecutor(1)

def compute():
    end = time.thread_time() + 0.1
    while time.thread_time() < end: pass

work = {"computes": compute, "sleeps": lambda: time.sleep(0.4)}[sys.argv[2]]

class Work(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/ready":
            pool.submit(work).result()
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass

http.server.HTTPServer(("127.0.0.1", int(sys.argv[3])), Work).serve_forever()
"""
STACK = """
services:
  api:
    command: [python, service.py, "{processor}", {kind}, "${{port.http}}"]
    ready: /ready
"""
STORY = """
expect:
  - health: {service: api, path: /, status: 204, faster: 250ms}
    always: 0s .. 1500ms
"""


@pytest.fixture
def processor() -> Iterator[int]:
    """Return a processor that neighbours keep busy."""
    last = max(os.sched_getaffinity(0))
    # Where the kernel shares processors among sessions first, those of one session would count as one neighbour.
    command = [sys.executable, "-c", BUSY.format(processor=last)]
    neighbours = [subprocess.Popen(command, start_new_session=True) for _ in range(NEIGHBOURS)]
    yield last
    for each in neighbours:
        each.kill()
        each.wait()


def told(project: Any, processor: int, kind: str) -> str:
    """Return what is said of a story about such a service."""
    project.write("stack/service.py", SERVICE)
    project.write("stack/stack.yaml", STACK.format(processor=processor, kind=kind))
    project.write("a.obs.yaml", STORY)
    return str(project.pytest("--obs-stack", "-q", "a.obs.yaml").out)


def test_a_service_that_stands_in_line_is_unknown_and_one_that_sleeps_is_slow(bare_project: Any, processor: int) -> None:
    starved, asleep = (told(bare_project, processor, kind) for kind in ("computes", "sleeps"))

    assert "the machine was too slow: api stood in line for a processor for " in starved
    assert "  ? api / answers 204" in starved
    assert "  ✗ api / answers 204" in asleep
    assert "the machine was too slow" not in asleep
