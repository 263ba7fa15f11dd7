"""What those who evaluate rules tell beside PromQL: the evaluations that they missed, and the states of their alerts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pytest_obscheck.capabilities import Series
from pytest_obscheck.components._http import Http

_MISSED = "prometheus_rule_group_iterations_missed_total"
_INTERVAL = "prometheus_rule_group_interval_seconds"
_SLACK = 1e-6


def missed(http: Http, prefix: str = "") -> dict[str, float]:
    """Return for how many wall seconds each rule group was not evaluated though it should have been, since the start.

    ``prefix``: what stands before Prometheus's own names of these metrics.
    """
    counts, intervals = exposed(http, prefix + _MISSED, prefix + _INTERVAL)
    return {group: count * intervals.get(group, 1.0) for group, count in counts.items()}


def exposed(http: Http, *names: str) -> list[dict[str, float]]:
    """Return for each metric that a member exposes of itself the values of its series, by their labels as text."""
    # Versions that cannot leave out the rest tell everything.
    lines = http.text("/metrics", {"name[]": list(names)}).splitlines()
    return [dict(_labelled(name, lines)) for name in names]


def _labelled(name: str, lines: Iterable[str]) -> Iterator[tuple[str, float]]:
    """Yield the labels and the value of each series of a metric in an exposition."""
    for series, _, value in (line.rpartition(" ") for line in lines if line.startswith(f"{name}{{")):
        yield series.removeprefix(name), float(value)


def states(groups: Iterable[Mapping[str, Any]], since: float) -> tuple[list[Series], list[Series]]:
    """Return the ``ALERTS`` series of a ruler that keeps none: samples after a Unix second, and who is active now.

    An alert has been active since its ``activeAt`` without a break, was evaluated then and at each interval after it, and fires
    from when it has held long enough.
    """
    samples, now = list[Series](), list[Series]()
    for group, rule, alert in _active(groups):
        active, last = _unix(alert["activeAt"]), _unix(rule["lastEvaluation"])
        times = list(_evaluations(active, float(group["interval"]), since, last))
        fires = active + float(rule.get("duration") or 0) - _SLACK if alert["state"] == "firing" else math.inf
        samples += _series(alert, "pending", [at for at in times if at < fires])
        samples += _series(alert, "firing", [at for at in times if at >= fires])
        now += _series(alert, alert["state"], [last])
    return samples, now


def _active(groups: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]]:
    for group in groups:
        for rule in group["rules"]:
            yield from ((group, rule, alert) for alert in rule.get("alerts") or ())


def _evaluations(active: float, interval: float, since: float, last: float) -> Iterator[float]:
    """Yield the times after ``since`` at which an alert was found active."""
    number = max(0, math.floor((since - active) / interval) + 1)
    while active + number * interval <= last + _SLACK:
        yield active + number * interval
        number += 1


def _series(alert: Mapping[str, Any], state: str, times: list[float]) -> Iterator[Series]:
    if times:
        yield Series({"__name__": "ALERTS", **alert["labels"], "alertstate": state}, tuple((at, 1.0) for at in times))


def _unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
