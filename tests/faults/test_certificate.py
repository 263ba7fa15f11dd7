from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from pytest_obscheck.errors import FaultFailed, LookFailed
from pytest_obscheck.faults.certificate import Certificate
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect
from pytest_obscheck.testing import FakeStack


@dataclass
class Shown:
    """Shows certificates; ``gone``: it does not answer."""

    left: dict[str, float] = field(default_factory=dict)
    gone: bool = False

    def shorten(self, name: str, left: float) -> None:
        self._asked()
        self.left[name] = left

    def renew(self, name: str) -> None:
        self._asked()
        self.left.pop(name, None)

    def lasts(self, name: str) -> float | None:
        self._asked()
        return self.left.get(name)

    def _asked(self) -> None:
        if self.gone:
            raise LookFailed("refuses connections")


def test_a_certificate_ends_soon_until_it_is_renewed() -> None:
    shown = Shown()
    stack: Any = FakeStack({"inbox": shown})
    fault = Certificate("shop.prod.example", "3d")

    assert fault.confirm(stack) == Effect(False, "the certificate lasts")
    fault.inject(stack)
    assert fault.confirm(stack) == Effect(True, "the certificate ends in 72h00m")
    fault.heal(stack)
    fault.heal(stack)
    assert fault.confirm(stack) == Effect(False, "the certificate lasts")
    assert str(fault) == "the certificate of shop.prod.example ends in 3d"


def test_a_certificate_may_have_ended() -> None:
    stack: Any = FakeStack({"inbox": Shown()})
    fault = Certificate("shop.prod.example", "-2h")

    fault.inject(stack)

    assert fault.confirm(stack) == Effect(True, "the certificate ended 2h00m ago")
    assert str(fault) == "the certificate of shop.prod.example ended 2h ago"


def test_where_nobody_shows_certificates_it_fails() -> None:
    stack: Any = FakeStack({"inbox": Shown(gone=True)})
    fault = Certificate("shop.prod.example", "3d")

    with pytest.raises(FaultFailed, match=r"^the certificate could not be shortened: refuses connections$"):
        fault.inject(stack)
    with pytest.raises(FaultFailed, match=r"^the certificate could not be renewed: refuses connections$"):
        fault.heal(stack)
    assert fault.confirm(stack) == Effect(False, "refuses connections")


def test_a_host_that_is_no_part_of_the_stack_is_named(plan: Plan) -> None:
    known = replace(plan, hosts={"shop.prod.example:443": "checkout"})

    assert list(Certificate("shop.prod.example", "3d").problems(known)) == []
    assert list(Certificate("shp.prod.example", "3d").problems(known)) == [
        "no host 'shp.prod.example'; did you mean 'shop.prod.example'?"
    ]


def test_what_is_no_length_of_time_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^'soon' is not a duration; write it like '800ms', '10s' or '1m30s'$"):
        Certificate("shop.prod.example", "soon")
