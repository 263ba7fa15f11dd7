"""OpenSLO v1 specs → objectives: SLOs with a ratio or a threshold metric, their indicators inline or by reference.

The format: github.com/OpenSLO/OpenSLO, "SLO" and "SLI" (``alerting`` reads the windows of its alerts). A query with
``{{.window}}`` is taken as it is; a plain selector of a counter becomes ``sum(rate(selector[{{.window}}]))``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.objective import WINDOW, Events, Indicator, Objective, Ratio, Threshold
from pytest_obscheck.slo._spec import Spec
from pytest_obscheck.slo.alerting import Alerting

SIGNS = {"lte": "<=", "gte": ">=", "lt": "<", "gt": ">"}
SELECTOR = r"[a-zA-Z_:][a-zA-Z0-9_:]*\s*(\{[^{}]*\})?"


def openslo(specs: Sequence[Spec]) -> list[Objective]:
    """Return the objectives of all SLOs among the documents of a file."""
    ours = [spec for spec in specs if _is_ours(spec)]
    slis = {_name(spec): inner for spec in ours if spec.text("kind") == "SLI" and (inner := spec.at("spec"))}
    alerting = Alerting.of(ours)
    return [objective for spec in ours if spec.text("kind") == "SLO" for objective in _objectives(spec, slis, alerting)]


def _is_ours(spec: Spec) -> bool:
    version = spec.text("apiVersion")
    if version not in ("", "openslo/v1"):
        spec.problem(f"apiVersion {version!r} is not read", "write apiVersion: openslo/v1", "apiVersion")
    return version == "openslo/v1"


def _name(spec: Spec) -> str:
    metadata = spec.at("metadata")
    return metadata.text("name") if metadata else ""


def _objectives(slo: Spec, slis: Mapping[str, Spec], alerting: Alerting) -> list[Objective]:
    name, spec = _name(slo), slo.at("spec")
    if spec is None:
        return []
    service, period, sli = spec.text("service"), _period(spec), _sli(spec, slis)
    pairs = alerting.pairs(spec, period) if period else ()
    found = []
    for number, each in enumerate(spec.each("objectives")):
        target = _target(each)
        indicator = _indicator(sli, each) if sli else None
        if target is not None and period is not None and indicator is not None:
            called = name if not number else f"{name} {each.text('displayName', default=str(number + 1))}"
            found.append(Objective(called, service, target, period, indicator, pairs, each.where))
    return found


def _period(spec: Spec) -> float | None:
    for window in spec.each("timeWindow"):
        if window.text("isRolling", default="false") != "true":
            window.problem("a calendar window has no fixed length", "write isRolling: true and a duration such as 30d")
            return None
        return window.duration("duration")
    return None


def _sli(spec: Spec, slis: Mapping[str, Spec]) -> Spec | None:
    if spec.has("indicatorRef"):
        wanted = spec.text("indicatorRef")
        if wanted not in slis:
            spec.problem(f"no SLI called {wanted!r}", did_you_mean(wanted, slis), "indicatorRef")
        return slis.get(wanted)
    indicator = spec.at("indicator")
    return indicator.at("spec") if indicator else None


def _target(objective: Spec) -> float | None:
    percent = objective.has("targetPercent")
    value = objective.number("targetPercent" if percent else "target")
    target = None if value is None else round(value / 100, 12) if percent else value
    if target is not None and not 0 < target < 1:
        key, right = ("targetPercent", "99.9") if percent else ("target", "0.999")
        objective.problem(f"a target of {value:g} leaves no budget, or nothing else", f"write {key}: {right}", key)
        return None
    return target


def _indicator(sli: Spec, objective: Spec) -> Indicator | None:
    if sli.has("thresholdMetric"):
        return _threshold(sli, objective)
    ratio = sli.at("ratioMetric") if sli.has("ratioMetric") else None
    if ratio is None:
        sli.problem("the indicator has neither 'ratioMetric' nor 'thresholdMetric'")
        return None
    if ratio.has("raw"):
        return Ratio(_query(ratio, "raw"), bad=ratio.text("rawType") == "failure")
    total = _query(ratio, "total")
    if ratio.has("bad"):
        return Events(total, bad=_query(ratio, "bad"))
    return Events(total, good=_query(ratio, "good"))


def _threshold(sli: Spec, objective: Spec) -> Indicator | None:
    sign, value = objective.text("op"), objective.number("value")
    if sign and sign not in SIGNS:
        objective.problem(f"op {sign!r} is none", did_you_mean(sign, SIGNS), "op")
    if sign not in SIGNS or value is None:
        return None
    return Threshold(_text(sli, "thresholdMetric"), SIGNS[sign], value)


def _text(spec: Spec, key: str) -> str:
    metric = spec.at(key)
    source = metric.at("metricSource") if metric else None
    inner = source.at("spec") if source else None
    return inner.text("promql" if inner.has("promql") else "query") if inner else ""


def _query(spec: Spec, key: str) -> str:
    query = _text(spec, key)
    return f"sum(rate({query}[{WINDOW}]))" if re.fullmatch(SELECTOR, query) else query
