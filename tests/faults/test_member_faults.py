"""kill, restart and freeze: what is done to the member, what confirms it, and what is refused."""

from typing import Any

import pytest

from pytest_obscheck.faults.freeze import Freeze
from pytest_obscheck.faults.kill import Kill
from pytest_obscheck.faults.restart import Restart
from pytest_obscheck.protocols import Effect

FAULTS = [
    (Kill("checkout"), "not running", "checkout is killed"),
    (Restart("checkout"), "stopped", "checkout is restarted"),
    (Freeze("checkout"), "frozen", "checkout is frozen"),
]


@pytest.mark.parametrize(("fault", "harmed", "words"), FAULTS)
def test_the_member_is_harmed_and_cured(fault: Any, harmed: Any, words: Any, stack: Any) -> None:
    before = fault.confirm(stack)
    fault.inject(stack)
    after = fault.confirm(stack)
    fault.heal(stack)
    cured = fault.confirm(stack)

    assert [Effect(False, "running"), Effect(True, harmed), Effect(False, "running")] == [before, after, cured]
    assert words == str(fault)


@pytest.mark.parametrize("fault", [fault for fault, _, _ in FAULTS])
def test_a_member_that_goes_on_running_is_not_confirmed(fault: Any, stack: Any) -> None:
    stack.members["checkout"].stubborn = True

    fault.inject(stack)

    assert Effect(False, "running") == fault.confirm(stack)


@pytest.mark.parametrize("fault", [fault for fault, _, _ in FAULTS])
def test_a_member_that_does_not_exist_is_named_with_its_nearest(fault: Any, plan: Any) -> None:
    assert list(fault.problems(plan)) == []
    assert list(type(fault)("chekout").problems(plan)) == ["no member called 'chekout'; did you mean 'checkout'?"]


def test_a_restart_is_orderly_and_a_kill_is_not(stack: Any) -> None:
    for fault in (Restart("checkout"), Kill("checkout")):
        fault.inject(stack)
        fault.heal(stack)

    assert stack.members["checkout"].done == ["stop", "start", "kill", "start"]
