"""The run's own certificate authority: its key lives in memory, and only its certificate is kept in a file."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Authority:
    """A certificate authority that vouches for every production name within this run."""

    _ca: trustme.CA = field(default_factory=trustme.CA)
    _contexts: dict[str, ssl.SSLContext] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the certificate that the components are told to trust."""
        self._ca.cert_pem.write_to_path(str(path))

    def context(self, *names: str) -> ssl.SSLContext:
        """Return what a server needs to be taken for these names, or for the one that a client asks for by SNI."""
        key = ",".join(names)
        if key not in self._contexts:
            self._contexts[key] = self._made(names)
        return self._contexts[key]

    def _made(self, names: tuple[str, ...]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        self._ca.issue_cert(*names).configure_cert(context)
        context.sni_callback = self._called
        return context

    def _called(self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        if name:
            connection.context = self.context(name)
