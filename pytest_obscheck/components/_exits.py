"""Where Prometheus sends what it knows: to a store that the stack has, else nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from pytest_obscheck.components._files import rows
from pytest_obscheck.components._httpconfig import through_proxy
from pytest_obscheck.document import Document
from pytest_obscheck.protocols import Network

REMOTES = ("remote_write", "remote_read")
_PORTS = {"http": 80, "https": 443}


def derive_exits(document: Document, network: Network) -> None:
    """Keep the remote stores and the tracing endpoint whose production name leads to a member; take the others out."""
    value = document.value if isinstance(document.value, Mapping) else {}
    for name in REMOTES:
        _derive_remotes(document, name, value, network)
    if "tracing" in value:
        _derive_tracing(document, value["tracing"], network)


def _derive_remotes(document: Document, name: str, value: Mapping[str, Any], network: Network) -> None:
    kept = [number for number, remote in rows(value, name) if _host(remote.get("url")) in network.hosts]
    if not kept:
        if name in value:
            document.remove((name,))
        return
    for number, remote in reversed(rows(value, name)):
        if number in kept:
            https = urlsplit(str(remote["url"])).scheme == "https"
            through_proxy(document, (name, number), remote, network, https=https)
        else:
            document.remove((name, number))


def _derive_tracing(document: Document, tracing: Any, network: Network) -> None:
    """Lead spans to a member directly: OTLP over gRPC knows no proxy of ours."""
    address = network.hosts.get(str(tracing.get("endpoint", "")).lower()) if isinstance(tracing, Mapping) else None
    if address is None:
        document.remove(("tracing",))
        return
    if "tls_config" in tracing:
        document.remove(("tracing", "tls_config"))
    document.set(("tracing", "endpoint"), address)
    document.set(("tracing", "insecure"), value=True)


def _host(url: Any) -> str:
    parts = urlsplit(str(url))
    name = parts.netloc.rpartition("@")[2].lower()
    return name if parts.port else f"{name}:{_PORTS.get(parts.scheme, 0)}"
