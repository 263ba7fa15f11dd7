"""blackbox_exporter: whether endpoints answer to somebody outside, with its probes led through the harness's proxy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_obscheck.components._exporter import ExporterClient, exporter_client, flags
from pytest_obscheck.components._files import Reader, local
from pytest_obscheck.components._flags import given
from pytest_obscheck.components._httpconfig import through_proxy, trust, without_secrets
from pytest_obscheck.document import Document
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place

CONFIG = "blackbox.yml"
OFFSET = 0.5
"""Seconds by which a probe ends before the scrape that asked for it may no longer take, by default."""


@dataclass(frozen=True)
class BlackboxExporter:
    """Probes what Prometheus names as the target of a scrape, by the modules of ``config``, the user's blackbox.yml.

    Modules of the http prober reach production's names, with TLS, as Prometheus does; a member that does not answer is then
    a 502. Others (tcp, dns, icmp, grpc) know no proxy, and reach addresses of this machine only. ``args``: production's flags.
    """

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ("inbox",)

    config: str
    args: tuple[str, ...] = ()

    def facts(self, place: Place) -> Facts:
        """Return what was read; ``ConfigError`` where the file is no list of modules."""
        reader = Reader(place)
        self._open(reader)
        reader.done()
        return Facts(files=reader.files)

    def launch(self, place: Place) -> Launch:
        """Return how to start it on the working copy of its modules."""
        reader = Reader(place)
        document = self._open(reader)
        reader.done()
        files = _derived(document, place) if document else {}
        originals = {CONFIG: reader.name(document)} if document else {}
        config = f"--config.file={place.folder}/{CONFIG}"
        argv = ("blackbox_exporter", config, *flags(place, self.args, ("config.file",)), *self._offset(place))
        return Launch(argv, place.folder, files=files, originals=originals)

    def connect(self, place: Place) -> ExporterClient:
        """Return a client that knows whether it answers."""
        return exporter_client(place, "/-/healthy")

    def _open(self, reader: Reader) -> Document | None:
        document = reader.open(local(reader.place, reader.place.home, self.config))
        if document and not _modules(document):
            right = "write them like modules: {http_2xx: {prober: http}}"
            reader.problem(document, (), "it has no modules", right)
        return document

    def _offset(self, place: Place) -> tuple[str, ...]:
        # A scrape that may take less than this, sped up, would leave the probe no time at all.
        sped = place.speed.changes and not given(self.args, "timeout-offset")
        return (f"--timeout-offset={OFFSET / place.speed.by:g}",) if sped else ()


def _modules(document: Document) -> Mapping[str, Any]:
    value = document.value if isinstance(document.value, Mapping) else {}
    found = value.get("modules")
    return {str(name): each for name, each in found.items() if isinstance(each, Mapping)} if isinstance(found, Mapping) else {}


def _derived(document: Document, place: Place) -> dict[str, str]:
    modules = _modules(document)
    files = without_secrets(document, {}, str(place.folder))
    for name, module in modules.items():
        if module.get("prober") == "http":
            spot = ("modules", name, "http")
            through_proxy(document, spot, module.get("http"), place.network, https=True)
            # Else it would look production's names up before it asks the proxy.
            document.set((*spot, "skip_resolve_phase_with_proxy"), value=True)
        elif isinstance(module.get("tcp"), Mapping) and "tls_config" in module["tcp"]:
            trust(document, ("modules", name, "tcp", "tls_config"), module["tcp"]["tls_config"], place.network, https=True)
    return {**files, CONFIG: document.text()}
