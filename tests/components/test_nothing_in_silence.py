"""Every field of a configuration is in the working copy byte for byte, or `obscheck render` lists it.

``OBSCHECK_CORPUS`` names a folder whose prometheus/*.yml and alertmanager/*.yml are tried, too.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pytest_obscheck import registry
from pytest_obscheck.components.alertmanager import Alertmanager
from pytest_obscheck.components.prometheus import Prometheus
from pytest_obscheck.derive import Document
from pytest_obscheck.derive.tree import Kind, parse
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Network, Place

PROMETHEUS = """\
global:
  scrape_interval: 15s
  external_labels: {cluster: 0755, on: no, at: 17:00, version: 1.10} # as they are
  query_log_file: /var/log/query.log
scrape_configs:
  - job_name: a
    proxy_url: http://proxy.prod.example:3128
    no_proxy: 10.0.0.0/8
    proxy_from_environment: false
    oauth2:
      client_id: id
      client_secret: hunter2
      token_url: https://login.prod.example/token
      scopes: [a, b]
    tls_config:
      ca_file: ca.pem
      cert_file: cert.pem
      key_file: key.pem
      server_name: a.prod.example
      insecure_skip_verify: false
    kubernetes_sd_configs:
      - role: pod
        bearer_token_file: /run/token
    relabel_configs:
      - {action: labelmap, regex: __meta_kubernetes_pod_label_(.+)}
  - job_name: b
    scheme: https
    basic_auth:
      username: u
      password: hunter2
    http_headers:
      x-tenant: {values: [one], secrets: [hunter2], files: [token]}
    static_configs:
      - targets: ["b.prod.example:443"]
    metric_relabel_configs:
      - {source_labels: [__name__], regex: go_.*, action: drop}
remote_write:
  - url: https://kept.prod.example/write
    sigv4:
      region: eu-west-1
      access_key: hunter2
      secret_key: hunter2
    queue_config: {capacity: 10}
  - url: https://left-out.prod.example/write
    azuread: {cloud: AzurePublic}
alerting:
  alertmanagers:
    - static_configs: [{targets: ["am.prod.example:9093"]}]
      sigv4: {region: eu-west-1}
