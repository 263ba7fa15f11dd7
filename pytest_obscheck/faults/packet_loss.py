"""Lose packets on the way to and from a component."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pytest_obscheck.capabilities import OnThisMachine
from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults import _machine
from pytest_obscheck.faults._filter import SIDES, Filter
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack


@dataclass(frozen=True)
class PacketLoss:
    """Drop a share of the packets to and from the ports of a component, by rules of the kernel's packet filter (``iptables``).

    ``share`` is 0.1 for a tenth. TCP sends again what was lost, so that an answer comes late, or never. It needs ``iptables``,
    a kernel with its match ``statistic``, and CAP_NET_ADMIN; for a container in a network of its run CAP_SYS_ADMIN, too. What
    goes to other ports of the machine is left alone.
    """

    component: str
    share: float

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if isinstance(self.share, bool) or not isinstance(self.share, int | float) or not 0 < self.share <= 1:
            raise ValueError(f"share: {self.share!r} is no share of the packets; write it like 0.1, at most 1.0")

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why packets cannot be lost here."""
        yield from plan.unknown_member(self.component)
        for why in cannot(networked=plan.networked, may=_machine.may, lacks=_machine.lacks):
            yield f"{self}: not on this machine: {why}"

    def inject(self, stack: Stack) -> None:
        """Begin to drop."""
        pids = stack.that(OnThisMachine, named=self.component).pids()
        ports = _machine.listening(pids)
        if not ports:
            raise FaultFailed(f"{self.component} listens at no port")
        self._filter(stack).drop(self.share, ports)

    def confirm(self, stack: Stack) -> Effect:
        """Ask the kernel for the rules, and how many packets they have dropped."""
        dropped = self._filter(stack).dropped()
        ports = _machine.listening(stack.that(OnThisMachine, named=self.component).pids())
        if not dropped:
            return Effect(False, "no packets are lost")
        held = len(dropped) == len(ports) * len(SIDES)
        return Effect(held, f"{self.share:.0%} are lost, {sum(dropped)} packets so far")

    def heal(self, stack: Stack) -> None:
        """Drop no more."""
        self._filter(stack).clear()

    def _filter(self, stack: Stack) -> Filter:
        pids = stack.that(OnThisMachine, named=self.component).pids()
        return Filter(f"obscheck-{os.getpid()}-{self.component}", pids)

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.share:.0%} of the packets of {self.component} are lost"


def cannot(*, networked: bool, may: Callable[[int], bool], lacks: Callable[[str], bool]) -> Iterator[str]:
    """Yield why a machine with these rights and this kernel cannot lose packets; ``networked``: of a network of the run."""
    wanted = ("iptables", "iptables-save", "nsenter") if networked else ("iptables", "iptables-save")
    yield from (f"there is no program {name!r} on PATH" for name in wanted if shutil.which(name) is None)
    if not may(_machine.NET_ADMIN):
        yield "changing the packet filter needs CAP_NET_ADMIN, which this process lacks"
    if networked and not may(_machine.SYS_ADMIN):
        yield "reaching the network of a container needs CAP_SYS_ADMIN, which this process lacks"
    if lacks("NETFILTER_XT_MATCH_STATISTIC"):
        yield "its kernel is built without NETFILTER_XT_MATCH_STATISTIC"
