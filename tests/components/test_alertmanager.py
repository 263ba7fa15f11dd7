from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from pytest_obscheck.capabilities import HoldsAlerts
from pytest_obscheck.components._http import Http
from pytest_obscheck.components.alertmanager import Alertmanager, AlertmanagerClient
from pytest_obscheck.derive import Document
from pytest_obscheck.errors import ConfigError, LookFailed
from pytest_obscheck.plan import Route
from pytest_obscheck.protocols import Network, Place

CONFIG = """\
global:
  smtp_smarthost: smtp.prod.example:587
  smtp_from: am@prod.example
  smtp_auth_username: am
  smtp_auth_password: hunter2
  slack_api_url_file: /run/secrets/slack
  resolve_timeout: 5m

templates: ['templates/*.tmpl', /etc/alertmanager/x.tmpl]

route:   # no secret here
  receiver: mail
  routes:
    - matchers: [severity="critical"]
      receiver: pager

receivers:
  - name: mail
    email_configs:
      - to: a@prod.example
      - to: b@prod.example
        smarthost: other.prod.example:465
        force_implicit_tls: true
        auth_password_file: mail.password
        tls_config: {ca_file: corp.pem, insecure_skip_verify: true}
  - name: pager
    pagerduty_configs:
      - routing_key_file: /run/secrets/pagerduty
    slack_configs:
      - channel: '#alerts'
      - channel: '#other'
        api_url: https://hooks.slack.com/services/T/B/secret
        http_config:
          follow_redirects: false
          bearer_token: hunter2
          proxy_url: http://proxy.corp:3128
          oauth2: {client_id: a, client_secret: hunter2, token_url: "https://id.prod.example"}
    webhook_configs:
      - url_file: hook.url
      - url: http://audit.prod.example:8080/alerts

tracing:
  endpoint: otel:4317
"""
TRUSTING = 'tls_config: {"ca_file": "/run/ca.pem"}'
PROXY = 'proxy_url: "http://127.0.0.1:20000"'