storage: {tsdb: {out_of_order_time_window: 30m}}
tracing: {endpoint: "tempo.prod.example:4317", insecure: true}
otlp: {promote_resource_attributes: [service.name]}
"""
ALERTMANAGER = """\
global:
  smtp_smarthost: mail.prod.example:587
  smtp_auth_password: hunter2
  slack_api_url_file: /run/slack
  http_config:
    proxy_url: http://proxy.prod.example:3128
    oauth2: {client_id: id, client_secret_file: secret, token_url: https://login.prod.example/token}
route:
  receiver: all
  group_wait: 0755s
receivers:
  - name: all
    slack_configs:
      - channel: "#a"
        http_config:
          authorization: {credentials: hunter2}
          tls_config: {cert_file: c, key_file: k}
          follow_redirects: false
    webhook_configs:
      - url: http://hook.prod.example/x
        max_alerts: 3
    email_configs:
      - to: a@b.example
        auth_password_file: /run/mail
    sns_configs:
      - topic_arn: arn:aws:sns:us-east-2:1:t
        sigv4:
          profile: prod
          role_arn: arn:aws:iam::1:role/x
time_intervals:
  - name: nights
    time_intervals: [{times: [{start_time: 17:00, end_time: 24:00}]}]
tracing:
  endpoint: tempo.prod.example:4317
"""


def place(folder: Path) -> Place:
    def opened(path: Path, variables: dict[str, str] | None = None) -> Document:
        return Document.open(path, path.name, variables)

    found = [registry.find("sinks", name) for name in registry.names("sinks")]
    sinks = {sink.receiver_key: sink for sink in found}
    hosts = {"kept.prod.example:443": "127.0.0.1:3"}
    network = Network("http://127.0.0.1:1", "127.0.0.1:2", Path("/run/ca.pem"), hosts, sinks)
    return Place("p", Path("/run/p"), folder, {"http": "127.0.0.1:1"}, network, lambda _: "3.14.0", opened)


def leaves(text: str) -> Iterator[int]:
    """Yield the line of each value in a text."""
    for node in parse(text).walk():
        if node.kind is Kind.SCALAR and node.text:
            yield node.line


def gone(text: str, copy: str) -> set[int]:
    """Return the lines of a text that a copy does not have as they are."""
    matcher = difflib.SequenceMatcher(None, text.splitlines(), copy.splitlines(), autojunk=False)
    return {line + 1 for what, first, last, _, _ in matcher.get_opcodes() if what != "equal" for line in range(first, last)}


def silent(folder: Path, component: Prometheus | Alertmanager, text: str, facts: Facts) -> set[str]:
    """Return the lines with values that are not in the working copy as they are, and that nothing lists."""
    launch = component.launch(place(folder))
    copy, masked = launch.files[f"{launch.argv[0]}.yml"], facts.files["p.yml"]
    assert masked.count("\n") == text.count("\n")
    listed = gone(masked, copy) | {int(secret.where.partition(":")[2]) for secret in facts.secrets}
    lines = text.splitlines()
    return {lines[line - 1] for line in set(leaves(text)) & gone(text, copy) - listed}


def corpus(kind: str) -> list[Path]:
    folder = os.environ.get("OBSCHECK_CORPUS")
    return sorted(Path(folder, kind).glob("*.y*ml")) if folder else []


def prometheus(folder: Path, text: str) -> tuple[Prometheus, Facts]:
    (folder / "p.yml").write_text(text)
    for name in re.findall(r"(?:first\.rules|single/file\.yml)", text):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("groups: []\n" if name.endswith("rules") else "[]\n")
    jobs = [job for job in yaml.safe_load(text).get("scrape_configs") or () if any("_sd_" in key for key in job)]
    targets: dict[str, Any] = {job["job_name"]: () for job in jobs}
    component = Prometheus("p.yml", targets=targets)
    return component, component.facts(place(folder))


@pytest.mark.parametrize("config", [None, *corpus("prometheus")], ids=lambda path: path.stem if path else "own")
def test_every_field_of_prometheus_is_kept_or_listed(config: Path | None, tmp_path: Path) -> None:
    text = config.read_text() if config else PROMETHEUS
    component, facts = prometheus(tmp_path, text)

    assert silent(tmp_path, component, text, facts) == set()


@pytest.mark.parametrize("config", [None, *corpus("alertmanager")], ids=lambda path: path.stem if path else "own")
def test_every_field_of_alertmanager_is_kept_or_listed(config: Path | None, tmp_path: Path) -> None:
    text = config.read_text() if config else ALERTMANAGER
    (tmp_path / "p.yml").write_text(text)
    component = Alertmanager("p.yml")

    assert silent(tmp_path, component, text, component.facts(place(tmp_path))) == set()


def test_a_secret_that_is_not_listed_would_be_seen(tmp_path: Path) -> None:
    component, facts = prometheus(tmp_path, PROMETHEUS)

    left = silent(tmp_path, component, PROMETHEUS, Facts(files=facts.files))

    # Those of what is taken out are shown as taken out.
    assert left == {"      password: hunter2"}


@pytest.mark.parametrize("config", [None, *corpus("prometheus")], ids=lambda path: path.stem if path else "own")
def test_no_secret_is_in_the_journal_or_in_the_working_copy(config: Path | None, tmp_path: Path) -> None:
    component, facts = prometheus(tmp_path, config.read_text() if config else PROMETHEUS)

    told = f"{facts.files} {component.launch(place(tmp_path)).files}"
    assert re.findall(r"hunter2|mysecret\w*|(?:credentials|password): \W*abcdef|test\w+Key", told) == []
