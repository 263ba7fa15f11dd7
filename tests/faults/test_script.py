"""Scripted series: what the target is told, what confirms it, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from pytest_obscheck.abilities import AltersSamples
from pytest_obscheck.errors import FaultFailed, LookFailed
from pytest_obscheck.faults.script import Script
from pytest_obscheck.protocols import Effect

SERIES = {'users{of="day"}': "99x60", "late": "_x60"}


@dataclass
class FakeTarget:
    """Notes its scripts; ``deaf`` ones expose what they always did."""

    deaf: bool = False
    played: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def play(self, key: str, script: Mapping[str, Any]) -> None:
        if "gone" in str(script):
            raise LookFailed("kube: script: the target has no series 'gone'; there are none")
        self.played[key] = script

    def stop(self, key: str) -> None:
        self.played.pop(key, None)

    def playing(self, key: str) -> Mapping[str, float | None] | None:
        return {'users{of="day"}': 99.0, "late": None} if key in self.played else None

    def exposed(self) -> Mapping[str, str]:
        return {"late": "1"} if self.deaf or not self.played else {'users{of="day"}': "99"}


def test_the_target_is_told_the_script_and_confirms_what_it_exposes(stack: Any) -> None:
    target = stack.members["kube"] = FakeTarget()
    fault = Script("kube", SERIES, "30s")

    before = fault.confirm(stack)
    fault.inject(stack)
    told, after = list(target.played.values()), fault.confirm(stack)
    fault.heal(stack)
    fault.heal(stack)

    assert told == [{"interval": 30.0, "series": [{"series": name, "values": SERIES[name]} for name in SERIES]}]
    assert (before, after) == (Effect(False, ""), Effect(True, 'users{of="day"} is 99, and 1 more'))
    assert not fault.confirm(stack).held


def test_a_target_that_exposes_something_else_is_not_scripted(stack: Any) -> None:
    stack.members["kube"] = FakeTarget(deaf=True)
    fault = Script("kube", SERIES)
    fault.inject(stack)

    assert fault.confirm(stack) == Effect(False, 'users{of="day"} is gone, and 1 more')


def test_a_script_that_the_target_refuses_fails_the_fault(stack: Any) -> None:
    stack.members["kube"] = FakeTarget()

    with pytest.raises(FaultFailed) as failed:
        Script("kube", {"gone": "1"}).inject(stack)

    why = "kube: script: the target has no series 'gone'; there are none"
    assert str(failed.value) == f"the script could not begin: {why}"


def test_it_is_told_in_words_and_names_the_metrics_that_it_alters() -> None:
    fault = Script("kube", {'x_total{a="b"}': "0+1x60", 'x_total{a="c"}': "0+2x60", "y": "5"})

    assert str(fault) == "kube is scripted: x_total, y"
    assert isinstance(fault, AltersSamples)
    assert fault.alters() == ("x_total", "y")
    assert Script("kube", {'{"pod.ready"}': "1", '{"pod.ready", a="b"}': "0"}).alters() == ("pod.ready",)


def test_series_that_cannot_be_there_are_refused_before_anything_starts(plan: Any) -> None:
    assert list(Script("checkuot", {"x{": "1"}).problems(plan)) == [
        "no member called 'checkuot'; did you mean 'checkout'?",
        "series 'x{' cannot be read: unclosed braces",
    ]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"series": {}}, "script: there are no series; write them like {'active_users': '99x60'}"),
        ({"series": {"x": "1"}, "interval": "0s"}, "interval: '0s' is no time; write it like '1m'"),
    ],
)
def test_a_script_that_says_nothing_is_refused(fields: Any, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        Script("kube", **fields)

    assert str(raised.value) == said
