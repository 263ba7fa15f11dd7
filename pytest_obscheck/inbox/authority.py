"""The run's own certificate authority: its key lives in memory, and only its certificate is kept in a file."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Authority:
    """A certificate authority that vouches for every production name within this run; ``now`` tells the Unix second.

    ``_ends``: name → the Unix second at which its certificate ends; any other lasts for ever, as far as a run is concerned.
    """

    now: Callable[[], float]
    _ca: trustme.CA = field(default_factory=trustme.CA)
    _contexts: dict[str, ssl.SSLContext] = field(default_factory=dict)
    _ends: dict[str, float] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the certificate that the components are told to trust."""
        self._ca.cert_pem.write_to_path(str(path))

    def context(self, *names: str) -> ssl.SSLContext:
        """Return what a server needs to be taken for these names, or for the one that a client asks for by SNI."""
        key = ",".join(names)
        if key not in self._contexts:
            self._contexts[key] = self._made(names)
        return self._contexts[key]

    def expire(self, name: str, left: float) -> None:
        """Give a name a certificate that ends in so many seconds, or ended so many ago; new connections are shown it."""
        self._ends[name] = self.now() + left
        self._contexts.pop(name, None)

    def renew(self, name: str) -> None:
        """Give a name a certificate that lasts again; nothing where it has one."""
        if self._ends.pop(name, None) is not None:
            self._contexts.pop(name, None)

    def left(self, name: str) -> float | None:
        """Return in how many seconds the certificate of a name ends; ``None`` where it lasts."""
        return self._ends[name] - self.now() if name in self._ends else None

    def _made(self, names: tuple[str, ...]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        ends = min((self._ends[name] for name in names if name in self._ends), default=None)
        until = None if ends is None else datetime.fromtimestamp(ends, UTC)
        self._ca.issue_cert(*names, not_after=until).configure_cert(context)
        context.sni_callback = self._called
        return context

    def _called(self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name:
            connection.context = self.context(name)
