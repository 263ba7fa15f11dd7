"""OpenSLO's AlertPolicies and AlertConditions → the windows of an objective's alerts.

The format: github.com/OpenSLO/OpenSLO, "AlertPolicy" and "AlertCondition". A condition compares the burn rate over one window
(``lookbackWindow``) with a ``threshold``, and must hold for ``alertAfter``. It is a pair whose two windows are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import yaml

from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.objective import PAIRS, Pair
from pytest_obscheck.slo._spec import Spec

OPS = ("gt", "gte")
KIND = "burnrate"


@dataclass(frozen=True)
class Alerting:
    """The AlertPolicies and AlertConditions of a file that have names, by these: the whole document of each."""

    policies: Mapping[str, Spec]
    conditions: Mapping[str, Spec]

    @classmethod
    def of(cls, specs: Sequence[Spec]) -> Alerting:
        """Find them among the documents of a file."""
        return cls(_named(specs, "AlertPolicy"), _named(specs, "AlertCondition"))

    def pairs(self, slo: Spec, period: float) -> tuple[Pair, ...]:
        """Return the windows of an SLO's alerts; the workbook's where it names no policy. Problems stay with the reader."""
        if not slo.has("alertPolicies"):
            return PAIRS
        return tuple(pair for each in slo.each("alertPolicies") for pair in self._of_policy(each, period))

    def _of_policy(self, entry: Spec, period: float) -> Iterator[Pair]:
        policy = _found(entry, "alertPolicyRef", self.policies, "AlertPolicy")
        spec = policy.at("spec") if policy else None
        if spec is None or spec.text("alertWhenBreaching", default="true") != "true":
            return
        for each in spec.each("conditions"):
            condition = _found(each, "conditionRef", self.conditions, "AlertCondition")
            inner = condition.at("spec") if condition else None
            pair = _pair(inner, period) if inner else None
            if pair is not None:
                yield pair


def _named(specs: Sequence[Spec], kind: str) -> dict[str, Spec]:
    mine = (spec for spec in specs if spec.text("kind", default="") == kind)
    return {metadata.text("name"): spec for spec in mine if (metadata := spec.at("metadata"))}


def _found(entry: Spec, key: str, known: Mapping[str, Spec], kind: str) -> Spec | None:
    """Return what an entry of a list names, by its name alone or under a key, or what stands there itself."""
    alone = str(entry.node.value) if isinstance(entry.node, yaml.ScalarNode) else ""
    if not alone and not entry.has(key):
        return entry
    name = alone or entry.text(key)
    if name not in known:
        entry.problem(f"no {kind} called {name!r}", did_you_mean(name, known), key)
    return known.get(name)


def _pair(spec: Spec, period: float) -> Pair | None:
    severity, condition = spec.text("severity"), spec.at("condition")
    if condition is None:
        return None
    kind, op = condition.text("kind", default=KIND), condition.text("op", default=OPS[0])
    if kind != KIND:
        condition.problem(f"a condition of kind {kind!r} is not read", f"write kind: {KIND}", "kind")
    if op not in OPS:
        condition.problem(f"op {op!r} would alert while little burns", f"write op: {OPS[0]}", "op")
    threshold, window = condition.number("threshold"), condition.duration("lookbackWindow")
    after = condition.duration("alertAfter") if condition.has("alertAfter") else 0.0
    if threshold is None or not window or after is None:
        return None
    return Pair(window, window, threshold * window / period, severity, after)
