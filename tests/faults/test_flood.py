"""The log of a component is flooded by a process of the harness, and by nobody afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_obscheck.clock import SystemClock, until
from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults.flood import Flood
from pytest_obscheck.protocols import Effect


@dataclass
class OneMember:
    """A stack of one member, with a folder and no process."""

    where: Path

    def that(self, capability: type[Any], named: str | None = None) -> Any:
        return self

    def folder(self) -> Path:
        return self.where


def test_lines_are_written_beside_its_own_until_the_cure(tmp_path: Path) -> None:
    stack, fault, log = OneMember(tmp_path), Flood("api", lines=20_000), tmp_path / "api.log"
    log.write_text("its own\n")

    before = fault.confirm(stack)
    fault.inject(stack)
    # Between fork and exec its helper is not yet to be recognised.
    flooded = until(SystemClock(), lambda: len(log.read_text().splitlines()) > 100, 10)
    held = fault.confirm(stack)
    fault.heal(stack)
    fault.heal(stack)

    assert (before, held) == (Effect(False, "its own lines"), Effect(True, "20000 lines a second besides its own"))
    assert (flooded, fault.confirm(stack)) == (True, before)
    assert log.read_text().splitlines()[:2] == ["its own", '{"level": "debug", "message": "flood", "number": 0}']


def test_who_keeps_no_log_cannot_be_flooded(tmp_path: Path) -> None:
    with pytest.raises(FaultFailed) as raised:
        Flood("api").inject(OneMember(tmp_path))

    assert str(raised.value) == "api keeps no log in its folder; a service of the stack does"


@pytest.mark.parametrize("lines", [0, 1.5, True, 100_001])
def test_what_is_no_flood_is_refused(lines: Any) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the whole message is asserted
        Flood("api", lines)

    assert str(raised.value) == f"lines: {lines!r} is no number of lines a second; write it like 5000, at most 100000"


def test_an_unknown_member_is_named(plan: Any) -> None:
    assert list(Flood("paymnts").problems(plan)) == ["no member called 'paymnts'; did you mean 'payments'?"]
    assert (str(Flood("api")), list(Flood("payments").problems(plan))) == ("the log of api is flooded", [])
