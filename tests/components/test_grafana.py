"""How Grafana is started on the team's own provisioning, and what that says before anything starts."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.components._grafanaclient import GrafanaClient
from pytest_obscheck.components._provisioning import Wanted
from pytest_obscheck.components.grafana import Grafana
from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.plan import AlertRule, Branch, Matcher, Route
from pytest_obscheck.protocols import Network, Place
from pytest_obscheck.sinks.pagerduty import PagerDuty
from pytest_obscheck.sinks.webhook import Webhook
from pytest_obscheck.speed import Source, Speed

SOURCES = """apiVersion: 1
datasources:
  - {name: Prometheus, uid: metrics, type: prometheus, url: http://p.example, secureJsonData: {httpHeaderValue1: s3cret}}
"""
PROVIDERS = "providers: [{name: shop, options: {path: /var/lib/grafana/dashboards}}]\n"
RULES = """groups:
  - name: shop
    interval: 10s
    rules:
      - title: Slow
        for: 1m
        labels: {severity: page}
        annotations: {summary: it is slow}
        data:
          - {refId: A, datasourceUid: metrics, model: {expr: 'rate(slow_total[1m])'}}
          - {refId: B, datasourceUid: __expr__, model: {type: threshold, expression: A}}
"""
POINTS = """contactPoints:
  - name: page
    receivers:
      - {uid: a, type: webhook, settings: {url: "http://hooks.example/x?key=1", password: p4ss}}
      - {uid: b, type: pagerduty, disableResolveMessage: true, settings: {integrationKey: k3y}}
policies:
  - {receiver: page, group_by: [alertname], routes: [{receiver: page, matchers: ['severity = page'], group_wait: 1s}]}
"""


def provisioned(home: Path, **files: str) -> Path:
    texts = {"datasources/a": SOURCES, "dashboards/a": PROVIDERS, "alerting/rules": RULES, "alerting/points": POINTS, **files}
    for name, text in texts.items():
        path = home / "grafana/provisioning" / f"{name}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (home / "boards").mkdir()
    (home / "boards/shop.json").write_text('{"title": "Shop", "panels": []}', encoding="utf-8")
    return home


def a_place(home: Path) -> Place:
    def opened(path: Path, **how: Any) -> Document:
        return Document.open(path, str(path.relative_to(home)), **how)

    sinks = {"webhook_configs": Webhook, "pagerduty_configs": PagerDuty}
    network = Network(proxy="http://127.0.0.1:1", smtp="127.0.0.1:2", ca_file=Path("/run/ca.pem"), sinks=sinks)
    mounts = {"/var/lib/grafana/dashboards": "boards"}
    return Place("grafana", Path("/run/g"), home, {"http": "127.0.0.1:3000"}, network, str, opened, mounts)


def problems(home: Path) -> list[str]:
    with pytest.raises(ConfigError) as raised:
        Grafana().facts(a_place(home))
    return [str(problem) for problem in raised.value.problems]


def test_its_alerts_policies_and_contact_points_are_known_before_it_starts(tmp_path: Path) -> None:
    facts = Grafana().facts(a_place(provisioned(tmp_path)))

    points = "grafana/provisioning/alerting/points.yml"
    assert facts.alerts == (
        AlertRule(
            name="Slow",
            expr="rate(slow_total[1m])",
            hold="1m",
            labels={"severity": "page"},
            annotations={"summary": "it is slow"},
            group="shop",
            interval="10s",
            where="grafana/provisioning/alerting/rules.yml:5",
            member="grafana",
        ),
    )
    assert facts.routes == (
        Route("hooks.example:80", "/x", "webhook", "page", f"{points}:4"),
        Route("events.pagerduty.com:443", "/v2/enqueue", "pagerduty", "page", f"{points}:5", resolved=False),
    )
    page = Branch("page", (), ("alertname",), "30s", "5m", f"{points}:7")
    assert facts.branches == (page, replace(page, matchers=(Matcher("severity", "=", "page"),), wait="1s"))


def test_no_secret_of_its_files_is_in_a_journal_or_a_working_copy(tmp_path: Path) -> None:
    place = a_place(provisioned(tmp_path))

    told = "".join(Grafana().facts(place).files.values())
    copies = Grafana().launch(place).files

    assert [secret for secret in ("s3cret", "p4ss", "k3y") if secret in told + "".join(copies.values())] == []
    assert "key=1" not in told
    assert 'integrationKey: "key of page"' in copies["provisioning/alerting/points.yml"]
    assert f'path: "{tmp_path}/boards"' in copies["provisioning/dashboards/a.yml"]


def test_everything_it_writes_is_in_its_folder_and_every_way_out_is_the_proxy(tmp_path: Path) -> None:
    launch = Grafana(home="/srv/grafana", environment={"GF_USERS_DEFAULT_THEME": "light"}).launch(
        a_place(provisioned(tmp_path))
    )

    told = launch.environment
    assert launch.argv == ("grafana", "server", "--homepath=/srv/grafana")
    assert (told["GF_SERVER_HTTP_ADDR"], told["GF_SERVER_HTTP_PORT"]) == ("127.0.0.1", "3000")
    assert {value for name, value in told.items() if name.startswith("GF_PATHS")} == {
        "/run/g/data",
        "/run/g/logs",
        "/run/g/plugins",
        "/run/g/provisioning",
    }
    assert told["HTTP_PROXY"] == told["HTTPS_PROXY"] == "http://127.0.0.1:1"
    assert (told["SSL_CERT_FILE"], told["GF_SMTP_HOST"]) == ("/run/ca.pem", "127.0.0.1:2")
    assert told["GF_USERS_DEFAULT_THEME"] == "light"


def test_its_home_is_that_of_its_program_wherever_it_runs_from(tmp_path: Path) -> None:
    launch = Grafana().launch(a_place(provisioned(tmp_path)))

    assert launch.words("/usr/share/grafana/bin/grafana") == ["server", "--homepath=/usr/share/grafana"]
    assert launch.words("/cache/grafana-11.4.0/bin/grafana") == ["server", "--homepath=/cache/grafana-11.4.0"]


def test_it_is_ready_when_all_is_there_that_its_files_provision(tmp_path: Path) -> None:
    client = Grafana().connect(a_place(provisioned(tmp_path)))

    assert client == GrafanaClient(
        "grafana",
        "127.0.0.1:3000",
        Wanted(frozenset({"Prometheus"}), frozenset({"Shop"}), frozenset({"Slow"}), frozenset({"page"})),
    )


def test_a_folder_of_dashboards_that_is_nowhere_here_is_named(tmp_path: Path) -> None:
    home = provisioned(tmp_path, **{"dashboards/a": "providers: [{name: shop, options: {path: /etc/boards}}]\n"})

    assert problems(home) == [
        (
            "grafana/provisioning/dashboards/a.yml:1: there is no folder '/etc/boards'; "
            "say in stack.yaml under mounts: where that folder is"
        )
    ]


def test_a_broken_dashboard_an_unknown_data_source_and_a_type_without_a_sink_are_told_at_once(tmp_path: Path) -> None:
    home = provisioned(
        tmp_path,
        **{
            "alerting/rules": RULES.replace("datasourceUid: metrics", "datasourceUid: metric"),
            "alerting/points": POINTS.replace("type: webhook", "type: kafka"),
        },
    )
    (home / "boards/broken.json").write_text('{"panels": [\n{]}', encoding="utf-8")

    assert problems(home) == [
        "boards/broken.json:2: not JSON: Expecting property name enclosed in double quotes; export the dashboard again",
        "grafana/provisioning/alerting/rules.yml:10: no data source has the uid 'metric'; did you mean 'metrics'?",
        (
            "grafana/provisioning/alerting/points.yml:4: contact point 'page' is of type 'kafka', for which there is no sink; "
            "known are: discord, email, opsgenie, pagerduty, slack, teams, webhook"
        ),
    ]


def test_a_uid_that_grafana_passes_over_in_silence_is_told(tmp_path: Path) -> None:
    home = provisioned(tmp_path, **{"datasources/a": SOURCES.removeprefix("apiVersion: 1\n")})

    assert problems(home) == [
        "grafana/provisioning/datasources/a.yml:2: without 'apiVersion: 1' Grafana passes over 'uid'; write that at the top"
    ]


def test_a_provisioning_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path) == [
        (
            "grafana: provisioning: there is no folder 'grafana/provisioning'; "
            "name the one that holds datasources, dashboards and alerting"
        )
    ]


def test_its_rules_follow_no_speed(tmp_path: Path) -> None:
    place = replace(a_place(provisioned(tmp_path)), speed=Speed(Fraction(60), Source.SCRIPTED))

    with pytest.raises(ConfigError) as raised:
        Grafana().launch(place)

    assert str(raised.value) == "grafana: alerting: Grafana's rules keep to the clock; play it at speed 1"
