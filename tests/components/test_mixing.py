"""What lets alerts bear on each other's messages, read from an alertmanager.yml."""

from __future__ import annotations

import yaml

from pytest_obscheck.components._mixing import groupings, inhibitions
from pytest_obscheck.plan import Inhibition, Matcher

CONFIG = """
route:
  receiver: a
  group_by: [alertname, job]
  routes:
    - receiver: b
      routes:
        - {receiver: c, group_by: ['...']}
    - {receiver: d, group_by: [team]}
inhibit_rules:
  - source_matchers: [severity="critical", 'team=~"a|b"', x != y]
    target_matchers: ['severity =~ "warning|info"', 'a="b",c="d"']
    equal: [job]
  - source_match: {alertname: Down}
    source_match_re: {job: a.*}
    target_match: {alertname: Slow}
"""


def test_each_grouping_of_the_routes_is_known_once_and_inherited() -> None:
    assert groupings(yaml.safe_load(CONFIG)) == (("alertname", "job"), ("...",), ("team",))


def test_without_group_by_all_come_in_one_message() -> None:
    assert groupings({"route": {"receiver": "a"}}) == groupings(None) == ((),)


def test_inhibitions_are_known_in_both_notations_and_what_cannot_be_read_may_match() -> None:
    assert inhibitions(yaml.safe_load(CONFIG)) == (
        Inhibition(
            (Matcher("severity", "=", "critical"), Matcher("team", "=~", "a|b"), Matcher("x", "!=", "y")),
            (Matcher("severity", "=~", "warning|info"),),
            ("job",),
        ),
        Inhibition((Matcher("alertname", "=", "Down"), Matcher("job", "=~", "a.*")), (Matcher("alertname", "=", "Slow"),), ()),
    )
