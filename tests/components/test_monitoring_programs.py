from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from pytest_obscheck import derive, registry, toolchain
from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.components.alertmanager import Alertmanager
from pytest_obscheck.components.inbox import Inbox
from pytest_obscheck.components.node_exporter import NodeExporter
from pytest_obscheck.components.prometheus import Prometheus
from pytest_obscheck.errors import LookFailed
from pytest_obscheck.plan import Check
from pytest_obscheck.protocols import Component, Launch, Network, Place

pytestmark = pytest.mark.integration

PROMETHEUS = """\
global:
  scrape_interval: 100ms
  evaluation_interval: 100ms
rule_files: [rules.yml]
alerting:
  alertmanagers:
    - static_configs: [{targets: [am.prod.example:9093]}]
remote_write: [{url: "http://mimir.prod.example/push"}]
scrape_configs:
  - job_name: plain
    basic_auth: {username: u, password_file: /run/secrets/none}
    static_configs: [{targets: [app-1.prod.example:8080]}]
  - job_name: lost
    static_configs: [{targets: [nobody.prod.example:8080]}]
"""
RULES = """\
groups:
  - name: g
    rules:
      - {record: answer, expr: vector(42)}
      - {alert: Fires, expr: app_answer == 42, labels: {severity: critical}}
"""
ALERTMANAGER = """\
global:
  smtp_smarthost: smtp.prod.example:587
  smtp_from: am@prod.example
  smtp_auth_username: am
  smtp_auth_password: hunter2
templates: [none/*.tmpl]
route: {receiver: everyone, group_wait: 0s, group_interval: 100ms}
receivers:
  - name: everyone
    email_configs: [{to: team@prod.example}]
    pagerduty_configs: [{routing_key_file: /run/secrets/pagerduty}]
    slack_configs:
      - api_url_file: /run/secrets/slack
        channel: '#a'
      - api_url: https://hooks.slack.com/services/T/B/x
        channel: '#b'
        http_config: {follow_redirects: true}
    webhook_configs: [{url: 'http://hook.prod.example/a'}]
tracing: {endpoint: otel.prod.example:4317}
"""


def program(name: str) -> str:
    return str(toolchain.find(name).path)


