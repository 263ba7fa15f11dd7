"""What Prometheus and Alertmanager are started on at a speed."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from pytest_obscheck.components.alertmanager import Alertmanager
from pytest_obscheck.components.prometheus import Prometheus
from pytest_obscheck.components.synthetic import Synthetic
from pytest_obscheck.derive import Document
from pytest_obscheck.protocols import Launch, Network, Place
from pytest_obscheck.speed import UNSPED, Source, Speed

PROMETHEUS = """\
global: {evaluation_interval: 30s}
rule_files: [a.yml, b/*.yml]
scrape_config_files: [scrapes.yml]
"""
SCRAPES = """\
scrape_configs:
- {job_name: api, scrape_interval: 15s, static_configs: [{targets: ["api.example:80"]}]}
"""
RULES = """\
groups:
- name: a
  rules:
  - {alert: Failing, expr: 'rate(errors_total[5m]) > 1', for: 10m}
  - {alert: Odd, expr: hour() > 9, for: 10m}
"""
MORE = "groups: [{name: b, rules: [{record: r, expr: 'max_over_time(x[10m:])'}]}]\n"
ALERTMANAGER = "route: {receiver: a, group_wait: 30s}\nreceivers: [{name: a}]\n"


def place(folder: Path, speed: Speed) -> Place:
    texts = {"p.yml": PROMETHEUS, "scrapes.yml": SCRAPES, "a.yml": RULES, "b/c.yml": MORE, "am.yml": ALERTMANAGER}
    (folder / "b").mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Place(
        name="it",
        folder=Path("/run/it"),
        home=folder,
        addresses={"http": "127.0.0.1:20001"},
        network=Network(proxy="http://127.0.0.1:20000", ca_file=Path("/run/ca.pem")),
        fill=lambda text: text.replace("${prometheus.version}", "3.14.0").replace("${alertmanager.version}", "0.31.1"),
        open=Document.open,
        speed=speed,
    )


def launched(folder: Path, by: int, source: Source = Source.SCRIPTED, *args: str) -> Launch:
    speed = Speed(Fraction(by), source) if by > 1 else UNSPED
    return Prometheus("p.yml", args=args).launch(place(folder, speed))


def rules(files: Mapping[str, str]) -> list[str]:
    return [name for name in files if name.startswith("rules.")]


def test_at_speed_1_rule_files_are_the_users_own(tmp_path: Path) -> None:
    launch = launched(tmp_path, 1)

    assert rules(launch.files) == []
    assert f'rule_files: ["{tmp_path}/a.yml", "{tmp_path}/b/*.yml"]' in launch.files["prometheus.yml"]
    assert not any("lookback" in arg for arg in launch.argv)


def test_rule_files_are_copied_for_the_speed_and_known_by_their_originals(tmp_path: Path) -> None:
    launch = launched(tmp_path, 60)

    assert rules(launch.files) == ["rules.0.yml", "rules.1.yml"]
    assert {copy: launch.originals[copy] for copy in rules(launch.files)} == {"rules.0.yml": "a.yml", "rules.1.yml": "b/c.yml"}
    assert 'rule_files: ["/run/it/rules.0.yml", "/run/it/rules.1.yml"]' in launch.files["prometheus.yml"]
    assert '{alert: Failing, expr: "(rate(errors_total[5s]) / 60) > 1", for: "10s"}' in launch.files["rules.0.yml"]
    assert "max_over_time(x[10s:500ms])" in launch.files["rules.1.yml"]


def test_intervals_and_flags_are_divided_in_every_file(tmp_path: Path) -> None:
    launch = launched(tmp_path, 60, Source.SCRIPTED, "--query.lookback-delta=1m", "--web.enable-lifecycle")

    assert 'evaluation_interval: "500ms"' in launch.files["prometheus.yml"]
    assert 'scrape_interval: "250ms"' in launch.files["scrapes.0.yml"]
    assert {"--query.lookback-delta=1s", "--rules.alert.for-grace-period=10s", "--web.enable-lifecycle"} <= set(launch.argv)


def test_an_agent_evaluates_nothing_and_gets_no_flag_of_rules(tmp_path: Path) -> None:
    assert not any("lookback" in arg for arg in launched(tmp_path, 60, Source.SCRIPTED, "--agent").argv)


def test_a_rule_that_real_samples_do_not_suit_keeps_its_whole_text(tmp_path: Path) -> None:
    copy = launched(tmp_path, 60, Source.REAL).files["rules.0.yml"]

    assert "{alert: Odd, expr: hour() > 9, for: 10m}" in copy
    assert '{alert: Failing, expr: "rate(errors_total[5s]) > 1", for: "10s"}' in copy


def test_alertmanager_waits_and_its_flags_are_divided(tmp_path: Path) -> None:
    launch = Alertmanager("am.yml").launch(place(tmp_path, Speed(Fraction(60))))

    route = 'route: {receiver: a, group_wait: "500ms", group_interval: "5s", repeat_interval: "4m"}'
    assert route in launch.files["alertmanager.yml"]
    assert {"--dispatch.maintenance-interval=500ms", "--alerts.gc-interval=30s"} <= set(launch.argv)


def test_components_say_whether_they_follow_the_story(tmp_path: Path) -> None:
    scripted = Synthetic(({"series": "x", "values": "1"},))

    assert scripted.timing(place(tmp_path, UNSPED)).scripted
    assert not Prometheus("p.yml").timing(place(tmp_path, UNSPED)).scripted


def test_every_duration_of_a_prometheus_is_told_with_its_place(tmp_path: Path) -> None:
    timing = Prometheus("p.yml").timing(place(tmp_path, UNSPED))

    told = {f"{span.where} {span.what} {span.length}" for span in timing.spans}
    assert {
        "scrapes.yml:2 scrape_interval 15000",
        "Failing (a.yml:4) range 300000",
        "Failing (a.yml:4) for 600000",
        "r (b/c.yml:1) step 60000",
        "prometheus --query.lookback-delta query.lookback-delta 300000",
    } <= told
    assert (timing.scrape, timing.evaluation) == (60_000, 30_000)
