"""Scenario ⇄ JSON values, so that a journal can be judged again on another machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from pytest_obscheck import registry
from pytest_obscheck.errors import ConfigError, Problem
from pytest_obscheck.scenario import Claim, Planned, Scenario
from pytest_obscheck.when import SPANS, Phrase, Window, Within


def to_data(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario as JSON values, from which ``from_data`` makes an equal one."""
    return {
        "name": scenario.name,
        "where": scenario.where,
        "share": scenario.share,
        "stack": scenario.stack,
        "speed": scenario.speed,
        "instant": scenario.instant,
        "loads": [_planned_data(planned) for planned in scenario.loads],
        "faults": [_planned_data(planned) for planned in scenario.faults],
        "claims": [_claim_data(claim) for claim in scenario.claims],
    }


def _planned_data(planned: Planned) -> dict[str, Any]:
    window = [planned.window.start, planned.window.end]
    return {"what": _what_data(planned.what), "window": window, "name": planned.name, "where": planned.where}


def _claim_data(claim: Claim) -> dict[str, Any]:
    phrase = {"kind": type(claim.phrase).__name__.lower(), **dataclasses.asdict(claim.phrase)}  # type: ignore[call-overload]
    what = _what_data(claim.expectation)
    return {"what": what, "phrase": phrase, "name": claim.name, "warm": claim.warm, "where": claim.where}


def _what_data(what: Any) -> dict[str, Any]:
    return {registry.name_of(type(what)): dataclasses.asdict(what)}


def from_data(data: Mapping[str, Any]) -> Scenario:
    """Return the scenario that ``to_data`` wrote; ``ConfigError`` where an extension of it is not installed here."""
    try:
        return Scenario(
            data["name"],
            tuple(_planned_from("loads", each) for each in data["loads"]),
            tuple(_planned_from("faults", each) for each in data["faults"]),
            tuple(_claim_from(each) for each in data["claims"]),
            data["share"],
            data.get("stack", ""),
            data.get("speed", ""),
            data.get("instant", ""),
            data["where"],
        )
    except (registry.UnknownName, KeyError, TypeError, ValueError) as error:
        raise ConfigError([Problem("journal", f"its story cannot be read here: {error}")]) from None


def _what_from(kind: str, data: Mapping[str, Any]) -> Any:
    (name, fields), *_ = data.items()
    settings = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    return registry.find(kind, name)(**settings)


def _planned_from(kind: str, data: Mapping[str, Any]) -> Planned:
    return Planned(_what_from(kind, data["what"]), Window(*data["window"]), data["name"], data["where"])


def _claim_from(data: Mapping[str, Any]) -> Claim:
    phrase = dict(data["phrase"])
    kind = phrase.pop("kind")
    made: Phrase = Within(**phrase) if kind == "within" else SPANS[kind](Window(**phrase["span"]))
    return Claim(_what_from("expectations", data["what"]), made, data["name"], data["warm"], data["where"])
