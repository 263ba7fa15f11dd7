"""From stack.yaml to a plan, before anything starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_obscheck import registry
from pytest_obscheck.errors import ConfigError
from pytest_obscheck.stack.file import read
from pytest_obscheck.stack.planning import plan, plan_data

SERVICES = """\
components:
  toxiproxy: {}
services:
  database: {command: x, hosts: ["db.shop.example:5432"]}
  payments: {command: x, depends_on: [database]}
  checkout:
    command: [python, --to, "${payments.address}"]
    environment: {DB: "${database.address}", PRICE: "5$$"}
    depends_on: [payments, database]
"""

PROMETHEUS = """\
global: {evaluation_interval: 15s}
rule_files: [rules.yml]
scrape_configs:
  - job_name: checkout
    static_configs: [{targets: ["checkout-1.shop.example:8080"]}]
"""

RULES = """\
groups:
  - name: checkout
    rules:
      - record: job:errors:rate5m
        expr: sum by (job) (rate(errors_total[5m]))
      - alert: Errors
        expr: job:errors:rate5m > 1
        for: 5m
        labels: {severity: critical}
"""


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return folder / "stack.yaml"


def test_a_plan_knows_members_hosts_and_who_reaches_whom_through_a_fault_proxy(tmp_path: Path) -> None:
    made = plan(read(written(tmp_path, stack__yaml=SERVICES)))

    assert dict(made.members)["checkout"] == "service"
    assert made.proxied == {"database": ("payments", "checkout"), "payments": ("checkout",)}
    assert made.hosts == {"db.shop.example:5432": "database"}
    assert made.sinks == tuple(registry.names("sinks"))


def test_every_name_that_stands_for_nothing_is_told_at_once(tmp_path: Path) -> None:
    text = SERVICES.replace("${payments.address}", "${paymnts.address}").replace("${database.address}", "${port.htp}")

    with pytest.raises(ConfigError) as caught:
        plan(read(written(tmp_path, stack__yaml=text), tmp_path))

    assert str(caught.value).splitlines() == [
        "stack.yaml:6: checkout: '${paymnts.address}' names nothing; did you mean 'payments.address'?",
        "stack.yaml:6: checkout: '${port.htp}' names nothing; did you mean 'port.http'?",
    ]


@pytest.mark.integration
def test_what_the_users_files_say_is_in_the_plan_and_in_the_journal(tmp_path: Path, obs_program: Callable[[str], Path]) -> None:
    obs_program("promtool")
    stack = "components:\n  prometheus: {config: prometheus.yml}\n"

    made = plan(read(written(tmp_path, stack__yaml=stack, prometheus__yml=PROMETHEUS, rules__yml=RULES), tmp_path))

    assert plan_data(made)["alerts"] == {
        "Errors": {
            "where": "rules.yml:6",
            "exprs": ["job:errors:rate5m > 1", "sum by (job) (rate(errors_total[5m]))"],
            "for": "5m",
            "labels": {"severity": "critical"},
            "interval": "15s",
        }
    }
    assert set(made.facts.scraped) >= {"checkout-1.shop.example:8080"}
    assert (made.parse("sum(up)"), bool(made.parse("sum("))) == ("", True)


@pytest.mark.integration
def test_an_alert_that_always_fires_and_is_in_no_rule_file_is_named_with_its_line(
    tmp_path: Path, obs_program: Callable[[str], Path]
) -> None:
    obs_program("promtool")
    stack = "components:\n  prometheus: {config: prometheus.yml}\nalways_firing: [Erors]\n"

    with pytest.raises(ConfigError) as caught:
        plan(read(written(tmp_path, stack__yaml=stack, prometheus__yml=PROMETHEUS, rules__yml=RULES), tmp_path))

    assert str(caught.value) == "stack.yaml:3: always_firing: no rule file has an alert 'Erors'; did you mean 'Errors'?"


def test_a_glob_of_rule_files_that_matches_nothing_is_told_where_an_alert_is_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_obscheck.derive.check", lambda *_: [])
    stack = "components:\n  prometheus: {config: prometheus.yml}\nalways_firing: [Watchdog]\n"
    config = "rule_files:\n- rules.yml\n- rules/*.yml\n"

    with pytest.raises(ConfigError) as caught:
        plan(read(written(tmp_path, stack__yaml=stack, prometheus__yml=config, rules__yml=RULES), tmp_path))

    gap = "known are: Errors; no file matches 'rules/*.yml' (prometheus.yml:3)"
    assert str(caught.value) == f"stack.yaml:3: always_firing: no rule file has an alert 'Watchdog'; {gap}"


@pytest.mark.integration
def test_mistakes_in_the_users_files_are_told_with_their_lines(tmp_path: Path, obs_program: Callable[[str], Path]) -> None:
    obs_program("promtool")
    stack = "components:\n  prometheus: {config: prometheus.yml}\n"
    broken = RULES.replace("> 1", "> ").replace("for: 5m", "for: soon")

    with pytest.raises(ConfigError) as caught:
        plan(read(written(tmp_path, stack__yaml=stack, prometheus__yml=PROMETHEUS, rules__yml=broken), tmp_path))

    assert "rules.yml:" in str(caught.value)


NATIVE = """\
components:
  prometheus: {config: p.yml, args: [%s]}
  shop: {type: synthetic, series: [{series: x, values: '{{count:1}}'}]}
"""
ASK = (
    "shop: it exposes native histograms, which no Prometheus here asks for;"
    " write `scrape_native_histograms: true` into prometheus.yml"
)


def test_links_that_lead_in_a_circle_are_told(tmp_path: Path) -> None:
    (tmp_path / "p.yml").symlink_to(tmp_path / "p.yml")
    (tmp_path / "stack.yaml").write_text("components: {prometheus: {config: p.yml}}\n")

    with pytest.raises(ConfigError) as caught:
        plan(read(tmp_path / "stack.yaml", tmp_path))

    assert str(caught.value) == "p.yml: cannot be read (Too many levels of symbolic links)"


@pytest.mark.parametrize(
    ("config", "args", "notes"),
    [
        ("global: {scrape_interval: 1s}", "", [ASK]),
        ("global: {scrape_native_histograms: true}", "", []),
        ("scrape_configs: [{job_name: a, scrape_native_histograms: true}]", "", []),
        ("global: {scrape_interval: 1s}", "--enable-feature=native-histograms", []),
    ],
)
def test_what_a_target_has_only_for_who_asks_is_told_where_nobody_does(
    config: str, args: str, notes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_obscheck.derive.check", lambda *_: [])

    made = plan(read(written(tmp_path, stack__yaml=NATIVE % args, p__yml=f"{config}\n")))

    assert [str(note) for note in made.facts.notes] == notes
