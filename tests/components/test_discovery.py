from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.components.prometheus import Prometheus
from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.protocols import Network, Place

PODS = """\
scrape_configs:
  - job_name: pods
    kubernetes_sd_configs: [{role: pod}] # all of them
    relabel_configs:
      - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
"""
LIKE = "[{targets: ['10.0.0.1:8080'], labels: {__meta_kubernetes_namespace: shop}}]"


def place(home: Path, hosts: dict[str, str] | None = None) -> Place:
    network = Network(proxy="http://127.0.0.1:20000", ca_file=Path("/run/ca.pem"), hosts=hosts or {})
    addresses = {"http": "127.0.0.1:20001"}
    return Place("prometheus", Path("/run/p"), home, addresses, network, lambda text: text, Document.open)


def written(home: Path, **files: str) -> Path:
    for name, text in files.items():
        (home / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return home


def problems(home: Path, **settings: Any) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        Prometheus("p.yml", **settings).facts(place(home))
    return str(caught.value).splitlines()


def test_a_discovery_becomes_a_file_of_targets_and_relabelling_stays(tmp_path: Path) -> None:
    groups = ({"targets": ("10.0.0.1:8080",), "labels": {"__meta_kubernetes_namespace": "shop"}},)

    launch = Prometheus("p.yml", targets={"pods": groups}).launch(place(written(tmp_path, p_yml=PODS)))

    assert launch.files["prometheus.yml"] == PODS.replace("    kubernetes_sd_configs: [{role: pod}] # all of them\n", "") + (
        '    proxy_url: "http://127.0.0.1:20000"\n    file_sd_configs: [{"files": ["/run/p/prometheus.targets.0.json"]}]\n'
    )
    assert json.loads(launch.files["prometheus.targets.0.json"]) == [
        {"targets": ["10.0.0.1:8080"], "labels": {"__meta_kubernetes_namespace": "shop"}}
    ]


def test_targets_of_a_file_keep_their_text(tmp_path: Path) -> None:
    targets = "pods:\n  - targets: [10.0.0.1:8080]\n    labels: {version: 1.10, on: no, ready: true}\n"
    home = written(tmp_path, p_yml=PODS, targets_yaml=targets)

    launch = Prometheus("p.yml", targets="targets.yaml").launch(place(home))

    (group,) = json.loads(launch.files["prometheus.targets.0.json"])
    assert group["labels"] == {"version": "1.10", "on": "no", "ready": "true"}


def test_targets_that_are_found_are_known_where_no_relabelling_renames_them(tmp_path: Path) -> None:
    known = Prometheus("p.yml", targets={"pods": ({"targets": ("a:1",)},)})
    assert known.facts(place(written(tmp_path, p_yml=PODS))).scraped == ("a:1",)

    renamed = PODS.replace("target_label: namespace", "target_label: instance")
    assert known.facts(place(written(tmp_path, p_yml=renamed))).scraped == ()


def test_a_discovery_without_targets_is_named_with_what_to_write(tmp_path: Path) -> None:
    right = f"say in stack.yaml what it finds, under targets, as pods: {LIKE}, or [] for nothing"

    assert problems(written(tmp_path, p_yml=PODS)) == [
        f"p.yml:3: job 'pods' finds its targets by kubernetes_sd_configs; {right}"
    ]


def test_targets_for_a_job_that_is_not_there_or_finds_none_are_named(tmp_path: Path) -> None:
    home = written(tmp_path, p_yml=PODS + "  - job_name: own\n    static_configs: []\n")

    assert problems(home, targets={"pod": (), "pods": (), "own": ()}) == [
        "prometheus: targets: there is no job 'pod'; did you mean 'pods'?",
        "prometheus: targets: job 'own' lists its targets itself, and discovers none; leave it out here",
    ]


def test_target_groups_of_another_shape_are_named_with_their_line(tmp_path: Path) -> None:
    targets = """\
# captured
pods:
  - {target: [a:1], labels: {}}
  - {targets: [b:1, b:1], labels: {x: y}}
  - targets: [c:1]
    labels: [x]
"""
    assert problems(written(tmp_path, p_yml=PODS, t_yaml=targets), targets="t.yaml") == [
        "t.yaml:3: job 'pods': a target group has no field 'target'; did you mean 'targets'?",
        f"t.yaml:3: job 'pods': a target group needs a list of targets; write it like {LIKE}",
        "t.yaml:4: job 'pods' has the target 'b:1' twice with the same labels; keep one of them",
        f"t.yaml:5: job 'pods': the labels of a target group are no mapping; write it like {LIKE}",
    ]


def test_generated_files_of_targets_need_not_be_here_when_their_targets_are_given(tmp_path: Path) -> None:
    config = "scrape_configs:\n  - job_name: a\n    file_sd_configs: [{files: [generated.json]}]\n"
    home = written(tmp_path, p_yml=config)

    launch = Prometheus("p.yml", targets={"a": ({"targets": ("a:1",)},)}).launch(place(home))

    assert '"/run/p/prometheus.targets.0.json"' in launch.files["prometheus.yml"]
    assert problems(home) == ["p.yml:3: there is no file 'generated.json'"]


def test_alertmanagers_that_are_discovered_come_from_the_stack_file(tmp_path: Path) -> None:
    config = "alerting:\n  alertmanagers:\n    - dns_sd_configs: [{names: [am]}]\n"
    home = written(tmp_path, p_yml=config)

    launch = Prometheus("p.yml", alertmanagers=({"targets": ("am-0:9093",)},)).launch(place(home))

    assert "dns_sd" not in launch.files["prometheus.yml"]
    assert '"am-0:9093"' in launch.files["prometheus.targets.0.json"]


@pytest.mark.parametrize(
    "scheme",
    ["scheme: https", "relabel_configs: [{target_label: __scheme__, replacement: https}]"],
)
def test_what_may_be_https_trusts_the_authority_of_the_run(scheme: str, tmp_path: Path) -> None:
    config = f"scrape_configs:\n  - job_name: a\n    {scheme}\n    static_configs: [{{targets: [a:1]}}]\n"

    launch = Prometheus("p.yml").launch(place(written(tmp_path, p_yml=config)))

    assert 'tls_config: {"ca_file": "/run/ca.pem"}' in launch.files["prometheus.yml"]


REMOTE = """\
remote_write:
  - {url: "https://mimir.example/push", basic_auth: {username: a, password: b}}
  - {url: "http://gone.example:80/push"}
remote_read: [{url: "http://mimir.example/read"}]
tracing: {endpoint: "tempo.example:4317", tls_config: {cert_file: c.pem}}
"""


def test_stores_that_the_stack_has_are_kept_and_the_others_left_out(tmp_path: Path) -> None:
    home = written(tmp_path, p_yml=REMOTE)
    hosts = {"mimir.example:443": "127.0.0.1:3", "tempo.example:4317": "127.0.0.1:4"}

    launch = Prometheus("p.yml").launch(place(home, hosts))

    assert (
        launch.files["prometheus.yml"]
        == """\
remote_write:
  - {url: "https://mimir.example/push", basic_auth: {username: a, password: "<secret>"}, \
proxy_url: "http://127.0.0.1:20000", tls_config: {"ca_file": "/run/ca.pem"}}
tracing: {endpoint: "127.0.0.1:4", insecure: true}
"""
    )
    assert Prometheus("p.yml").launch(place(home)).files["prometheus.yml"] == "{}\n"


def test_an_agent_keeps_its_log_elsewhere_and_answers_no_promql(tmp_path: Path) -> None:
    home = written(tmp_path, p_yml="scrape_configs: []\n")
    agent = Prometheus("p.yml", args=("--agent",))

    assert "--storage.agent.path=/run/p/data" in agent.launch(place(home)).argv
    assert not hasattr(agent.connect(place(home)), "query")
    assert hasattr(Prometheus("p.yml").connect(replace(place(home))), "query")
