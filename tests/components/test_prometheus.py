from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_obscheck.components.prometheus import Prometheus
from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.plan import AlertRule
from pytest_obscheck.protocols import Network, Place

CONFIG = """\
global:
  scrape_interval: 15s
  external_labels: {replica: 0755}   # odd, but theirs
  query_log_file: /var/log/prometheus/query.log

rule_files:
  - rules/*.yml
  - none/*.yml
  - /etc/prometheus/mounted.yml

remote_write:
  - url: https://mimir.prod.example/push
    basic_auth: {username: u, password: hunter2}

alerting:
  alertmanagers:
    - static_configs:
        - targets: [alertmanager.prod.example:9093]

scrape_configs:
  - job_name: api
    basic_auth:
      username: scraper
      password: hunter2
    proxy_from_environment: true
    static_configs:
      - targets: [api-1.prod.example:8080, "api-2.prod.example:8080"]
        labels: {password: no secret}

  - job_name: files
    scheme: https
    authorization: {credentials_file: /run/secrets/token}
    tls_config: {cert_file: c.pem, key_file: k.pem, min_version: TLS12}
    file_sd_configs:
      - files: [targets/*.json]

scrape_config_files: [more.yml]
"""
RULES = """\
groups:
  - name: api
    interval: 30s
    labels: {team: shop, tier: 1}
    rules:
      - record: job:errors:ratio
        expr: |
          sum(rate(errors_total[5m]))
      - alert: HighErrorRate
        expr: job:errors:ratio > 0.05
        for: 5m
        labels: {severity: critical, version: 1.10, on: yes, tier: 2}
        annotations:
          summary: "{{ $value }}"
  - name: slow
    rules:
      - alert: Slow
        expr: 1
"""


def home(folder: Path, **files: str) -> Path:
    texts = {
        "prometheus/prometheus.yml": CONFIG,
        "prometheus/rules/api.yml": RULES,
        "prometheus/more.yml": "scrape_configs:\n  - job_name: more\n    static_configs: [{targets: [more:1]}]\n",
        "prometheus/targets/a.json": '[{"targets": ["file-1:9100"], "labels": {"a": "b"}}]',
        "mounted/mounted.yml": "groups: []\n",
    }
    for name, text in {**texts, **files}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def place(folder: Path, version: str = "3.14.0") -> Place:
    network = Network(proxy="http://127.0.0.1:20000", ca_file=Path("/run/ca.pem"))
    return Place(
        name="prometheus",
        folder=Path("/run/prometheus"),
        home=folder,
        addresses={"http": "127.0.0.1:20001"},
        network=network,
        fill=lambda text: text.replace("${prometheus.version}", version),
        open=Document.open,
        mounts={"/etc/prometheus": str(folder / "mounted")},
    )


def test_alerts_are_read_with_their_line_their_interval_and_their_labels_as_written(tmp_path: Path) -> None:
    facts = Prometheus("prometheus/prometheus.yml").facts(place(home(tmp_path)))

    labels = {"team": "shop", "tier": "2", "severity": "critical", "version": "1.10", "on": "yes"}
    assert facts.alerts == (
        AlertRule(
            "HighErrorRate", "job:errors:ratio > 0.05", "5m", labels, {"summary": "{{ $value }}"}, "api", "30s",
            "prometheus/rules/api.yml:9", "prometheus",
        ),
        AlertRule("Slow", "1", "0s", {}, {}, "slow", "1m", "prometheus/rules/api.yml:17", "prometheus"),
    )  # fmt: skip


def test_rules_of_lokis_are_named_where_a_prometheus_is_to_load_them(tmp_path: Path) -> None:
    logql = 'groups:\n  - name: g\n    rules:\n      - alert: A\n        expr: rate({a="b"} | json [1m]) > 1\n'

    with pytest.raises(ConfigError) as raised:
        Prometheus("prometheus/prometheus.yml").facts(place(home(tmp_path, **{"prometheus/rules/api.yml": logql})))

    told = "this is LogQL, which Loki's ruler evaluates and no Prometheus reads; name the file under `rules:` of a loki"
    assert str(raised.value) == f"prometheus/rules/api.yml:5: {told} in stack.yaml"


