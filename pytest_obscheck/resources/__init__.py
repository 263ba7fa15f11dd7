"""prometheus-operator's custom resources → the configuration that the operator makes of them; plain data in and out.

https://prometheus-operator.dev/docs/api-reference/api/, and ``pkg/prometheus/promcfg.go`` and ``pkg/alertmanager/amcfg.go`` of
the operator, whose relabelling and naming are repeated here for one shard and no enforced limits.
"""

from __future__ import annotations

from pytest_obscheck.resources.monitors import MONITORS, jobs
from pytest_obscheck.resources.routing import ROUTINGS, routed

__all__ = ["MONITORS", "ROUTINGS", "jobs", "routed"]
