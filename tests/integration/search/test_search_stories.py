"""Stories about logs, on real search engines: the same claims as on a Loki, and the engine's own query language."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

# Assembling the engines and building Filebeat and Loki takes minutes.
pytestmark = [pytest.mark.integration, pytest.mark.long]

SHIPPER = "shipper: {members: [shop], labels: {env: test}, to: %s, api: elasticsearch}"
FILEBEAT = "filebeat: {config: filebeat.yml, logs: {/var/log/shop/*.log: shop}, depends_on: [%s]}"
OLD_FILEBEAT = FILEBEAT.replace("{config", '{version: "7.12", config')
PROGRAMS = {FILEBEAT: "filebeat", OLD_FILEBEAT: "filebeat@7.12"}
STACK = """components:
  %s: {%s, hosts: [es.shop.example:9200]}
  toxiproxy: {}
  %s
services:
  shop:
    command: [python, -u, shop.py, "${port.http}"]
"""
LOKI = """components:
  loki: {}
  shipper: {members: [shop], labels: {env: test}}
services:
  shop:
    command: [python, -u, shop.py, "${port.http}"]
"""
CONFIG = """filebeat.inputs:
  - type: filestream
    id: shop
    paths: [/var/log/shop/*.log]
    fields: {service_name: shop, env: test}
setup: {ilm.enabled: false, template.enabled: false}
processors: [{add_host_metadata: ~}, {add_cloud_metadata: ~}]
output.elasticsearch:
  hosts: ["https://es.shop.example:9200"]
  username: shipper
  password: hunter2
"""
LINES, BEATS = "index: lines", 'index: "filebeat-*"'
# Else Filebeat takes it for an Elasticsearch of long ago.
AS_ELASTICSEARCH = f'{BEATS}, settings: {{compatibility.override_main_response_version: "true"}}'
# What a Loki is asked in test_log_stories.py, in words that every store understands.
SAME = """name: what the shop says is found
expect:
  - logs: {labels: {service_name: shop, env: test}, level: error}
    eventually: 0s .. 8s
  - logs: {contains: sold, matches: 'number.: [0-9]+', json: {user.id: "~[01]"}, is: "> 3", over: 1s}
    eventually: 0s .. 8s
  - logs: {level: fatal}
    never: 0s .. 8s
  - logs: {contains: sold}
    never: 0s .. 8s
"""
OWN = """  - logs: {query: '{"match_phrase": {"message": "sold"}}'}
    eventually: 0s .. 8s
  - logs: {query: 'message:sold AND %s.env:test'}
    eventually: 0s .. 8s
  - logs: {query: 'message:(sold'}
    never: 0s .. 8s
  - logs: {query: '{"bool": {"must": [{"matchx": {"message": "sold"}}]}}'}
    never: 0s .. 8s
  - logs: {query: '{service_name="shop"} |= "sold"'}
    never: 0s .. 8s
"""


@pytest.fixture
def shop(bare_project: Any, talking_shop: str) -> Any:
    """Return a shop that logs ten lines a second, one of them an error; an engine takes its time on a busy machine."""
    bare_project.write("stack/shop.py", talking_shop)
    bare_project.write("stack/filebeat.yml", CONFIG)
    return replace(bare_project, longest=150.0)


@pytest.mark.parametrize(
    ("name", "agent", "options", "fields"),
    [
        ("opensearch", SHIPPER, LINES, "labels"),
        ("opensearch", OLD_FILEBEAT, AS_ELASTICSEARCH, "fields"),
        ("elasticsearch", SHIPPER, LINES, "labels"),
        ("elasticsearch", FILEBEAT, BEATS, "fields"),
    ],
    ids=["opensearch", "filebeat to opensearch", "elasticsearch", "filebeat to elasticsearch"],
)
def test_lines_are_found_counted_and_missed_as_on_a_loki(
    shop: Any, engine: Any, obs_program: Any, name: str, agent: str, options: str, fields: str
) -> None:
    engine(name)
    if agent in PROGRAMS:
        obs_program(PROGRAMS[agent])
    shop.write("stack/stack.yaml", STACK % (name, options, agent % name))
    shop.write("scenarios/found.obs.yaml", SAME + OWN % fields)

    said = shop.pytest("--obs-stack", "-q")

    assert (said.code, "".join(said.marks)) == (1, "✓✓✓✗✓✓???"), said.out
    wanted = 'refused the query with 400: Failed to parse query [message:(sold]: Encountered "<EOF>" at line 1, column 13'
    assert wanted in said
    assert "unknown query [matchx] did you mean any of [match, match_all]? (line 1, column 31 of the query)" in said
    assert "is no query of a search engine, perhaps LogQL" in said
    assert shop.left() == ([], [])


def test_a_loki_comes_to_the_same_verdicts(shop: Any, obs_program: Callable[[str], Path]) -> None:
    obs_program("loki")
    shop.write("stack/stack.yaml", LOKI)
    shop.write("scenarios/found.obs.yaml", SAME)

    said = shop.pytest("--obs-stack", "-q")

    assert (said.code, "".join(said.marks)) == (1, "✓✓✓✗"), said.out


# It says something from the start, so that the first index is there when the story begins. A line is one write: `print` makes
# two, between which another thread may write its own, and a line that is no JSON is rightly told as lost.
SELLING = """import http.server, json, sys, threading, time

def say(**words):
    sys.stdout.write(json.dumps(words) + "\\n")

def talk():
    while True:
        say(message="open")
        time.sleep(0.1)

threading.Thread(target=talk, daemon=True).start()

class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.headers.get("X-Correlation-ID") or f"{self.client_address[1]}"
        self.send_response(200)
        self.send_header("X-Correlation-ID", found)
        self.end_headers()
        say(message="sold", correlation_id=found)

    def log_message(self, *words):
        pass

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Shop).serve_forever()
"""
BUYING = """from locust import HttpUser, constant, task

class Customer(HttpUser):
    wait_time = constant(0.2)

    @task
    def buy(self):
        self.client.get("/", headers={"Connection": "close"})
"""
# An engine makes its first index in its own time: on a busy machine no line is found for seconds.
CUT = """name: no line is lost for an engine that cannot be reached %s
load:
  - locust: {file: buying.py, users: 2}
    from: 0s
    until: 18s
faults:
  - down: {to: elasticsearch}
    from: 6s
    until: %s
expect:
  - logs: {contains: sold, is: "> 2", over: 1s}
    eventually: 0s .. 6s
  - logs: {contains: sold, is: "== 0", over: 500ms}
    within: 2s
    after: down
  - lost: {signal: logs, service: shop, over: 1s, is: "== 0"}
    always: 5s .. 12s
  - health: {service: filebeat, path: /stats, json: {libbeat.pipeline.events.dropped: 0, libbeat.output.events.dropped: 0}}
    always: 0s .. 12s
"""


@pytest.mark.parametrize(("until", "code", "wanted"), [("8s", 0, "✓✓✓✓"), ("18s", 1, "✓✓✗✓")])
def test_filebeat_loses_nothing_that_it_can_send_later(
    shop: Any, engine: Any, obs_program: Any, until: str, code: int, wanted: str
) -> None:
    engine("elasticsearch")
    obs_program("filebeat")
    shop.write("stack/stack.yaml", STACK % ("elasticsearch", BEATS, FILEBEAT % "elasticsearch"))
    # A cut ends with its story at the latest: what is sent again at once may still come before the last look.
    shop.write("stack/filebeat.yml", CONFIG + ("  backoff.init: 60s\n" if code else ""))
    shop.write("stack/shop.py", SELLING)
    shop.write("scenarios/buying.py", BUYING)
    shop.write("scenarios/cut.obs.yaml", CUT % ("for a while" if code == 0 else "at all", until))

    said = shop.pytest("--obs-stack", "-v")

    assert (said.code, "".join(said.marks)[1:]) == (code, wanted), said.out
    lost = re.search(r"\b[1-9]\d* of \d+ requests in the 1s before \S+ left no line of shop", said.out)
    assert bool(lost) is bool(code), said.out
    assert shop.left() == ([], [])
