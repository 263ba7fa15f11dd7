"""A collector's working copy: receivers listen where the harness says, exporters lead to members, and nothing leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_obscheck.components.collector import Collector
from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.protocols import Network, Place

CONFIG = """\
extensions:
  health_check/v1: {endpoint: 0.0.0.0:13133}
  zpages: {}
  basicauth: {client_auth: {username: u, password: hunter2}}
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "0.0.0.0:4317", tls: {cert_file: c.pem}}
      http:
processors:
  batch: {timeout: 0755ms} # odd, but theirs
exporters:
  otlphttp/traces:
    endpoint: https://tempo.prod.example/otlp
    auth: {authenticator: basicauth}
    sending_queue: {queue_size: 10}
  otlp_grpc: {endpoint: "jaeger.prod.example:4317", headers: {x-key: hunter2}}
  otlp/env: {endpoint: "${env:TEMPO}"}
  otlphttp/elsewhere: {endpoint: "https://api.vendor.example/otlp"}
  debug:
service:
  extensions: [zpages, basicauth, health_check/v1]
  telemetry: {metrics: {address: 0.0.0.0:8888}}
  pipelines:
    traces: {receivers: [otlp], processors: [batch], exporters: [otlphttp/traces, otlp_grpc, otlp/env, otlphttp/elsewhere]}
    metrics: {receivers: [otlp], exporters: [otlphttp/elsewhere]}
    logs: {receivers: [otlp], exporters: [debug]}
"""
HOSTS = {"tempo.prod.example:443": "127.0.0.1:7", "jaeger.prod.example:4317": "127.0.0.1:8"}
ADDRESSES = {"otlp": "127.0.0.1:1", "otlp_grpc": "127.0.0.1:2", "metrics": "127.0.0.1:3", "health": "127.0.0.1:4"}


def a_place(home: Path, config: str = CONFIG, **network: Any) -> Place:
    (home / "collector.yaml").write_text(config, encoding="utf-8")
    network = {"hosts": HOSTS, "edges": {"collector→jaeger": ("127.0.0.1:9", "127.0.0.1:8")}, **network}

    def fill(text: str) -> str:
        return text.replace("${tempo.otlp_grpc}", "127.0.0.1:7")

    def opened(path: Path) -> Any:
        return Document.open(path, path.name)

    return Place("collector", Path("/run/collector"), home, ADDRESSES, Network(**network), fill, opened)


def launched(place: Place) -> tuple[str, dict[str, Any]]:
    launch = Collector("collector.yaml", {"TEMPO": "${tempo.otlp_grpc}"}).launch(place)
    assert (launch.argv, launch.environment) == (
        ("collector", "--config=/run/collector/collector.yaml"),
        {"TEMPO": "127.0.0.1:7"},
    )
    assert launch.originals == {"collector.yaml": "collector.yaml"}
    text = launch.files["collector.yaml"]
    return text, yaml.safe_load(text)


def test_receivers_listen_where_the_harness_says_and_only_there(tmp_path: Path) -> None:
    text, value = launched(a_place(tmp_path))

    grpc, http = ({"endpoint": address} for address in ("127.0.0.1:2", "127.0.0.1:1"))
    assert value["receivers"] == {"otlp": {"protocols": {"grpc": grpc, "http": http}}}
    assert value["extensions"] == {"health_check/v1": {"endpoint": "127.0.0.1:4"}}
    assert value["service"]["extensions"] == ["health_check/v1"]
    reader = {"pull": {"exporter": {"prometheus": {"host": "127.0.0.1", "port": 3}}}}
    assert value["service"]["telemetry"] == {"logs": {"level": "warn"}, "metrics": {"level": "detailed", "readers": [reader]}}
    assert "batch: {timeout: 0755ms} # odd, but theirs" in text
    assert "0.0.0.0" not in text  # noqa: S104


def test_exporters_lead_to_members_through_the_edge_where_there_is_one_and_else_nowhere(tmp_path: Path) -> None:
    text, value = launched(a_place(tmp_path))

    plain = {"insecure": True}
    assert value["exporters"] == {
        "otlphttp/traces": {"endpoint": "http://127.0.0.1:7/otlp", "sending_queue": {"queue_size": 10}},
        "otlp_grpc": {"endpoint": "127.0.0.1:9", "tls": plain},
        "otlp/env": {"endpoint": "127.0.0.1:7", "tls": plain},
        "debug": None,
    }
    pipelines = {name: each["exporters"] for name, each in value["service"]["pipelines"].items()}
    assert pipelines == {"traces": ["otlphttp/traces", "otlp_grpc", "otlp/env"], "logs": ["debug"]}
    assert "hunter2" not in text


def test_a_configuration_that_leads_to_no_member_is_refused(tmp_path: Path) -> None:
    config = CONFIG.replace("[debug]", "[otlphttp/elsewhere]")
    place = a_place(tmp_path, config, hosts={}, edges={})

    with pytest.raises(ConfigError) as raised:
        Collector("collector.yaml").launch(place)

    assert str(raised.value) == (
        "collector.yaml:12: no exporter leads to a member of the stack; "
        "give a member the production name of one: hosts: {tempo.example:4317: otlp_grpc}"
    )


def test_everything_that_can_have_no_place_here_is_named_at_once(tmp_path: Path) -> None:
    config = "receivers:\n  otlp: {protocols: {grpc: }}\n  otlp/2: {protocols: {grpc: }}\n  zipkin: {}\nservice: {}\n"

    with pytest.raises(ConfigError) as raised:
        Collector("collector.yaml").facts(a_place(tmp_path, config))

    assert str(raised.value).splitlines() == [
        "collector.yaml:4: the receiver 'zipkin' would listen where nobody is; only otlp is led here; take it out",
        "collector.yaml:3: 'otlp/2' is a second otlp receiver; let pipelines take 'otlp'",
        "collector.yaml:5: there is no pipeline; write service: {pipelines: {traces: …}}",
    ]


def test_a_whole_configuration_is_read_without_its_secrets(tmp_path: Path) -> None:
    facts = Collector("collector.yaml").facts(a_place(tmp_path))

    assert list(facts.files) == ["collector.yaml"]
    assert "password: hunter2" not in facts.files["collector.yaml"]
