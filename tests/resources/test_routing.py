from __future__ import annotations

from typing import Any

import pytest
import yaml

from pytest_obscheck.resources import routed

TEAM = """\
apiVersion: monitoring.coreos.com/v1beta1
kind: AlertmanagerConfig
metadata: {name: team, namespace: shop}
spec:
  route:
    receiver: chat
    groupBy: [alertname]
    groupWait: 10s
    routes:
      - receiver: pager
        matchers: [{name: severity, value: critical, matchType: "="}]
        muteTimeIntervals: [nights]
  receivers:
    - name: chat
      slackConfigs: [{channel: '#shop', apiURL: {name: slack, key: url}, sendResolved: true, iconURL: "http://i"}]
    - name: pager
      pagerdutyConfigs:
        - routingKey: {name: pd, key: key}
          details: [{key: runbook, value: http://r}]
          pagerDutyLinkConfigs: [{href: http://l, alt: l}]
      webhookConfigs: [{urlSecret: {name: hook, key: url}}, {url: http://plain.example/x, maxAlerts: 3}]
      discordConfigs: [{apiURL: {name: discord, key: url}}]
      emailConfigs: [{to: a@shop.example, authPassword: {name: mail, key: p}, headers: [{key: Subject, value: s}]}]
  inhibitRules:
    - sourceMatch: [{name: severity, value: critical}]
      targetMatch: [{name: severity, value: "a|b", matchType: "=~"}]
      equal: [alertname]
  timeIntervals:
    - name: nights
      timeIntervals:
        - times: [{startTime: "22:00", endTime: "24:00"}]
          weekdays: [Saturday, "monday:friday"]
          daysOfMonth: [{start: 1, end: 10}]
"""
SECRETS = "/etc/obscheck/secrets/shop"


def made(*texts: str) -> dict[str, list[Any]]:
    return routed([yaml.safe_load(text) for text in texts])


def test_a_route_sees_its_own_namespace_and_goes_on() -> None:
    assert made(TEAM)["routes"] == [
        {
            "group_by": ["alertname"],
            "group_wait": "10s",
            "receiver": "shop/team/chat",
            "routes": [
                {
                    "receiver": "shop/team/pager",
                    "matchers": ['severity="critical"'],
                    "mute_time_intervals": ["shop/team/nights"],
                }
            ],
            "matchers": ['namespace="shop"'],
            "continue": True,
        }
    ]


def test_receivers_keep_their_fields_and_name_files_for_what_is_secret() -> None:
    chat, pager = made(TEAM)["receivers"]

    assert chat == {
        "name": "shop/team/chat",
        "slack_configs": [
            {"channel": "#shop", "api_url_file": f"{SECRETS}/slack/url", "send_resolved": True, "icon_url": "http://i"}
        ],
    }
    assert pager == {
        "name": "shop/team/pager",
        "pagerduty_configs": [
            {
                "routing_key_file": f"{SECRETS}/pd/key",
                "details": {"runbook": "http://r"},
                "links": [{"href": "http://l", "alt": "l"}],
            }
        ],
        "webhook_configs": [{"url_file": f"{SECRETS}/hook/url"}, {"url": "http://plain.example/x", "max_alerts": 3}],
        "discord_configs": [{"webhook_url_file": f"{SECRETS}/discord/url"}],
        "email_configs": [
            {"to": "a@shop.example", "auth_password_file": f"{SECRETS}/mail/p", "headers": {"Subject": "s"}},
        ],
    }


def test_inhibitions_and_intervals_are_those_of_the_namespace() -> None:
    found = made(TEAM)

    assert found["inhibit_rules"] == [
        {
            "source_matchers": ['severity="critical"', 'namespace="shop"'],
            "target_matchers": ['severity=~"a|b"', 'namespace="shop"'],
            "equal": ["alertname"],
        }
    ]
    assert found["time_intervals"] == [
        {
            "name": "shop/team/nights",
            "time_intervals": [
                {
                    "times": [{"start_time": "22:00", "end_time": "24:00"}],
                    "weekdays": ["saturday", "monday:friday"],
                    "days_of_month": ["1:10"],
                }
            ],
        }
    ]


@pytest.mark.parametrize(
    ("strategy", "matchers"),
    [
        ("OnNamespace", ['namespace="shop"']),
        ("None", []),
        ("OnNamespaceExceptForAlertmanagerNamespace", []),
    ],
)
def test_an_alertmanager_resource_says_whether_namespaces_matter(strategy: str, matchers: list[str]) -> None:
    alertmanager = (
        "kind: Alertmanager\nmetadata: {name: main, namespace: shop}\n"
        f"spec: {{alertmanagerConfigMatcherStrategy: {{type: {strategy}}}}}"
    )

    assert made(TEAM, alertmanager)["routes"][0]["matchers"] == matchers


def test_resources_come_in_the_order_of_their_names() -> None:
    found = made(TEAM, TEAM.replace("name: team", "name: another"), "kind: Service\n")

    assert [route["receiver"] for route in found["routes"]] == ["shop/another/chat", "shop/team/chat"]
    assert made("kind: AlertmanagerConfig\nmetadata: {name: a}\nspec: {}\n") == {}
