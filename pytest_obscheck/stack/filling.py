"""What ``${...}`` in stack.yaml stands for."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_obscheck import toolchain
from pytest_obscheck.stack.file import StackFile
from pytest_obscheck.stack.programs import asked

_PLACEHOLDER = re.compile(r"\$\$|\$\{([^}]*)\}")


@dataclass(frozen=True)
class Filling:
    """Fills in the text of one member's settings.

    ``${host}`` is the address at which it listens, ``${port.NAME}`` a port of its own there. ``${MEMBER.address}`` and
    ``${MEMBER.NAME}`` are addresses with ports of another (through the fault proxy where it depends on it),
    ``${front.address}`` is the last service's, ``$$`` is a dollar sign.
    ``addresses``: member → port name → address. ``edges``: target → address of the fault proxy for it.
    """

    stack: StackFile
    member: str
    addresses: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    edges: Mapping[str, str] = field(default_factory=dict)

    def text(self, text: str) -> str:
        """Return the text with everything filled in; ``LookupError`` where a name stands for nothing."""
        return _PLACEHOLDER.sub(lambda found: "$" if found[1] is None else self._value(found[1]), text)

    def unknown(self, text: str) -> list[str]:
        """Return the names in a text that stand for nothing."""
        known = self.names()
        return [found[1] for found in _PLACEHOLDER.finditer(text) if found[1] is not None and found[1] not in known]

    def _version(self, who: str) -> str:
        """Return the version of a member's program; a component asks for that of its own by the program's name."""
        own = self.stack.members.get(self.member)
        member = own if own and own.type == who else self.stack.members.get(who)
        return toolchain.find(asked(member.type, member.component) if member else who).version

    def names(self) -> list[str]:
        """Return every name that stands for something here."""
        own = self.stack.members.get(self.member)
        names = ["host", *(f"port.{port}" for port in own.component.ports)] if own else []
        for name, member in self.stack.members.items():
            names += [f"{name}.address", f"{name}.version", *(f"{name}.{port}" for port in member.component.ports)]
        return [*names, *(["front.address"] if self.stack.front else [])]

    def _value(self, name: str) -> str:
        if name == "host":
            return next(iter(self.addresses[self.member].values())).rpartition(":")[0]
        who, _, what = name.partition(".")
        if what == "version":
            return self._version(who)
        if who == "port":
            return self.addresses[self.member][what].rsplit(":", 1)[1]
        return self._address(self.stack.front if who == "front" else who, what)

    def _address(self, target: str, what: str) -> str:
        ports = self.stack.members[target].component.ports
        port = ports[0] if what == "address" else what
        if port == ports[0] and target in self.edges:
            return self.edges[target]
        return self.addresses[target][port]
