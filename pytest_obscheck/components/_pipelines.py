"""An OpenTelemetry Collector's configuration: who may talk to it, and whom it talks to."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytest_obscheck.components._files import Reader, Spot
from pytest_obscheck.components._ways import way
from pytest_obscheck.document import Document
from pytest_obscheck.protocols import Place

PROTOCOLS = {"grpc": "otlp_grpc", "http": "otlp"}
"""Protocol of the OTLP receiver → the port that it listens on."""
ENDPOINTS = ("endpoint", "traces_endpoint", "metrics_endpoint", "logs_endpoint")
LOCAL = ("debug", "nop", "logging")
"""Exporters that send nothing anywhere."""
GRPC = ("otlp", "otlp_grpc")
"""The exporter over gRPC, by its old name and its new one."""
SECRETS = ("auth", "headers", "tls", "proxy_url")
HEALTH = "health_check"
_VARIABLE = re.compile(r"\$\{(?:env:)?(\w+)(?::-([^}]*))?\}")
_PORTS = {"http": 80, "https": 443, "": 4317}


def entries(value: Any, *keys: str) -> Mapping[str, Any]:
    """Return the mapping at that path of keys; an empty one where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def check(reader: Reader, document: Document) -> None:
    """Note what of a configuration can have no place here: receivers of other kinds, and none at all."""
    receivers = entries(document.value, "receivers")
    otlp = [name for name in receivers if _kind(name) == "otlp"]
    for name in receivers:
        if _kind(name) != "otlp":
            right = "only otlp is led here; take it out"
            reader.problem(document, ("receivers", name), f"the receiver {name!r} would listen where nobody is", right)
    for name in otlp[1:]:
        reader.problem(document, ("receivers", name), f"{name!r} is a second otlp receiver", f"let pipelines take {otlp[0]!r}")
    if not entries(document.value, "service", "pipelines"):
        reader.problem(document, ("service",), "there is no pipeline", "write service: {pipelines: {traces: …}}")


def derive(document: Document, place: Place, environment: Mapping[str, str]) -> list[str]:
    """Lead receivers to the harness's ports and exporters to members; return the pipelines that have no exporter left.

    An exporter whose host no member has is taken out, as are extensions, credentials and TLS.
    """
    _derive_receivers(document, place)
    left = _derive_exporters(document, place, environment)
    emptied = _derive_pipelines(document, left)
    _derive_service(document, place)
    return emptied


def _kind(name: str) -> str:
    return name.partition("/")[0]


def _derive_receivers(document: Document, place: Place) -> None:
    for name, receiver in entries(document.value, "receivers").items():
        for protocol, settings in entries(receiver, "protocols").items():
            spot: Spot = ("receivers", name, "protocols", protocol)
            if protocol in PROTOCOLS:
                document.set((*spot, "endpoint"), place.addresses[PROTOCOLS[protocol]])
            if isinstance(settings, Mapping) and "tls" in settings:
                document.remove((*spot, "tls"))


def _derive_exporters(document: Document, place: Place, environment: Mapping[str, str]) -> set[str]:
    """Return the exporters that are left."""
    left = set()
    for name, exporter in entries(document.value, "exporters").items():
        asked = {key: str(exporter[key]) for key in ENDPOINTS if key in exporter} if isinstance(exporter, Mapping) else {}
        found = {key: _leads(text, place, environment) for key, text in asked.items()}
        if _kind(name) not in LOCAL and not (found and all(found.values())):
            document.remove(("exporters", name))
            continue
        left.add(name)
        for key, text in found.items():
            document.set(("exporters", name, key), text)
        for key in SECRETS:
            if isinstance(exporter, Mapping) and key in exporter:
                document.remove(("exporters", name, key))
        if asked and _kind(name) in GRPC:
            document.set(("exporters", name, "tls"), {"insecure": True})
    return left


def _leads(text: str, place: Place, environment: Mapping[str, str]) -> str:
    """Return where an exporter's endpoint leads here; ``""`` where nobody here has its name."""
    return way(_VARIABLE.sub(lambda found: environment.get(found[1], found[2] or found[0]), text), place, _PORTS)


def _derive_pipelines(document: Document, left: set[str]) -> list[str]:
    emptied = []
    for name, pipeline in entries(document.value, "service", "pipelines").items():
        spot: Spot = ("service", "pipelines", name)
        wanted = _listed(pipeline, "exporters")
        kept = [each for each in wanted if each in left]
        if not kept:
            emptied.append(name)
            document.remove(spot)
        elif kept != wanted:
            document.set((*spot, "exporters"), kept)
    return emptied


def _listed(pipeline: Any, key: str) -> Sequence[str]:
    found = pipeline.get(key) if isinstance(pipeline, Mapping) else None
    return [str(each) for each in found] if isinstance(found, list) else []


def _derive_service(document: Document, place: Place) -> None:
    """Let it say how it is, and count, at the harness's ports; what else it would open is taken out."""
    for name in entries(document.value, "extensions"):
        if _kind(name) != HEALTH:
            document.remove(("extensions", name))
    for name in _health(document):
        document.set(("extensions", name), {"endpoint": place.addresses["health"]})
    document.set(("service", "extensions"), list(_health(document)))
    host, port = place.addresses["metrics"].rsplit(":", 1)
    pull = {"pull": {"exporter": {"prometheus": {"host": host, "port": int(port)}}}}
    if entries(document.value, "service", "telemetry"):
        document.remove(("service", "telemetry"))
    document.set(("service", "telemetry"), {"logs": {"level": "warn"}, "metrics": {"level": "detailed", "readers": [pull]}})


def _health(document: Document) -> Iterator[str]:
    yield next((name for name in entries(document.value, "extensions") if _kind(name) == HEALTH), HEALTH)
