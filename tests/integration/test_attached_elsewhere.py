"""Stories on what was started by somebody else: a Prometheus behind TLS and a password, an Alertmanager that knows a sink."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from pytest_obscheck.clock import SystemClock, until

pytestmark = pytest.mark.integration

CLOCK = SystemClock()
NOBODY = "$2b$04$abcdefghijklmnopqrstuukiPfWbK4Chx2wQkrCBcuNQWm8D.wM3i"
"""What bcrypt makes of 'not-a-secret'."""
WEB = f"tls_server_config: {{cert_file: cert.pem, key_file: key.pem}}\nbasic_auth_users: {{me: '{NOBODY}'}}\n"
PROMETHEUS = "global: {evaluation_interval: 100ms}\nrule_files: [rules.yml]\n"
RULES = "groups: [{{name: g, rules: [{{alert: Settling, expr: 'vector(time()) < {until}'}}]}}]\n"
STACK = """\
components:
  prometheus:
    config: prometheus.yml
    attached: {{url: "https://{address}", ca_file: {ca}, user: me, password_env: PASSWORD}}
"""
STORY = """\
name: what runs elsewhere has settled
expect:
  - metric: {expr: vector(1), is: "== 1"}
    always: 0s .. 1s
  - alert: {name: Settling}
    never: 0s .. 1s
"""
ALERTMANAGER = """\
route:
  {{receiver: audit, group_by: [...], group_wait: 0s, group_interval: 100ms,
    routes: [{{receiver: team, continue: true}}, {{receiver: audit}}]}}
receivers:
  - name: audit
    webhook_configs: [{{url: "http://{door}/audit"}}]
  - name: team
    slack_configs: [{{api_url: "http://127.0.0.1:1/x", channel: "#team"}}]
"""
ITS_STACK = """\
components:
  inbox: {{door: "{door}"}}
  alertmanager:
    config: alertmanager.yml
    attached: {{url: "http://{address}"}}
"""
ITS_STORY = """\
name: what it sends is seen where it leads here
expect:
  - notification: {sink: webhook, labels: {team: shop}}
    eventually: 0s .. 5s
  - notification: {sink: webhook, labels: {team: others}}
    never: 0s .. 1s
  - notification: {sink: slack, labels: {team: shop}}
    never: 0s .. 1s
"""


@contextmanager
def running(argv: list[str], url: str, **more: Any) -> Iterator[None]:
    """Run a program until the test ends, from when it answers."""
    process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
    try:
        assert until(CLOCK, lambda: answers(url, **more), 20), f"{argv[0]} does not answer"
        yield
    finally:
        process.kill()
        process.wait()


def answers(url: str, **more: Any) -> bool:
    """Whether there is an answer, of whatever kind."""
    with suppress(httpx.HTTPError):
        return bool(httpx.get(url, trust_env=False, **more).status_code)
    return False


@pytest.fixture
def authority(bare_project: Any) -> Path:
    """Write a certificate for 127.0.0.1 and its key; return the authority that signed it."""
    ca, home = trustme.CA(), bare_project.path
    certificate = ca.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(str(home / "key.pem"))
    certificate.cert_chain_pems[0].write_to_path(str(home / "cert.pem"))
    ca.cert_pem.write_to_path(str(home / "ca.pem"))
    return Path(home / "ca.pem")


def test_a_prometheus_behind_tls_and_a_password_is_judged_when_it_is_quiet(
    bare_project: Any, beginner: Any, authority: Path, obs_program: Callable[[str], Path]
) -> None:
    home, (address,) = bare_project.path, beginner.free(1)
    settled = round(CLOCK.now() + 5)
    files = {"web.yml": WEB, "prometheus.yml": PROMETHEUS, "rules.yml": RULES.format(until=settled), "s.obs.yaml": STORY}
    for name, text in {**files, "stack.yaml": STACK.format(address=address, ca=authority)}.items():
        bare_project.write(name, text)
    argv = [str(obs_program("prometheus")), f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data"]
    argv += [f"--web.listen-address={address}", f"--web.config.file={home}/web.yml", "--log.level=error"]

    def played(password: str) -> Any:
        return bare_project.pytest("--obs-stack=stack.yaml", "--obs-report=runs", "s.obs.yaml", PASSWORD=password)

    with running(argv, f"https://{address}/-/ready", verify=False):
        right = played("not-a-secret")
        events = [json.loads(line) for line in (home / "runs/s.ndjson").read_text().splitlines()]
        wrong = played("guessed")
        bare_project.edit("stack.yaml", f"ca_file: {authority}, ", "")
        strange = played("not-a-secret")

    zero = next(event for event in events if event.get("kind") == "zero")
    ahead = next(event for event in events if event.get("kind") == "run")["data"]["clocks_ahead"]
    assert (right.code, wrong.code, strange.code, bare_project.left()) == (0, 1, 1, ([], [])), right.out
    assert (zero["wall"] >= settled, abs(ahead["prometheus"]) < 1, "not-a-secret" in json.dumps(events)) == (True, True, False)
    assert f"https://{address} answers 401: it wants other credentials; write token_file, or user and password_file" in wrong
    assert f"https://{address} shows a certificate that is not trusted here; write its authority as ca_file" in strange


def test_what_an_attached_alertmanager_sends_is_seen_at_the_door_and_unknown_elsewhere(
    bare_project: Any, beginner: Any, obs_program: Callable[[str], Path]
) -> None:
    address, door = beginner.free(2)
    bare_project.write("alertmanager.yml", ALERTMANAGER.format(door=door))
    bare_project.write("stack.yaml", ITS_STACK.format(door=door, address=address))
    bare_project.write("s.obs.yaml", ITS_STORY)
    home = bare_project.path
    argv = [str(obs_program("alertmanager")), f"--config.file={home}/alertmanager.yml", f"--storage.path={home}/data"]
    argv += [f"--web.listen-address={address}", "--cluster.listen-address="]

    with (
        running(argv, f"http://{address}/-/ready"),
        bare_project.start("pytest", "--obs-stack=stack.yaml", "s.obs.yaml") as play,
    ):
        number = iter(range(10_000))
        until(CLOCK, lambda: alerted(address, str(next(number))) and play.poll() is not None, 40, 0.2)
        said, _ = play.communicate()

    unseen = "receiver 'team' of an attached Alertmanager leads to no sink of this run, but to 127.0.0.1:1 (alertmanager.yml:8)"
    assert (play.returncode, bare_project.left()) == (1, ([], [])), said
    assert "what it sends is seen where it leads here: unknown" in said, said
    assert '✓ webhook is notified of any alert{team="shop"} eventually in 0s .. 5.0s' in said
    assert '✓ webhook is notified of any alert{team="others"} never in 0s .. 1.0s' in said
    assert f"every look failed; the last said: {unseen}" in said


def alerted(address: str, number: str) -> bool:
    """Give it an alert of its own."""
    alert = {"labels": {"alertname": "A", "number": number, "team": "shop"}}
    return httpx.post(f"http://{address}/api/v2/alerts", json=[alert], trust_env=False).is_success
