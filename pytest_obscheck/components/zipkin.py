"""Zipkin: one process that takes spans in its own format and holds them in memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pytest_obscheck.components._http import Http
from pytest_obscheck.errors import LookFailed, ProgramMissing
from pytest_obscheck.plan import Facts
from pytest_obscheck.protocols import Launch, Place
from pytest_obscheck.signals import Span

ARTIFACT = "io.zipkin:zipkin-server:3.5.1:jar:exec"
ADVICE = f"run: mvn dependency:get -Dtransitive=false -Dartifact={ARTIFACT}, or name the file with 'jar:'"
LIMIT = 5000
"""The most traces that are asked for at once."""


@dataclass(frozen=True)
class Zipkin:
    """Takes spans at ``http://${zipkin.address}/api/v2/spans`` and finds traces again.

    ``jar``: its executable jar, relative to stack.yaml; else the newest that Maven has fetched. ``java`` must be on PATH. It
    keeps the names of services and spans in lower case.
    """

    ports: ClassVar[tuple[str, ...]] = ("http",)
    after: ClassVar[tuple[str, ...]] = ()

    jar: str = ""
    version: str = ""

    def facts(self, place: Place) -> Facts:
        """Return nothing: it has no configuration file."""
        return Facts()

    def launch(self, place: Place) -> Launch:
        """Return how to start it; ``ProgramMissing`` where its jar is not there."""
        host, port = place.addresses["http"].rsplit(":", 1)
        jar = str(place.home / self.jar) if self.jar else str(fetched(Path(os.environ.get("HOME", "~")).expanduser()))
        # All of a list in Spring's configuration is replaced at once: an address alone would leave the port out.
        settings = {
            "armeria.ports[0].ip": host,
            "armeria.ports[0].port": port,
            "armeria.ports[0].protocols[0]": "http",
            "zipkin.storage.type": "mem",
            "logging.level.root": "WARN",
        }
        flags = [f"-D{name}={value}" for name, value in settings.items()]
        return Launch(("java", "-XX:TieredStopAtLevel=1", *flags, "-jar", jar), place.folder)

    def connect(self, place: Place) -> ZipkinClient:
        """Return a client that finds spans."""
        return ZipkinClient(Http(place.name, f"http://{place.addresses['http']}"))


def fetched(home: Path) -> Path:
    """Return the newest jar in Maven's repository below a home; ``ProgramMissing`` says how to get one."""
    found = sorted((home / ".m2/repository/io/zipkin/zipkin-server").glob("*/zipkin-server-*-exec.jar"))
    if not found:
        raise ProgramMissing(f"zipkin: Maven has not fetched its jar; {ADVICE}")
    return found[-1]


@dataclass
class ZipkinClient:
    """Asks one Zipkin; every method but ``ready`` raises ``LookFailed`` where it cannot."""

    http: Http

    def ready(self) -> bool:
        """Whether it takes and gives spans now."""
        return self.http.ok("/health")

    def close(self) -> None:
        """Give up the connections to it."""
        self.http.close()

    def find_spans(self, service: str, start: float, end: float) -> list[Span]:
        """Return all spans of the traces that a service had a part in and that began in that time."""
        ends = {"endTs": str(int(end * 1000)), "lookback": str(max(1, int((end - start) * 1000)))}
        answer = self.http.json("/api/v2/traces", {"serviceName": service.lower(), **ends, "limit": str(LIMIT)})
        try:
            return [_span(span) for trace in answer for span in trace]
        except (LookupError, TypeError, AttributeError):
            raise LookFailed(f"{self.http.name} answered /api/v2/traces with something that are no traces") from None


def _span(span: Mapping[str, Any]) -> Span:
    tags = {str(key): str(value) for key, value in (span.get("tags") or {}).items()}
    return Span(
        trace=span["traceId"],
        id=span["id"],
        parent=span.get("parentId", ""),
        service=(span.get("localEndpoint") or {}).get("serviceName", ""),
        name=span.get("name", ""),
        kind=span.get("kind", "internal").lower(),
        start=span.get("timestamp", 0) / 1e6,
        seconds=span.get("duration", 0) / 1e6,
        # Zipkin's convention: the tag is there, whatever its value.
        failed="error" in tags and tags["error"] != "false",
        attributes=tags,
    )
