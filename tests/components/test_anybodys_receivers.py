"""An alertmanager.yml of anybody's, unmodified: an alert for each of its routes reaches a sink, and nothing else is asked for.

``OBSCHECK_CORPUS`` names a folder whose alertmanager/*.yml are tried, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from pytest_obscheck.capabilities import CatchesNotifications
from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.session import Session
from pytest_obscheck.stack import read
from pytest_obscheck.toolchain import find

pytestmark = pytest.mark.integration

CONFIG = """\
global: {smtp_smarthost: "mail.prod.example:25", smtp_from: am@prod.example, resolve_timeout: 5m}
templates: [/etc/alertmanager/template/*.tmpl]
route:
  receiver: mails
  group_by: [alertname, cluster]
  routes:
    - matchers: ['service=~"foo|bar"']
      receiver: pager
      routes:
        - {matchers: [severity="low"], receiver: hook}
receivers:
  - name: mails
    email_configs: [{to: a@b.example}]
  - name: pager
    pagerduty_configs: [{service_key: <team-key>}]
  - name: hook
    webhook_configs:
      - url: https://hooks.prod.example/x
        http_config: {oauth2: {client_id: a, client_secret: b, token_url: "https://login.prod.example/"}, proxy_url: "http://p:1"}
tracing: {endpoint: "tempo.prod.example:4317", insecure: true}
"""
NEWER = {"route_labels.yml": "0.34"}


def corpus() -> list[Path]:
    folder = os.environ.get("OBSCHECK_CORPUS")
    return sorted(Path(folder, "alertmanager").glob("*.y*ml")) if folder else []


def routed(route: Mapping[str, Any], labels: Mapping[str, str], number: Iterator[int]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the receiver of each route, and the labels of an alert that takes it."""
    own = dict(labels)
    for matcher in route.get("matchers") or ():
        name, value = re.fullmatch(r'(\w+)=~?"([^|"]*).*"', matcher).groups()  # type: ignore[union-attr]
        own[name] = value.replace(".+", "x")
    yield route["receiver"], {"alertname": f"A{next(number)}", **own}
    for inner in route.get("routes") or ():
        yield from routed(inner, own, number)


@pytest.mark.parametrize("config", [None, *corpus()], ids=lambda path: path.stem if path else "own")
def test_every_receiver_is_caught_and_nothing_is_refused(
    config: Path | None, tmp_path: Path, obs_program: Callable[[str], Path]
) -> None:
    obs_program("alertmanager")
    version = NEWER.get(config.name, "") if config else ""
    if version and not find(f"alertmanager@{version}").version.startswith(version):
        pytest.skip(f"obscheck install alertmanager@{version} amtool@{version}")
    (tmp_path / "a.yml").write_text(config.read_text() if config else CONFIG)
    member = {"config": "a.yml", "version": version}
    (tmp_path / "stack.yaml").write_text(yaml.safe_dump({"components": {"alertmanager": member}}))
    alerts = list(routed(yaml.safe_load((tmp_path / "a.yml").read_text())["route"], {}, iter(range(100))))
    # Whatever the group_wait: at this speed it is short.
    session = Session(read(tmp_path / "stack.yaml", tmp_path), "process", speed="60")
    try:
        stack = session.stack()
        url = f"http://{stack.seats['alertmanager'].place.addresses['http']}/api/v2/alerts"
        assert httpx.post(url, json=[{"labels": labels} for _, labels in alerts]).status_code == 200
        inbox = stack.that(CatchesNotifications)
        caught: dict[str, str] = {}

        def all_are_there() -> bool:
            for each in inbox.arrived(0.0, SystemClock().now()):
                caught.update(dict.fromkeys(re.findall(r"A\d+", f"{each.alerts} {each.text}"), each.receiver))
            return len(caught) == len(alerts)

        assert until(SystemClock(), all_are_there, 20.0), caught
        assert set(caught.values()) == {receiver for receiver, _ in alerts}
        assert inbox.refused() == []
    finally:
        session.close()