def address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def running(launch: Launch) -> Iterator[subprocess.Popen[bytes]]:
    launch.folder.mkdir(exist_ok=True)
    for name, text in launch.files.items():
        (launch.folder / name).write_text(text, encoding="utf-8")
    first = sys.executable if launch.argv[0] == "python" else program(launch.argv[0])
    with (launch.folder / "log").open("wb") as log:
        process = subprocess.Popen([first, *launch.argv[1:]], cwd=launch.folder, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


@contextmanager
def app() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(b"app_answer 42\n")

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def version() -> str:
    """Return ``3.0.0`` where Prometheus knows the hidden flag of version 3; binaries without a version do not say theirs."""
    told = subprocess.run([program("prometheus"), "--help-long"], capture_output=True, text=True, check=False)
    return "3.0.0" if "web.otlp" in told.stderr + told.stdout or "enable-otlp" in told.stderr + told.stdout else "2.42.0"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name, text in {"prometheus.yml": PROMETHEUS, "rules.yml": RULES, "alertmanager.yml": ALERTMANAGER}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def places(home: Path) -> Callable[[str, Component], Place]:
    sinks = {sink.receiver_key: sink for sink in (registry.find("sinks", name) for name in registry.names("sinks"))}
    network = Network(proxy="http://127.0.0.1:1", smtp="127.0.0.1:1", ca_file=home / "ca.pem", sinks=sinks)

    def made(name: str, component: Component) -> Place:
        addresses = {port: address() for port in component.ports}
        folder = home / "run" / name
        folder.mkdir(parents=True, exist_ok=True)
        return Place(name, folder, home, addresses, network, lambda text: text, derive.Document.open)

    return made


def ready(client: Any) -> bool:
    return until(SystemClock(), client.ready, timeout=20)


def test_working_copies_pass_the_real_tools(home: Path, places: Callable[[str, Component], Place]) -> None:
    prometheus, alertmanager = Prometheus("prometheus.yml"), Alertmanager("alertmanager.yml")

    problems = []
    for name, component in (("prometheus", prometheus), ("alertmanager", alertmanager)):
        launch = component.launch(places(name, component))
        for file, text in launch.files.items():
            (launch.folder / file).write_text(text, encoding="utf-8")
        tool = "amtool" if name == "alertmanager" else "promtool"
        problems += derive.check([Check(tool, launch.folder / f"{name}.yml")], tool_of)
    checked = derive.check(prometheus.facts(places("prometheus", prometheus)).checks, tool_of, home)

    assert (problems, checked) == ([], [])


def tool_of(name: str) -> derive.Tool:
    return derive.Tool(program(name))


@pytest.fixture
def clients(places: Callable[[str, Component], Place]) -> Iterator[dict[str, Any]]:
    """Start inbox, Alertmanager and Prometheus on their working copies, and a target, until all are ready."""
    alertmanager = Alertmanager("alertmanager.yml")
    members: dict[str, Component] = {"inbox": Inbox(), "am": alertmanager, "prom": Prometheus("prometheus.yml")}
    homes = {name: places(name, component) for name, component in members.items()}
    kind = version()
    with ExitStack() as stack:
        network = replace(
            homes["inbox"].network,
            proxy=f"http://{homes['inbox'].addresses['proxy']}",
            smtp=homes["inbox"].addresses["smtp"],
            hosts={
                "app-1.prod.example:8080": stack.enter_context(app()),
                "am.prod.example:9093": homes["am"].addresses["http"],
            },
            routes=alertmanager.facts(homes["am"]).routes,
        )
        made: dict[str, Any] = {}
        for name, component in members.items():
            place = replace(homes[name], network=network, fill=lambda text: text.replace("${prometheus.version}", kind))
            stack.enter_context(running(component.launch(place)))
            made[name] = component.connect(place)
            stack.callback(made[name].close)
            assert ready(made[name]), (place.folder / "log").read_text(encoding="utf-8")
        yield made


def test_an_alert_goes_from_the_scrape_to_every_receiver_through_the_proxy(clients: dict[str, Any]) -> None:
    wanted = {"email": 1, "pagerduty": 1, "slack": 2, "webhook": 1}
    clock = SystemClock()

    def counted() -> dict[str, int]:
        told = clients["inbox"].arrived(0, clock.now())
        return {sink: sum(delivery.sink == sink for delivery in told) for sink in wanted}

    arrived = until(clock, lambda: counted() == wanted, timeout=20)

    assert (arrived, counted()) == (True, wanted)
    assert [alert["labels"] for alert in clients["am"].alerts()] == [
        {"alertname": "Fires", "instance": "app-1.prod.example:8080", "job": "plain", "severity": "critical"}
    ]
    assert clients["am"].silences() == []
    assert clients["am"].status()["cluster"]["status"] == "disabled"


def test_a_real_prometheus_answers_every_look(clients: dict[str, Any]) -> None:
    prom, clock = clients["prom"], SystemClock()
    assert until(clock, prom.ready, 20)

    scraped = until(clock, lambda: bool(prom.query("answer and on () (count_over_time(app_answer[1m]) > 2)", clock.now())), 20)

    now = clock.now()
    labels = {"__name__": "app_answer", "instance": "app-1.prod.example:8080", "job": "plain"}
    assert scraped is True
    assert [series.labels for series in prom.query("app_answer", now)] == [labels]
    assert [series.points[0][1] for series in prom.query("answer", now)] == [42.0]
    assert len(prom.query("app_answer[1m]", now)[0].points) >= 3
    assert len(prom.query_range("app_answer", now - 0.2, now, 0.1)[0].points) >= 2
    assert {target["labels"]["job"]: target["health"] for target in prom.targets()} == {"plain": "up", "lost": "down"}
    assert [rule["name"] for group in prom.rules() for rule in group["rules"]] == ["answer", "Fires"]
    assert "app_answer" in prom.metric_names()
    assert prom.label_names("app_answer") == ["__name__", "instance", "job"]
    assert all(seconds >= 0.0 for seconds in prom.missed().values())
    with pytest.raises(LookFailed, match=r"prom answered the query with 400: .*parse error"):
        prom.query("foo bar", now)


def test_node_exporter_is_ready_once_it_answers(places: Callable[[str, Component], Place]) -> None:
    component = NodeExporter(("--collector.disable-defaults", "--collector.loadavg"))
    place = places("node", component)
    with running(component.launch(place)):
        client = component.connect(place)

        assert ready(client) is True
        assert "node_load1 " in client.http.text("/metrics")
        client.close()
