"""The network that containers are in: this machine's own, or one of their run, in which each member has an address."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from pytest_obscheck.errors import StackError
from pytest_obscheck.runtimes._daemon import in_a_sentence
from pytest_obscheck.runtimes._ports import Ports

if TYPE_CHECKING:
    import docker

FIRST_PORT = 20_000
"""Below live the fixed ports that people know by heart."""
TRIES = 5
"""How often a range of addresses is looked for: after the daemon told of a free one, another run may take it."""
MOST = 250
"""How many members have room in the smallest range of addresses that a daemon gives."""


class Network(Protocol):
    """What a container is connected to, and which addresses members have there."""

    def open(self, client: docker.DockerClient, name: str, labels: Mapping[str, str]) -> None:
        """Make what has to be made, labelled; ``StackError`` where the daemon does not."""

    def reserve(self, member: str, port: str) -> str:
        """Return an address that is this member's for the whole run."""

    def words(self, member: str) -> Mapping[str, Any]:
        """Return what the daemon is told of it when a member's container is created."""

    def join(self, container: Any, member: str) -> None:
        """Connect a member's container to it, at its address; nothing where it is connected."""

    def leave(self, container: Any, member: str) -> None:
        """Disconnect a member's container from it; ``StackError`` where it cannot be."""

    def joined(self, container: Any) -> bool:
        """Whether the daemon has a container connected to it."""

    def close(self) -> None:
        """Give everything back; idempotent."""


@dataclass(eq=False)
class MachineNetwork:
    """The network of this machine: every address is what it is for a process, and nobody can be taken off it."""

    ports: Ports = field(default_factory=Ports)

    def open(self, client: docker.DockerClient, name: str, labels: Mapping[str, str]) -> None:
        """Do nothing: it is there."""

    def reserve(self, member: str, port: str) -> str:
        """Return an address ``127.0.0.1:port`` that is this member's for the whole run; ``PortTaken`` where there is none."""
        return self.ports.reserve(member, port)

    def words(self, member: str) -> Mapping[str, Any]:
        """Return that it is the host's."""
        return {"network_mode": "host"}

    def join(self, container: Any, member: str) -> None:
        """Do nothing: it never left."""

    def leave(self, container: Any, member: str) -> None:
        """Say that it cannot."""
        raise StackError(f"{member}: it is in this machine's own network, which it cannot be taken off; run it with bridge")

    def joined(self, container: Any) -> bool:
        """Whether it is connected: always."""
        return True

    def close(self) -> None:
        """Give the ports back."""
        self.ports.release()


@dataclass(eq=False)
class RunNetwork:
    """A bridge network of one run, internal as Docker calls it: each member has an address of its own in it."""

    _made: Any = field(default=None, repr=False)
    _free: Iterator[str] = field(default_factory=lambda: iter(()), repr=False)
    _hosts: dict[str, str] = field(default_factory=dict, repr=False)
    _ports: dict[tuple[str, str], int] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def open(self, client: docker.DockerClient, name: str, labels: Mapping[str, str]) -> None:
        """Make it in a range of addresses that the daemon finds free."""
        with in_a_sentence("network"):
            pool, self._made = _made(client, name, labels)
        gateway = ipaddress.ip_address(pool["Gateway"])
        self._free = (str(gateway + number) for number in range(1, MOST))

    def reserve(self, member: str, port: str) -> str:
        """Return an address of the member's own, the same one each time."""
        number = self._ports.setdefault((member, port), FIRST_PORT + len(self._ports))
        return f"{self._host(member)}:{number}"

    def words(self, member: str) -> Mapping[str, Any]:
        """Return its name, and the member's address in it."""
        from docker.types import EndpointConfig  # noqa: PLC0415 -- see _daemon

        at = EndpointConfig(version="1.41", ipv4_address=self._host(member))
        return {"network": self._made.name, "networking_config": {self._made.name: at}}

    def join(self, container: Any, member: str) -> None:
        """Connect it at the address that it had; nothing where it is connected."""
        if not self.joined(container):
            with in_a_sentence(f"{member}: cannot be put back on its network"):
                self._made.connect(container, ipv4_address=self._host(member))

    def leave(self, container: Any, member: str) -> None:
        """Disconnect it."""
        with in_a_sentence(f"{member}: cannot be taken off its network"):
            self._made.disconnect(container)

    def joined(self, container: Any) -> bool:
        """Whether the daemon has the container connected."""
        with in_a_sentence("network"):
            container.reload()
        return self._made.name in container.attrs["NetworkSettings"]["Networks"]

    def close(self) -> None:
        """Remove it."""
        if self._made is not None:
            made, self._made = self._made, None
            with suppress(StackError), in_a_sentence("network"):
                made.remove()

    def _host(self, member: str) -> str:
        with self._lock:
            if member not in self._hosts:
                self._hosts[member] = next(self._free)
            return self._hosts[member]


def _made(client: docker.DockerClient, name: str, labels: Mapping[str, str]) -> tuple[Mapping[str, str], Any]:
    """Return ``Subnet`` and ``Gateway`` of a network, and the network: one may choose addresses only in a range one names."""
    from docker.errors import APIError  # noqa: PLC0415 -- see _daemon
    from docker.types import IPAMConfig, IPAMPool  # noqa: PLC0415 -- see _daemon

    make = partial(client.networks.create, name, driver="bridge", internal=True, labels=dict(labels))
    for left in reversed(range(TRIES)):
        pool = _free_pool(make)
        try:
            range_ = IPAMPool(subnet=pool["Subnet"], gateway=pool["Gateway"])
            return pool, make(ipam=IPAMConfig(pool_configs=[range_]))
        except APIError as error:
            # Another run was quicker.
            if not left or "overlaps" not in str(error):
                raise
    raise AssertionError


def _free_pool(make: Callable[[], Any]) -> Mapping[str, str]:
    """Return the range that the daemon would give, by letting it give it."""
    trial = make()
    try:
        trial.reload()
        pool: Mapping[str, str] = trial.attrs["IPAM"]["Config"][0]
    finally:
        trial.remove()
    return pool
