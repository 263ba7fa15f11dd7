"""kill, restart, freeze and disconnect: what is done to the member, what confirms it, and what is refused."""

from dataclasses import replace
from typing import Any

import pytest

from pytest_obscheck.faults.disconnect import Disconnect
from pytest_obscheck.faults.freeze import Freeze
from pytest_obscheck.faults.kill import Kill
from pytest_obscheck.faults.restart import Restart
from pytest_obscheck.protocols import Effect

FAULTS = [
    (Kill("checkout"), "running", "not running", "checkout is killed"),
    (Restart("checkout"), "running", "stopped", "checkout is restarted"),
    (Freeze("checkout"), "running", "frozen", "checkout is frozen"),
    (Disconnect("checkout"), "on its network", "off its network", "checkout is off its network"),
]


@pytest.mark.parametrize(("fault", "well", "harmed", "words"), FAULTS)
def test_the_member_is_harmed_and_cured(fault: Any, well: str, harmed: str, words: str, stack: Any) -> None:
    before = fault.confirm(stack)
    fault.inject(stack)
    after = fault.confirm(stack)
    fault.heal(stack)
    cured = fault.confirm(stack)

    assert [Effect(False, well), Effect(True, harmed), Effect(False, well)] == [before, after, cured]
    assert words == str(fault)


@pytest.mark.parametrize(("fault", "well"), [(fault, well) for fault, well, _, _ in FAULTS])
def test_a_member_that_goes_on_as_before_is_not_confirmed(fault: Any, well: str, stack: Any) -> None:
    stack.members["checkout"].stubborn = True

    fault.inject(stack)

    assert Effect(False, well) == fault.confirm(stack)


@pytest.mark.parametrize("fault", [fault for fault, *_ in FAULTS])
def test_a_member_that_does_not_exist_is_named_with_its_nearest(fault: Any, plan: Any) -> None:
    plan = replace(plan, networked=True)

    assert list(fault.problems(plan)) == []
    assert list(type(fault)("chekout").problems(plan)) == ["no member called 'chekout'; did you mean 'checkout'?"]


def test_a_restart_is_orderly_and_a_kill_is_not(stack: Any) -> None:
    for fault in (Restart("checkout"), Kill("checkout")):
        fault.inject(stack)
        fault.heal(stack)

    assert stack.members["checkout"].done == ["stop", "start", "kill", "start"]


def test_nobody_is_taken_off_a_network_that_all_share(plan: Any) -> None:
    rest = "here all members share this machine's network; play it with --obs-runtime=bridge"

    assert list(Disconnect("checkout").problems(plan)) == [f"checkout is off its network: {rest}"]