def test_recordings_targets_files_and_what_to_check_are_read(tmp_path: Path) -> None:
    facts = Prometheus("prometheus/prometheus.yml").facts(place(home(tmp_path)))

    assert facts.recordings == {"job:errors:ratio": "sum(rate(errors_total[5m]))"}
    assert facts.scraped == ("api-1.prod.example:8080", "api-2.prod.example:8080", "file-1:9100", "more:1")
    assert list(facts.files) == [
        "prometheus/prometheus.yml", "prometheus/more.yml", "prometheus/rules/api.yml", "mounted/mounted.yml",
        "prometheus/targets/a.json",
    ]  # fmt: skip
    names = ("prometheus/prometheus.yml", "prometheus/more.yml", "prometheus/rules/api.yml", "mounted/mounted.yml")
    assert [(each.tool, each.path) for each in facts.checks] == [("promtool", tmp_path / name) for name in names]


def test_the_journal_gets_no_password_and_otherwise_the_users_text(tmp_path: Path) -> None:
    facts = Prometheus("prometheus/prometheus.yml").facts(place(home(tmp_path)))

    assert facts.files["prometheus/prometheus.yml"] == CONFIG.replace("hunter2", '"<secret>"')


def test_every_problem_is_named_with_its_line(tmp_path: Path) -> None:
    config = """\
rule_files: [none.yml, /srv/rules/x.yml, rules/broken.yml]
scrape_configs:
  - job_name: pods
    kubernetes_sd_configs: [{role: pod}]
  - job_name: web
    http_sd_configs: []
alerting:
  alertmanagers:
    - dns_sd_configs: [{names: [am]}]
"""
    folder = home(tmp_path, **{"p.yml": config, "rules/broken.yml": "groups: [\n"})

    with pytest.raises(ConfigError) as caught:
        Prometheus("p.yml").facts(place(folder))

    right = "say in stack.yaml what it finds, under"
    like = "[{targets: ['10.0.0.1:8080'], labels: {__meta_kubernetes_namespace: shop}}], or [] for nothing"
    assert str(caught.value).splitlines() == [
        f"p.yml:4: job 'pods' finds its targets by kubernetes_sd_configs; {right} targets, as pods: {like}",
        f"p.yml:9: an alertmanager finds its targets by dns_sd_configs; {right} alertmanagers: {like}",
        "p.yml:1: there is no file 'none.yml'",
        "p.yml:1: there is no file '/srv/rules/x.yml'; say in stack.yaml under mounts: where that folder is",
        f"{folder}/rules/broken.yml:2: not YAML: while parsing a flow node, did not find expected node content",
    ]


def test_the_longest_mount_wins(tmp_path: Path) -> None:
    folder = home(tmp_path, **{"p.yml": "rule_files: [/etc/prometheus/rules/a.yml, /etc/prometheus2/b.yml]\n"})
    mounts = {"/etc/prometheus": f"{folder}/x", "/etc/prometheus/rules": f"{folder}/y"}

    launch = Prometheus("p.yml").launch(replace(place(folder), mounts=mounts))

    assert launch.files["prometheus.yml"] == f'rule_files: ["{folder}/y/a.yml", "/etc/prometheus2/b.yml"]\n'


@pytest.mark.parametrize("text", ["", "- a\n", "scrape_configs: 5\nglobal:\nrule_files: {a: b}\nalerting: []\n"])
def test_a_configuration_of_a_strange_shape_is_left_to_promtool(text: str, tmp_path: Path) -> None:
    folder = home(tmp_path, **{"p.yml": text})

    facts = Prometheus("p.yml").facts(place(folder))

    assert (facts.alerts, facts.scraped, facts.files) == ((), (), {"p.yml": text})


def test_a_small_heap_is_seldom_collected_unless_the_user_says_otherwise(tmp_path: Path) -> None:
    made, config = place(home(tmp_path)), "prometheus/prometheus.yml"

    launches = [Prometheus(config, variables=each).launch(made) for each in ({}, {"GOGC": "50"})]

    assert [launch.environment["GOGC"] for launch in launches] == ["400", "50"]