@dataclass(frozen=True)
class AnySink:
    """Leads to the URL of a receiver, or to a host of its own."""

    name: str = "any"
    receiver_key: str = ""

    def route(self, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> tuple[str, str]:
        """Return where a receiver leads."""
        url = str(config.get("api_url") or config.get("url") or "")
        host, _, path = url.partition("://")[2].partition("/")
        return (host if ":" in host else f"{host}:443", f"/{path}") if host else (f"{self.name}.invalid:80", "")

    def accept(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Any:
        """Take nothing."""
        raise NotImplementedError


def sink(called: str) -> Any:
    return lambda: AnySink(called)


SINKS = {f"{kind}_configs": sink(kind) for kind in ("email", "pagerduty", "slack", "webhook")}


def place(folder: Path) -> Place:
    return Place(
        name="alertmanager",
        folder=Path("/run/am"),
        home=folder,
        addresses={"http": "127.0.0.1:20001"},
        network=Network(proxy="http://127.0.0.1:20000", smtp="127.0.0.1:20002", ca_file=Path("/run/ca.pem"), sinks=SINKS),
        fill=lambda text: text,
        open=Document.open,
        mounts={"/etc/alertmanager": str(folder / "am")},
    )


def home(folder: Path, text: str = CONFIG) -> Path:
    (folder / "am").mkdir()
    (folder / "am" / "alertmanager.yml").write_text(text, encoding="utf-8")
    return folder


def component(*args: str) -> Alertmanager:
    return Alertmanager("am/alertmanager.yml", args)


def test_every_way_out_is_a_route_with_its_receiver_and_line(tmp_path: Path) -> None:
    facts = component().facts(place(home(tmp_path)))

    assert facts.routes == (
        Route("email.invalid:80", "", "email", "mail", "am/alertmanager.yml:20", resolved=False),
        Route("email.invalid:80", "", "email", "mail", "am/alertmanager.yml:21", resolved=False),
        Route("pagerduty.invalid:80", "", "pagerduty", "pager", "am/alertmanager.yml:28"),
        Route("slack.invalid:80", "", "slack", "pager", "am/alertmanager.yml:30", resolved=False),
        Route("hooks.slack.com:443", "/services/T/B/secret", "slack", "pager", "am/alertmanager.yml:31", resolved=False),
        Route("webhook.invalid:80", "/receivers/1/webhook_configs/0", "webhook", "pager", "am/alertmanager.yml:39"),
        Route("audit.prod.example:8080", "/alerts", "webhook", "pager", "am/alertmanager.yml:40"),
    )


def test_the_journal_gets_neither_secrets_nor_urls_that_are_secret(tmp_path: Path) -> None:
    facts = component().facts(place(home(tmp_path)))

    assert facts.files == {
        "am/alertmanager.yml": CONFIG.replace("hunter2", '"<secret>"')
        .replace("https://hooks.slack.com/services/T/B/secret", '"https://hooks.slack.com/<secret>"')
        .replace("http://audit.prod.example:8080/alerts", '"http://audit.prod.example:8080/<secret>"')
    }
    assert [(each.tool, each.path) for each in facts.checks] == [("amtool", tmp_path / "am/alertmanager.yml")]


def test_a_receiver_without_a_sink_is_named_with_its_line(tmp_path: Path) -> None:
    text = "receivers:\n  - name: x\n    webhook_configs: [{url: 'http://a'}]\n    opsgenie_configs:\n"
    text += "      - api_key: k\n      - api_key: l\n"
    folder = home(tmp_path, f"{text}  - name: y\n    victorops_configs: [{{}}]\n")

    with pytest.raises(ConfigError) as caught:
        component().facts(place(folder))

    known = "known are: email_configs, pagerduty_configs, slack_configs, webhook_configs"
    assert str(caught.value).splitlines() == [
        f"am/alertmanager.yml:4: receiver 'x' uses opsgenie_configs, for which there is no sink yet; {known}",
        f"am/alertmanager.yml:8: receiver 'y' uses victorops_configs, for which there is no sink yet; {known}",
    ]


@pytest.mark.parametrize(
    "text", ["", "- a\n", "receivers: 5\nglobal: []\nroute:\n", "receivers: [{name: x, email_configs: }]\n"]
)
def test_a_configuration_of_a_strange_shape_is_left_to_amtool(text: str, tmp_path: Path) -> None:
    facts = component().facts(place(home(tmp_path, text)))

    assert (facts.routes, facts.files) == ((), {"am/alertmanager.yml": text})


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    said = []
    for ask in (component().facts, component().launch):
        with pytest.raises(ConfigError) as caught:
            ask(place(tmp_path))
        said.append(str(caught.value))

    assert said == [f"{tmp_path}/am/alertmanager.yml: there is no such file"] * 2


def test_the_working_copy_differs_only_where_it_must(tmp_path: Path) -> None:
    launch = component().launch(place(home(tmp_path)))

    oauth = '          oauth2: {client_id: a, client_secret: hunter2, token_url: "https://id.prod.example"}\n'
    trusting = 'tls_config: {"ca_file": "/run/ca.pem", server_name: "localhost"}'
    expected = (
        CONFIG.replace(oauth, f"          {TRUSTING}\n")
        .replace("hunter2", '"<secret>"')
        .replace("smtp.prod.example:587", '"127.0.0.1:20002"')
        .replace("/run/secrets/slack", '"/run/am/slack_api_url_file.1"')
        .replace("5m\n", f'5m\n  http_config: {{"proxy_url": "http://127.0.0.1:20000", {TRUSTING}}}\n')
        .replace("'templates/*.tmpl'", f'"{tmp_path}/am/templates/*.tmpl"')
        .replace("/etc/alertmanager/x.tmpl", f'"{tmp_path}/am/x.tmpl"')
        .replace("to: a@prod.example\n", f"to: a@prod.example\n        {trusting}\n")
        .replace("other.prod.example:465", '"127.0.0.1:20002"')
        .replace("        force_implicit_tls: true\n", "")
        .replace("mail.password", '"/run/am/auth_password_file.2"')
        .replace("corp.pem, insecure_skip_verify: true", '"/run/ca.pem", insecure_skip_verify: true, server_name: "localhost"')
        .replace("/run/secrets/pagerduty", '"/run/am/routing_key_file.3"')
        .replace("proxy_url: http://proxy.corp:3128", PROXY)
        .replace("hook.url", '"/run/am/url_file.4"')
        .replace("\ntracing:\n  endpoint: otel:4317\n", "\n")
    )  # fmt: skip
    assert launch.files["alertmanager.yml"] == expected


def test_placeholders_hold_the_url_of_the_sink_where_a_url_is_wanted_and_whose_key_it_is(tmp_path: Path) -> None:
    launch = component().launch(place(home(tmp_path)))

    assert {name: text for name, text in launch.files.items() if name != "alertmanager.yml"} == {
        "slack_api_url_file.1": "http://slack.invalid/",
        "auth_password_file.2": "placeholder",
        "routing_key_file.3": "key of pager",
        "url_file.4": "http://webhook.invalid/receivers/1/webhook_configs/0",
    }


def test_sns_is_signed_with_keys_of_nobody_and_asks_no_profile_and_no_role(tmp_path: Path) -> None:
    text = "receivers:\n  - name: x\n    sns_configs:\n"
    text += (
        "      - {topic_arn: t, sigv4: {region: eu-west-1, profile: prod, role_arn: r, external_id: e}}\n      - topic_arn: t\n"
    )
    made = place(home(tmp_path, text))
    sinks = dataclasses.replace(made.network, sinks={"sns_configs": sink("sns")})

    launch = component().launch(dataclasses.replace(made, network=sinks))

    derived = yaml.safe_load(launch.files["alertmanager.yml"])["receivers"][0]["sns_configs"]
    keys = {"access_key": "<secret>", "secret_key": "<secret>"}
    assert [each["sigv4"] for each in derived] == [{"region": "eu-west-1", **keys}, {"region": "us-east-1", **keys}]


def test_the_placeholder_of_a_chat_is_a_number(tmp_path: Path) -> None:
    text = "receivers:\n  - name: x\n    telegram_configs: [{bot_token_file: t, chat_id_file: c}]\n"
    made = place(home(tmp_path, text))
    sinks = dataclasses.replace(made.network, sinks={"telegram_configs": sink("telegram")})

    files = component().launch(dataclasses.replace(made, network=sinks)).files

    assert {name: text for name, text in files.items() if name != "alertmanager.yml"} == {
        "bot_token_file.1": "placeholder",
        "chat_id_file.2": "1",
    }


def test_secret_files_of_the_user_are_not_opened(tmp_path: Path) -> None:
    folder = home(tmp_path)
    (folder / "am" / "hook.url").mkdir()
    (folder / "am" / "mail.password").mkdir()

    launch = component().launch(place(folder))

    assert launch.folder == Path("/run/am")


def test_it_is_not_clustered_unless_the_user_wants_it(tmp_path: Path) -> None:
    folder = home(tmp_path)
    ours = (
        "alertmanager",
        "--config.file=/run/am/alertmanager.yml",
        "--storage.path=/run/am/data",
        "--web.listen-address=127.0.0.1:20001",
    )

    alone = component("--config.file=/etc/am.yml", "--log.level=debug").launch(place(folder)).argv
    clustered = component("--cluster.listen-address=127.0.0.1:20003").launch(place(folder)).argv

    assert alone == (*ours, "--cluster.listen-address=", "--log.level=debug")
    assert clustered == (*ours, "--cluster.listen-address=127.0.0.1:20003")


def answering(status: int, data: Mapping[str, Any]) -> AlertmanagerClient:
    transport = httpx.MockTransport(lambda request: httpx.Response(status, json=data.get(request.url.path)))
    return AlertmanagerClient(Http("alertmanager", "http://am/prefix", transport))


def test_alerts_silences_and_status_are_asked_below_the_prefix() -> None:
    said = {"alerts": [], "alerts/groups": [], "silences": [{"id": "s"}], "status": {"uptime": "now"}}
    client = answering(200, {f"/prefix/api/v2/{path}": data for path, data in said.items()})

    found = (client.alerts(), client.silences(), client.status(), client.ready(), isinstance(client, HoldsAlerts))

    assert found == ([], [{"id": "s"}], {"uptime": "now"}, True, True)


def test_an_alert_says_which_receivers_hear_nothing_of_it_at_this_time() -> None:
    def group(receiver: str, *muted: str) -> dict[str, Any]:
        return {"receiver": {"name": receiver}, "alerts": [{"fingerprint": "1", "status": {"mutedBy": list(muted)}}]}

    groups = [group("audit"), group("on-call", "weekends", "nights")]
    client = answering(200, {"/prefix/api/v2/alerts": [{"fingerprint": "1"}, {}], "/prefix/api/v2/alerts/groups": groups})

    assert client.alerts() == [
        {"fingerprint": "1", "mutedBy": {"on-call": ["weekends", "nights"]}},
        {"mutedBy": {}},
    ]


def test_an_alertmanager_that_cannot_answer_says_so() -> None:
    client = answering(503, {})

    with pytest.raises(LookFailed) as caught:
        client.alerts()

    assert str(caught.value) == "alertmanager answered /api/v2/alerts/groups with 503"
    assert client.ready() is False
