"""What lets alerts bear on each other's messages, read from an alertmanager.yml."""

from __future__ import annotations

import yaml

from pytest_obscheck.components._files import Spot
from pytest_obscheck.components._mixing import branches, inhibitions
from pytest_obscheck.plan import Branch, Inhibition, Matcher

CONFIG = """
route:
  receiver: a
  group_by: [alertname, job]
  group_wait: 10s
  routes:
    - receiver: b
      matchers: [severity = page]
      group_wait: 1m
      routes:
        - {receiver: c, match: {team: shop}, group_by: ['...'], group_interval: 2m}
    - {group_by: [team]}
inhibit_rules:
  - source_matchers: [severity="critical", 'team=~"a|b"', x != y]
    target_matchers: ['severity =~ "warning|info"', 'a="b",c="d"']
    equal: [job]
  - source_match: {alertname: Down}
    source_match_re: {job: a.*}
    target_match: {alertname: Slow}
"""


def where(spot: Spot) -> str:
    return ".".join(map(str, spot))


def test_each_route_has_what_it_inherits_and_what_alerts_must_match_from_the_root_down() -> None:
    page, job = Matcher("severity", "=", "page"), ("alertname", "job")

    assert list(branches(yaml.safe_load(CONFIG), where)) == [
        Branch("a", (), job, "10s", "5m", "route"),
        Branch("b", (page,), job, "1m", "5m", "route.routes.0"),
        Branch("c", (page, Matcher("team", "=", "shop")), ("...",), "1m", "2m", "route.routes.0.routes.0"),
        Branch("a", (), ("team",), "10s", "5m", "route.routes.1"),
    ]


def test_without_group_by_all_come_in_one_message_after_the_waits_of_alertmanager_itself() -> None:
    assert list(branches({"route": {"receiver": "a"}}, where)) == [Branch("a", (), (), "30s", "5m", "route")]
    assert list(branches(None, where)) == []


def test_inhibitions_are_known_in_both_notations_and_what_cannot_be_read_may_match() -> None:
    assert list(inhibitions(yaml.safe_load(CONFIG), where)) == [
        Inhibition(
            (Matcher("severity", "=", "critical"), Matcher("team", "=~", "a|b"), Matcher("x", "!=", "y")),
            (Matcher("severity", "=~", "warning|info"),),
            ("job",),
            "inhibit_rules.0",
        ),
        Inhibition(
            (Matcher("alertname", "=", "Down"), Matcher("job", "=~", "a.*")),
            (Matcher("alertname", "=", "Slow"),),
            (),
            "inhibit_rules.1",
        ),
    ]