def test_the_working_copy_differs_only_where_it_must(tmp_path: Path) -> None:
    launch = Prometheus("prometheus/prometheus.yml").launch(place(home(tmp_path)))

    here = f"{tmp_path}/prometheus"
    expected = (
        CONFIG.replace("/var/log/prometheus/query.log", '"query.log"')
        .replace("  - rules/*.yml", f'  - "{here}/rules/*.yml"')
        .replace("  - none/*.yml", f'  - "{here}/none/*.yml"')
        .replace("  - /etc/prometheus/mounted.yml", f'  - "{tmp_path}/mounted/mounted.yml"')
        .replace(CONFIG[CONFIG.index("remote_write") : CONFIG.index("alerting")], "\n")
        .replace("9093]\n", '9093]\n      proxy_url: "http://127.0.0.1:20000"\n')
        .replace("hunter2", '"<secret>"')
        .replace("    proxy_from_environment: true\n", "")
        .replace("no secret}\n", 'no secret}\n    proxy_url: "http://127.0.0.1:20000"\n')
        .replace("/run/secrets/token", '"/run/prometheus/prometheus.credentials_file.1"')
        .replace("{cert_file: c.pem, key_file: k.pem, min_version: TLS12}", '{min_version: TLS12, ca_file: "/run/ca.pem"}')
        .replace("[targets/*.json]\n", f'["{here}/targets/*.json"]\n    proxy_url: "http://127.0.0.1:20000"\n')
        .replace("[more.yml]", '["/run/prometheus/scrapes.0.yml"]')
    )
    assert launch.files["prometheus.yml"] == expected
    assert launch.files["prometheus.credentials_file.1"] == "placeholder"
    assert launch.files["scrapes.0.yml"] == (
        'scrape_configs:\n  - job_name: more\n    static_configs: [{targets: [more:1]}]\n    proxy_url: "http://127.0.0.1:20000"\n'
    )


def test_a_template_that_jobs_share_stays_one_for_each(tmp_path: Path) -> None:
    text = "scrape_configs:\n  - &a\n    job_name: a\n    scheme: http\n  - <<: *a\n    job_name: b\n"
    folder = home(tmp_path, **{"p.yml": text})

    launch = Prometheus("p.yml").launch(place(folder))

    assert launch.files["prometheus.yml"] == (
        'scrape_configs:\n  - &a\n    job_name: a\n    scheme: http\n    proxy_url: "http://127.0.0.1:20000"\n'
        '  - <<: {"job_name": "a", "scheme": "http"}\n    job_name: b\n    proxy_url: "http://127.0.0.1:20000"\n'
    )


def test_flags_of_the_user_follow_those_of_the_harness(tmp_path: Path) -> None:
    args = ("--config.file=/etc/p.yml", "--web.listen-address", "0.0.0.0:9090", "--web.external-url=https://prom.example/p")

    launch = Prometheus("prometheus/prometheus.yml", (*args, "--log.level=${prometheus.version}")).launch(place(home(tmp_path)))

    assert launch.argv == (
        "prometheus",
        "--config.file=/run/prometheus/prometheus.yml",
        "--storage.tsdb.path=/run/prometheus/data",
        "--web.listen-address=127.0.0.1:20001",
        "--scrape.discovery-reload-interval=100ms",
        "--web.external-url=https://prom.example/p",
        "--log.level=3.14.0",
    )


@pytest.mark.parametrize("version", ["2.42.0", ""])
def test_the_hidden_flag_is_for_version_3_only(version: str, tmp_path: Path) -> None:
    launch = Prometheus("prometheus/prometheus.yml").launch(place(home(tmp_path), version))

    assert launch.argv[4:] == ()


def test_the_client_finds_the_api_below_the_path_of_the_external_url(tmp_path: Path) -> None:
    client = Prometheus("p.yml", ("--web.external-url=https://prom.example/p/",)).connect(place(tmp_path))

    assert (client.http.name, client.http.url) == ("prometheus", "http://127.0.0.1:20001/p")
