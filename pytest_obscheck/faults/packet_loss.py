"""Lose packets on the way to and from a component."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pytest_obscheck.capabilities import OnThisMachine
from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults import _machine, _member
from pytest_obscheck.plan import Plan
from pytest_obscheck.protocols import Effect, Stack

BAND = "1:4"
"""Where packets of the component go: the fourth band of a prio queue, into which nothing else is sorted."""


@dataclass(frozen=True)
class PacketLoss:
    """Drop a share of the packets to and from the ports of a component, by a netem queue (``tc``) on the loopback interface.

    ``share`` is 0.1 for a tenth. It needs ``tc``, CAP_NET_ADMIN, a kernel with netem, and a network namespace that has only the
    loopback interface, so that nobody else's packets are lost: ``unshare --net`` makes one.
    """

    component: str
    share: float

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if isinstance(self.share, bool) or not isinstance(self.share, int | float) or not 0 < self.share <= 1:
            raise ValueError(f"share: {self.share!r} is no share of the packets; write it like 0.1, at most 1.0")

    def problems(self, plan: Plan) -> Iterator[str]:
        """Yield why packets cannot be lost here."""
        yield from _member.problems(plan, self.component)
        for why in cannot(_machine.interfaces(), may=_machine.may(_machine.NET_ADMIN), lacks=_machine.lacks):
            yield f"{self}: not on this machine: {why}"

    def inject(self, stack: Stack) -> None:
        """Begin to drop."""
        ports = _machine.listening(list(stack.that(OnThisMachine, named=self.component).pids()))
        if not ports:
            raise FaultFailed(f"{self.component} listens at no port")
        for command in commands(self.share, ports):
            _tc(command)

    def confirm(self, stack: Stack) -> Effect:
        """Read the queue back from the kernel, and how many packets it has dropped."""
        shown = _tc("-s qdisc show dev lo")
        found = re.search(r"qdisc netem .*?loss ([0-9.]+)%.*?dropped ([0-9]+)", shown, re.DOTALL)
        if not found:
            return Effect(False, "no packets are lost")
        held = abs(float(found[1]) / 100 - self.share) < 0.001
        return Effect(held, f"{float(found[1]):g}% are lost, {found[2]} packets so far")

    def heal(self, stack: Stack) -> None:
        """Drop no more."""
        if "qdisc prio 1:" in _tc("qdisc show dev lo"):
            _tc("qdisc del dev lo root")

    def __str__(self) -> str:
        """Return it in words."""
        return f"{self.share:.0%} of the packets of {self.component} are lost"


def cannot(interfaces: list[str], *, may: bool, lacks: Callable[[str], bool]) -> Iterator[str]:
    """Yield why a machine with these network interfaces, rights and kernel cannot lose packets of one component alone."""
    if shutil.which("tc") is None:
        yield "there is no program 'tc' (of iproute2) on PATH"
    if not may:
        yield "changing a queue needs CAP_NET_ADMIN, which this process lacks"
    if interfaces != ["lo"]:
        others = ", ".join(name for name in interfaces if name != "lo")
        yield f"its loopback is not the stack's alone (there are {others}, too); run in a network namespace: `unshare --net`"
    yield from (f"its kernel is built without {option}" for option in ("NET_SCH_NETEM", "NET_SCH_PRIO") if lacks(option))


def commands(share: float, ports: list[int]) -> Iterator[str]:
    """Yield what ``tc`` is told: a queue with an empty fourth band, netem there, and what is sorted into it."""
    yield f"qdisc add dev lo root handle 1: prio bands 4 priomap {' '.join('1' * 16)}"
    yield f"qdisc add dev lo parent {BAND} handle 40: netem loss {share * 100:g}%"
    for port in ports:
        for side in ("dport", "sport"):
            yield f"filter add dev lo parent 1: protocol ip prio 1 u32 match ip {side} {port} 0xffff flowid {BAND}"


def _tc(command: str) -> str:
    try:
        done = subprocess.run(["tc", *command.split()], check=False, capture_output=True, text=True, timeout=10)
    except OSError as error:
        raise FaultFailed(f"tc: {error.strerror}") from error
    if done.returncode:
        raise FaultFailed(f"tc {command}: {done.stderr.strip()}")
    return done.stdout
