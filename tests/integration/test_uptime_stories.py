"""Stories about uptime, on a real blackbox exporter: what it sees of a dead service, and of a certificate that ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.exporters]

STACK = """components:
  prometheus: {config: prometheus.yml}
  blackbox_exporter: {config: blackbox.yml, hosts: [blackbox.prod.example:9115]}
services:
  shop:
    command: [python, -u, -m, http.server, "${port.http}", --bind, 127.0.0.1]
    hosts: {shop.prod.example:80: http, shop.prod.example:443: http}
    ready: /
"""
PROMETHEUS = """global: {scrape_interval: 200ms, evaluation_interval: 200ms}
rule_files: [rules.yml]
scrape_configs:
  - job_name: blackbox
    metrics_path: /probe
    params: {module: [page]}
    static_configs: [{targets: ['http://shop.prod.example/', 'https://shop.prod.example/']}]
    relabel_configs: &probes
      - {source_labels: [__address__], target_label: __param_target}
      - {source_labels: [__param_target], target_label: instance}
      - {target_label: __address__, replacement: blackbox.prod.example:9115}
  - job_name: wording
    metrics_path: /probe
    params: {module: [wording]}
    static_configs: [{targets: ['http://shop.prod.example/rules.yml']}]
    relabel_configs: *probes
"""
BLACKBOX = """modules:
  page: {prober: http, timeout: 3s}
  wording:
    prober: http
    timeout: 3s
    http:
      fail_if_body_not_matches_regexp: [no such words]
      basic_auth: {username: shop, password: hunter2}
"""
RULES = """groups:
  - name: uptime
    rules:
      - {alert: EndpointDown, expr: 'probe_success{job="blackbox"} == 0'}
      - {alert: CertificateEnds, expr: probe_ssl_earliest_cert_expiry - time() < 86400 * 14}
"""
DEAD = """name: a shop that is dead is seen from outside, and so is its return
faults:
  - kill: {component: shop}
    from: 1s
    until: 3s
expect:
  - uptime: {target: 'http://shop.prod.example/', status: 200, faster: 2s}
    always: 0s .. 1s
  - uptime: {target: 'http://shop.prod.example/', up: false, status: 502}
    within: 2s
    after: kill
  - uptime: {target: 'http://shop.prod.example/'}
    within: 3s
    after: cure of kill
  - alert: {name: EndpointDown}
    within: 2s
    after: kill
  - uptime: {target: wording, up: false, status: 200, matches: false}
    always: 0s .. 900ms
  - uptime: {target: 'http://shop.prod.example/'}
    always: 0s .. 3s
  - uptime: {target: 'http://shop.prod.example/nowhere'}
    eventually: 0s .. 3s
"""
ENDS = """name: a certificate that ends soon is told in time, and one that ended is no certificate
faults:
  - certificate: {host: shop.prod.example, left: 3d}
    from: 1s
    until: 3s
  - certificate: {host: shop.prod.example, left: -1d}
    from: 5s
    until: 7s
    as: ended
expect:
  - uptime: {target: 'https://shop.prod.example/', tls_days: "> 14"}
    always: 0s .. 1s
  - uptime: {target: 'https://shop.prod.example/', tls_days: "< 3"}
    within: 2s
    after: certificate
  - alert: {name: CertificateEnds}
    within: 2s
    after: certificate
  - uptime: {target: 'https://shop.prod.example/', tls_days: "> 14"}
    within: 2s
    after: cure of certificate
  - uptime: {target: 'https://shop.prod.example/', up: false}
    within: 2s
    after: ended
  - uptime: {target: 'https://shop.prod.example/'}
    within: 2s
    after: cure of ended
"""


@pytest.fixture
def shop(bare_project: Any, obs_program: Callable[[str], Path]) -> Any:
    """Return a shop that is probed by plain HTTP and by TLS."""
    for name in ("prometheus", "promtool", "blackbox_exporter"):
        obs_program(name)
    files = {"stack.yaml": STACK, "prometheus.yml": PROMETHEUS, "blackbox.yml": BLACKBOX, "rules.yml": RULES}
    for name, text in files.items():
        bare_project.write(f"stack/{name}", text)
    return bare_project


def test_a_dead_shop_flips_its_probes_and_back(shop: Any) -> None:
    shop.write("scenarios/dead.obs.yaml", DEAD)

    said = shop.pytest("--obs-stack", "-q")

    assert (said.code, said.marks) == (1, ["✓", "✓", "✓", "✓", "✓", "✓", "✗", "?"]), said.out
    assert "down, status 502" in said
    assert "nobody probes it: there is no `probe_success`" in said
    assert "hunter2" not in said
    assert shop.left() == ([], [])


def test_a_certificate_that_ends_is_told_in_time(shop: Any) -> None:
    shop.write("scenarios/ends.obs.yaml", ENDS)

    said = shop.pytest("--obs-stack", "-q")

    assert said.code == 0, said.out
    assert shop.left() == ([], [])
