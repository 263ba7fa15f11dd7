"""Stories about logs, on a real OpenSearch: the same claims as on a Loki, and the store's own query language."""

from __future__ import annotations

import shutil
from typing import Any

import pytest

# There is no package of it: whoever has one puts its program `opensearch` on PATH.
pytestmark = [pytest.mark.integration, pytest.mark.long]

STACK = """components:
  opensearch: {index: lines}
  shipper: {members: [shop], labels: {env: test}, to: opensearch, api: elasticsearch}
services:
  shop:
    command: [python, -u, shop.py, "${port.http}"]
"""
FOUND = """name: what the shop says is found
expect:
  - logs: {labels: {service_name: shop, env: test}, level: error}
    eventually: 0s .. 8s
  - logs: {query: '{"match_phrase": {"message": "sold"}}'}
    eventually: 0s .. 8s
  - logs: {query: 'message:sold AND labels.env:test'}
    eventually: 0s .. 8s
  - logs: {contains: sold, matches: 'number.: [0-9]+', json: {user.id: "~[01]"}, is: "> 3", over: 1s}
    eventually: 0s .. 8s
  - logs: {level: fatal}
    never: 0s .. 8s
  - logs: {contains: sold}
    never: 0s .. 8s
  - logs: {query: 'message:(sold'}
    never: 0s .. 8s
  - logs: {query: '{service_name="shop"} |= "sold"'}
    never: 0s .. 8s
"""


def test_lines_are_found_counted_and_missed_on_opensearch(bare_project: Any, talking_shop: str) -> None:
    if not shutil.which("opensearch"):
        pytest.skip("opensearch: not found on PATH; unpack a release of OpenSearch, and put its bin there")
    bare_project.write("stack/stack.yaml", STACK)
    bare_project.write("stack/shop.py", talking_shop)
    bare_project.write("scenarios/found.obs.yaml", FOUND)

    said = bare_project.pytest("--obs-stack", "-q")

    assert (said.code, said.marks) == (1, ["✓", "✓", "✓", "✓", "✓", "✗", "?", "?"]), said.out
    assert "refused the query with 400: Failed to parse query [message:(sold]" in said
    assert "is no query of a search engine, perhaps LogQL" in said
    assert bare_project.left() == ([], [])
