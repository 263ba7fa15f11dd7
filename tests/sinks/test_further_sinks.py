"""What the further receivers take, in whose words they refuse, and which alerts their messages name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from pytest_obscheck.protocols import Delivery
from pytest_obscheck.registry import find
from pytest_obscheck.sinks._listed import alerts, status
from pytest_obscheck.sinks.jira import Jira
from pytest_obscheck.sinks.wechat import TOKEN

LIST = (
    "Alerts Firing:\nLabels:\n - alertname = A\n - path = /x = y\nAnnotations:\n - summary = two\nlines\nSource: http://p\n"
    "Labels:\n - alertname = B\nAnnotations:\nSource:\n\nAlerts Resolved:\nLabels:\n - alertname = C\nAnnotations:\nSource: x\n"
)
MARKDOWN = "# Alerts Resolved:\n\nLabels:\n  - alertname = A\n\nAnnotations:\n  - summary = s\n\nSource: http://p\n"
THREE = [({"alertname": "A", "path": "/x = y"}, "firing"), ({"alertname": "B"}, "firing"), ({"alertname": "C"}, "resolved")]
SIGNED = "AWS4-HMAC-SHA256 Credential=k/20261121/eu-west-1/sns/aws4_request, SignedHeaders=host, Signature=" + 64 * "0"
KEYS: Mapping[str, Mapping[str, str]] = {
    "incidentio": {"authorization": "Bearer k"},
    "opsgenie": {"authorization": "GenieKey k"},
    "rocketchat": {"x-auth-token": "k", "x-user-id": "k"},
    "sns": {"authorization": SIGNED},
    "webex": {"authorization": "Bearer k"},
}


def ask(sink: str, body: Any, path: str = "/", keys: Mapping[str, str] | None = None) -> tuple[int, bytes, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answered: tuple[int, bytes, Any] = find("sinks", sink)().accept(
        "POST", path, KEYS.get(sink, {}) if keys is None else keys, raw
    )
    return answered


# ── lists of alerts ──────────────────────────────────────────────────────────


def test_the_default_lists_are_read_with_their_status() -> None:
    assert [(alert["labels"], alert["status"]) for alert in alerts(LIST)] == THREE
    assert alerts(LIST)[0]["annotations"] == {"summary": "two\nlines"}
    assert alerts(f"words before\n{MARKDOWN}") == (
        {"labels": {"alertname": "A"}, "annotations": {"summary": "s"}, "status": "resolved"},
    )


@pytest.mark.parametrize(
    "text", ["", "Slow is firing", "Labels:\n - alertname = A\n", "So Alerts Firing: are bad\nLabels:\n - a = b\n"]
)
def test_words_of_ones_own_name_no_alert(text: str) -> None:
    assert alerts(text) == ()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("[FIRING:2] x", "firing"), ("[RESOLVED] x", "resolved"), (LIST, "firing"), (MARKDOWN, "resolved"), ("all is well", "")],
)
def test_the_status_is_that_of_the_subject_else_of_the_headings(text: str, wanted: str) -> None:
    assert status(text) == wanted


# ── messages ─────────────────────────────────────────────────────────────────

TAKEN = {
    "discord": ({"content": "", "embeds": [{"title": "", "description": LIST, "color": 1}]}, "/api/webhooks/1/secret"),
    "mattermost": ({"text": LIST}, "/hooks/secret"),
    "msteams": ({"summary": "s", "text": LIST}, "/webhook/secret"),
    "msteamsv2": (
        {
            "attachments": [
                {"contentType": "application/vnd.microsoft.card.adaptive", "content": {"body": [{"text": "s"}, {"text": LIST}]}}
            ]
        },
        "/workflows/secret",
    ),
    "opsgenie": ({"message": "s", "description": LIST, "alias": "g"}, "/v2/alerts"),
    "victorops": ({"message_type": "WARNING", "state_message": LIST, "entity_id": "g"}, "/alert/secret/shop"),
    "webex": ({"roomId": "r", "markdown": LIST}, "/v1/messages"),
    "wechat": ({"msgtype": "markdown", "markdown": {"content": LIST}}, f"/cgi-bin/message/send?access_token={TOKEN}"),
    "rocketchat": ({"channel": "#c", "attachments": [{"title": "s", "text": LIST}]}, "/api/v1/chat.postMessage"),
    "telegram": ({"chat_id": "1", "text": LIST.replace("two", "<b>two</b>"), "parse_mode": "HTML"}, "/botsecret/sendMessage"),
}


@pytest.mark.parametrize("sink", TAKEN)
def test_the_alerts_of_a_message_are_named_and_no_secret_of_its_path_is_kept(sink: str) -> None:
    body, path = TAKEN[sink]
    code, _, delivery = ask(sink, body, path)

    assert (code < 300, delivery.status, delivery.sink) == (True, "firing", sink)
    assert [(alert["labels"], alert["status"]) for alert in delivery.alerts] == THREE
    assert "secret" not in delivery.text


@pytest.mark.parametrize(
    ("sink", "body", "wanted"),
    [
        ("discord", {"embeds": [{"title": "it is over", "color": 0x2ECC71}]}, "resolved"),
        ("msteams", {"text": "it burns", "themeColor": "8C1A1A"}, "firing"),
        (
            "msteamsv2",
            {
                "attachments": [
                    {
                        "contentType": "application/vnd.microsoft.card.adaptive",
                        "content": {"body": [{"text": "it burns", "color": "Attention"}]},
                    }
                ]
            },
            "firing",
        ),
        ("rocketchat", {"channel": "#c", "attachments": [{"title": "over", "color": "green"}]}, "resolved"),
        ("victorops", {"message_type": "RECOVERY"}, "resolved"),
        ("webex", {"roomId": "r", "markdown": "it burns"}, ""),
        ("mattermost", {"attachments": [{"text": "it burns"}]}, ""),
    ],
)
def test_words_of_ones_own_have_the_status_of_their_colour_or_none(sink: str, body: Any, wanted: str) -> None:
    _, _, delivery = ask(sink, body)

    assert (delivery.status, delivery.alerts) == (wanted, ())


# ── refusals ─────────────────────────────────────────────────────────────────

LONG = "x" * 4097
REFUSED = [
    ("discord", {}, "/", None, 400, "Cannot send an empty message"),
    ("discord", {"embeds": [{"title": "x" * 257}]}, "/", None, 400, "embeds.title: Must be 256 or fewer in length."),
    ("incidentio", {}, "/", {}, 401, "there is no bearer token"),
    ("incidentio", b"{", "/", None, 422, "not a POST of a JSON object"),
    ("jira", {}, "/rest/api/2/issue/OBS-9", None, 404, "Issue does not exist or you do not have permission to see it."),
    ("jira", {"fields": {"summary": "s"}}, "/rest/api/2/issue", None, 400, "project and summary are required."),
    ("mattermost", b"[]", "/", None, 400, "No text specified."),
    ("msteams", {"title": "t"}, "/", None, 400, "Summary or Text is required."),
    ("msteamsv2", {"attachments": [{"contentType": "text"}]}, "/", None, 400, "there is no adaptive card in it"),
    ("opsgenie", {"message": "m"}, "/v2/alerts", {}, 401, "Could not authenticate"),
    ("opsgenie", {"message": ""}, "/v2/alerts", None, 422, "Message can not be empty."),
    ("pushover", b"", "/1/messages.json?message=m", None, 400, "token is missing\nuser is missing"),
    (
        "pushover",
        b"",
        "/1/messages.json?token=t&user=u&message=m&priority=2&retry=60",
        None,
        400,
        "expire must be supplied with priority=2",
    ),
    ("rocketchat", {"channel": "#c"}, "/", {}, 401, "You must be logged in to do this."),
    ("rocketchat", {}, "/", None, 400, "[invalid-channel]"),
    ("sns", b"Action=Publish", "/", {}, 403, "Request is missing Authentication Token"),
    ("sns", b"Action=Subscribe", "/", None, 400, "Action is 'Subscribe'; it is 'Publish'"),
    (
        "sns",
        b"Action=Publish&Message=m",
        "/",
        None,
        400,
        "Invalid parameter: exactly one of TopicArn, TargetArn, PhoneNumber is needed",
    ),
    ("sns", b"Action=Publish&TopicArn=a", "/", None, 400, "Invalid parameter: Empty message"),
    (
        "sns",
        f"Action=Publish&TopicArn=a&Message=m&Subject={'x' * 101}".encode(),
        "/",
        None,
        400,
        "Invalid parameter: Subject (ASCII, at most 100 characters, no line break)",
    ),
    ("telegram", {"text": "x"}, "/botk/sendMessage", None, 400, "chat_id is empty"),
    ("telegram", {"chat_id": "#c", "text": "x"}, "/botk/sendMessage", None, 400, "chat not found"),
    ("telegram", {"chat_id": "1", "text": " \n"}, "/botk/sendMessage", None, 400, "message text is empty"),
    ("telegram", {"chat_id": "1", "text": LONG}, "/botk/sendMessage", None, 400, "message is too long"),
    (
        "victorops",
        {"message_type": "PANIC"},
        "/",
        None,
        400,
        "'message_type' is 'PANIC'; it is one of CRITICAL, WARNING, INFO, ACKNOWLEDGEMENT, RECOVERY",
    ),
    ("webex", {"roomId": "r", "markdown": "m"}, "/", {}, 401, None),
    ("webex", {"roomId": "r"}, "/", None, 400, "One or more of the required fields is missing: roomId, markdown."),
    ("wechat", {"text": {"content": "x"}}, "/cgi-bin/message/send?access_token=other", None, 200, "invalid access_token"),
    ("wechat", {}, f"/cgi-bin/message/send?access_token={TOKEN}", None, 200, "empty content"),
    (
        "wechat",
        {"text": {"content": LONG}},
        f"/cgi-bin/message/send?access_token={TOKEN}",
        None,
        200,
        "content is longer than 2048 bytes",
    ),
]


@pytest.mark.parametrize(("sink", "body", "path", "keys", "code", "why"), REFUSED)
def test_what_the_service_would_not_take_is_refused_with_its_reason(
    sink: str, body: Any, path: str, keys: Mapping[str, str] | None, code: int, why: str | None
) -> None:
    answered, _, delivery = ask(sink, body, path, keys)

    assert (answered, delivery.status, delivery.alerts) == (code, "invalid", ())
    assert why is None or delivery == Delivery(sink, "invalid", (), why)


# ── what says nothing to anybody ─────────────────────────────────────────────


def test_tokens_and_repetitions_are_answered_and_not_kept() -> None:
    opsgenie = find("sinks", "opsgenie")()

    assert ask("wechat", b"", "/cgi-bin/gettoken?corpid=c&corpsecret=s")[2] is None
    assert opsgenie.accept("PUT", "/v2/alerts/g/message?identifierType=alias", KEYS["opsgenie"], b"{}")[::2] == (202, None)


def test_an_opsgenie_close_names_its_alias_only() -> None:
    code, _, delivery = ask("opsgenie", {"source": "x"}, "/v2/alerts/abc/close?identifierType=alias")

    assert (code, delivery) == (202, Delivery("opsgenie", "resolved", (), "closed by its alias abc", "abc", merges=True))


def test_jira_remembers_its_issues_until_they_are_done() -> None:
    jira, group = Jira(), "ALERT{0123abcd}"
    fields = {"project": {"key": "OPS"}, "summary": "[FIRING:1] A", "labels": [group], "description": LIST}

    def asked(method: str, path: str, body: Any = None) -> Any:
        code, answered, _ = jira.accept(method, f"/rest/api/2{path}", {}, json.dumps(body).encode() if body else b"")
        return json.loads(answered) if answered else code

    def found(jql: str) -> list[str]:
        return [
            issue["key"] for issue in asked("POST", "/search", {"jql": f'{jql}project="OPS" and labels="{group}"'})["issues"]
        ]

    assert found("statusCategory != Done and ") == []
    assert asked("POST", "/issue", {"fields": fields})["key"] == "OBS-1"
    assert found("statusCategory != Done and ") == ["OBS-1"]
    assert asked("PUT", "/issue/OBS-1", {"fields": fields}) == 204
    done = next(each["id"] for each in asked("GET", "/issue/OBS-1/transitions")["transitions"] if each["name"] == "Done")
    assert asked("POST", "/issue/OBS-1/transitions", {"transition": {"id": done}}) == 204
    assert (found("statusCategory != Done and "), found("(resolutiondate is EMPTY) and ")) == ([], ["OBS-1"])


def test_the_description_of_jiras_third_api_is_a_document() -> None:
    nodes = {"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "A is slow"}]}]}
    body = {"fields": {"project": {"key": "OPS"}, "summary": "s", "description": nodes, "priority": {"name": "High"}}}

    assert ask("jira", body, "/rest/api/3/issue")[2].text == "s\npriority: High\nA is slow"


# ── ways ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sink", "config", "defaults", "route"),
    [
        ("discord", {"webhook_url": "https://discord.com/api/x"}, {}, ("discord.com:443", "/api/x")),
        ("discord", {"webhook_url_file": "f"}, {}, ("discord-webhook-url-file.invalid:80", "")),
        ("incidentio", {"url_file": "f"}, {}, ("incidentio-url-file.invalid:80", "")),
        ("jira", {"api_url": "https://j.example/rest/api/2/"}, {}, ("j.example:443", "/rest/api/")),
        ("jira", {}, {"jira_api_url": "http://j.example/jira/rest/api/3"}, ("j.example:80", "/jira/rest/api/")),
        ("mattermost", {"webhook_url_file": "f"}, {}, ("mattermost-webhook-url-file.invalid:80", "")),
        ("msteams", {"webhook_url_file": "f"}, {}, ("msteams-webhook-url-file.invalid:80", "")),
        ("msteamsv2", {"webhook_url_file": "f"}, {}, ("msteamsv2-webhook-url-file.invalid:80", "")),
        ("opsgenie", {}, {}, ("api.opsgenie.com:443", "/")),
        ("opsgenie", {}, {"opsgenie_api_url": "https://api.eu.opsgenie.com/"}, ("api.eu.opsgenie.com:443", "/")),
        ("pushover", {}, {}, ("api.pushover.net:443", "/1/messages.json")),
        ("rocketchat", {}, {}, ("open.rocket.chat:443", "/")),
        ("sns", {"sigv4": {"region": "eu-west-1"}}, {}, ("sns.eu-west-1.amazonaws.com:443", "/")),
        ("sns", {"api_url": "http://sns.local:4566"}, {}, ("sns.local:4566", "")),
        ("sns", {"api_url": "{{ .CommonLabels.url }}"}, {}, ("sns.amazonaws.com:443", "")),
        ("telegram", {}, {}, ("api.telegram.org:443", "/bot")),
        ("telegram", {"api_url": "http://t.example:81/x/"}, {}, ("t.example:81", "/x/bot")),
        ("victorops", {}, {}, ("alert.victorops.com:443", "/integrations/generic/20131114/alert/")),
        ("webex", {"api_url": "https://w.example/m"}, {}, ("w.example:443", "/m")),
        ("wechat", {}, {"wechat_api_url": "https://w.example/cgi-bin/"}, ("w.example:443", "/cgi-bin/")),
    ],
)
def test_the_route_is_the_one_that_alertmanager_will_take(
    sink: str, config: Mapping[str, Any], defaults: Mapping[str, Any], route: tuple[str, str]
) -> None:
    assert find("sinks", sink)().route(config, defaults) == route
