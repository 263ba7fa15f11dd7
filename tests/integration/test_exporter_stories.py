"""Stories about what exporters say, each beside the program that it watches, whose end and return it tells."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.components import _exporter, nginx_exporter, postgres_exporter, redis_exporter

pytestmark = [pytest.mark.integration, pytest.mark.exporters]

STACK = """components:
  prometheus: {config: prometheus.yml}
  redis: {}
  postgresql: {user: shop}
  redis_exporter: {hosts: [redis-1.prod.example:9121]}
  postgres_exporter: {user: shop, hosts: [postgres-1.prod.example:9187]}
  nginx_exporter: {url: "http://${web.address}/stub_status", hosts: [web-1.prod.example:9113]}
services:
  web:
    command: [sh, -c, 'printf "%s" "$CONF" > "$HOME/nginx.conf" && exec nginx -e stderr -p "$HOME" -c nginx.conf']
    environment:
      CONF: >-
        user root; daemon off; pid nginx.pid; events {} http { access_log off; client_body_temp_path body;
        proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
        server { listen 127.0.0.1:${port.http}; location = /stub_status { stub_status; } } }
    ready: /stub_status
"""
PROMETHEUS = """global: {scrape_interval: 200ms, evaluation_interval: 200ms}
rule_files: [rules.yml]
scrape_configs:
  - {job_name: redis, static_configs: [{targets: [redis-1.prod.example:9121]}]}
  - {job_name: postgres, static_configs: [{targets: [postgres-1.prod.example:9187]}]}
  - {job_name: nginx, static_configs: [{targets: [web-1.prod.example:9113]}]}
"""
RULES = """groups:
  - name: servers
    rules:
      - {alert: RedisDown, expr: redis_up == 0}
      - {alert: PostgresDown, expr: 'pg_up == 0 or up{job="postgres"} == 0'} # it waits for its server longer than a scrape
      - {alert: NginxDown, expr: nginx_up == 0}
"""
STORY = """name: ${alert} fires while ${member} is gone, and no longer
rows:
  - {row: redis, member: redis, alert: RedisDown, series: redis_connected_clients}
  - {row: postgres, member: postgresql, alert: PostgresDown, series: pg_settings_max_connections}
  - {row: nginx, member: web, alert: NginxDown, series: nginx_connections_accepted}
faults:
  - kill: {component: "${member}"}
    from: 1s
    until: 3s
expect:
  - metric: {expr: "${series}"}
    eventually: 0s .. 1s
  - alert: {name: "${alert}"}
    never: 0s .. 1s
  - alert: {name: "${alert}"}
    within: 3s
    after: kill
  - resolved: {name: "${alert}"}
    within: 5s
    after: cure of kill
"""


def test_each_exporter_tells_that_its_server_is_gone(bare_project: Any, obs_program: Callable[[str], Path]) -> None:
    for name in ("prometheus", "promtool", nginx_exporter.PROGRAM):
        obs_program(name)
    for module in (redis_exporter, postgres_exporter):
        _exporter.program(*module.NAMES, advice=module.ADVICE)
    _exporter.program("nginx", advice="install the package nginx")
    for name, text in {"stack.yaml": STACK, "prometheus.yml": PROMETHEUS, "rules.yml": RULES}.items():
        bare_project.write(f"stack/{name}", text)
    bare_project.write("scenarios/gone.obs.yaml", STORY)

    said = bare_project.pytest("--obs-stack", "-q")

    assert said.code == 0, said.out
    assert bare_project.left() == ([], [])
