"""Stories that name a stack of their own, really played."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytestmark = pytest.mark.integration

STACK = """services:
  {0}:
    command: [python, -m, http.server, --bind, 127.0.0.1, "${{port.http}}"]
"""
STORY = "expect:\n  - health: {{service: {0}, path: /, status: 200}}\n    eventually: 0s .. 200ms\n"
RUNNING = """
from pathlib import Path


def pytest_runtest_logstart(nodeid):
    runs = sorted(path.name for path in Path({temp!r}).glob("obscheck-run-*"))
    print(f"before {{nodeid}}: {{len(runs)}} running")
"""


@pytest.fixture
def shops(bare_project: Any) -> Any:
    """Return a project with two stacks, each a web server of Python's own, and stories on both in mixed order."""
    bare_project.write("stack/stack.yaml", STACK.format("web"))
    bare_project.write("stack/other.yaml", STACK.format("docs"))
    bare_project.write("a.obs.yaml", STORY.format("web"))
    bare_project.write("b.obs.yaml", "stack: stack/other.yaml\n" + STORY.format("docs"))
    bare_project.write("c.obs.yaml", STORY.format("web"))
    bare_project.write(
        "test_d.py",
        "import pytest\nfrom pytest_obscheck import Health, eventually\n\n\n"
        "@pytest.mark.obs_stack('stack/other.yaml')\ndef test_d(scenario, obs_stack):\n"
        "    assert list(obs_stack.plan.members) == ['inbox', 'docs']\n"
        "    scenario.expect(Health('docs', '/', status=200), eventually('0s', '200ms'))\n    scenario.run()\n",
    )
    bare_project.write("conftest.py", RUNNING.format(temp=str(bare_project.temp)))
    return bare_project


def test_each_stack_runs_from_its_first_story_to_its_last(shops: Any) -> None:
    said = shops.pytest("--obs-stack", "-q", "-s", "a.obs.yaml", "b.obs.yaml", "c.obs.yaml", "test_d.py")

    assert "4 passed" in said
    assert re.findall(r"before (\S+): (\d) running", said.out) == [
        ("a.obs.yaml::a", "0"),
        ("c.obs.yaml::c", "1"),
        ("b.obs.yaml::b", "0"),
        ("test_d.py::test_d", "1"),
    ]
    assert shops.left() == ([], [])
