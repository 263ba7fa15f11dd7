"""How long it takes to derive the working copies of a large Prometheus: 5,000 lines of configuration, 300 rule files.

Run it: ``python tests/performance/deriving.py`` (some seconds).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, tell

from pytest_obscheck.clock import SystemClock
from pytest_obscheck.components.prometheus import Prometheus
from pytest_obscheck.derive import Document
from pytest_obscheck.protocols import Network, Place

JOBS, FILES, LIMIT, TRIES = 250, 300, 1.0, 5
JOB = """\
  - job_name: job-{number}
    scheme: https
    authorization: {{credentials_file: /run/secrets/token-{number}}}
    kubernetes_sd_configs:
      - role: pod
        namespaces: {{names: [shop]}}
    relabel_configs:
      - source_labels: [__meta_kubernetes_namespace]
        target_label: namespace
      - source_labels: [__address__, __meta_kubernetes_pod_annotation_port]
        regex: ([^:]+)(?::\\d+)?;(\\d+)
        replacement: $1:$2
        target_label: __address__
      - action: labelmap
        regex: __meta_kubernetes_pod_label_(.+)
    metric_relabel_configs:
      - source_labels: [__name__]
        # too many
        regex: expensive.*
        action: drop
"""
RULE = "      - alert: A{number}\n        expr: rate(x_total[5m]) > 1\n        for: 5m\n        labels: {{severity: page}}\n"


def place(home: Path) -> Place:
    """Write the files; return where the component lives."""
    (home / "rules").mkdir()
    jobs = "".join(JOB.format(number=number) for number in range(JOBS))
    (home / "p.yml").write_text(f"rule_files: [rules/*.yml]\nscrape_configs:\n{jobs}")
    for number in range(FILES):
        rules = "".join(RULE.format(number=f"{number}x{each}") for each in range(5))
        (home / f"rules/{number}.yml").write_text(f"groups:\n  - name: g{number}\n    rules:\n{rules}")
    network = Network(proxy="http://127.0.0.1:2", ca_file=Path("/run/ca.pem"))
    return Place("p", home / "run", home, {"http": "127.0.0.1:1"}, network, lambda text: text, Document.open)


def figures() -> Iterator[Figure]:
    """Yield the seconds for reading everything, and for the working copies; the best of some tries."""
    clock = SystemClock()
    component = Prometheus("p.yml", targets={f"job-{number}": ({"targets": ("a:1",)},) for number in range(JOBS)})
    with tempfile.TemporaryDirectory() as folder:
        where = place(Path(folder))
        for what, work in (("read and checked for itself", component.facts), ("derived", component.launch)):
            took = []
            for _ in range(TRIES):
                begin = clock.now()
                work(where)
                took.append(clock.now() - begin)
            name = f"{JOBS * JOB.count(chr(10)):,} lines, {FILES} rule files: {what}"
            yield Figure(name, f"{min(took):.2f} s", f"<= {LIMIT:g} s", min(took) <= LIMIT)


if __name__ == "__main__":
    sys.exit(tell(figures()))
