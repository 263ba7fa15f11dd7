"""The configuration of a Beat: the files that it reads, the store that it sends to, and everything else that it would reach."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_obscheck.components._files import Reader, Spot, local, log_of, settings
from pytest_obscheck.components._ways import WEB, way
from pytest_obscheck.document import Document
from pytest_obscheck.errors import did_you_mean
from pytest_obscheck.protocols import Place

INPUTS = "filebeat.inputs"
OUTPUTS = {"elasticsearch": 9200, "logstash": 5044}
"""Outputs that can lead to members → the port where a host says none."""
CREDENTIALS = ("username", "password", "api_key", "kerberos", "ssl", "protocol", "proxy_url", "proxy_disable", "headers")
ELSEWHERE = (
    *("path", "http", "cloud", "keystore", "management", "monitoring", "xpack.monitoring", "instrumentation"),
    *("setup.kibana", "setup.dashboards", "queue.disk.path", "filebeat.registry.path", "filebeat.registry_file"),
    *("filebeat.modules", "filebeat.config", "filebeat.config_dir", "filebeat.autodiscover"),
)
"""What would be read, written, listened on or sent beside the inputs and the output."""
ASKING = ("add_cloud_metadata", "add_docker_metadata", "add_kubernetes_metadata", "dns")
"""Processors that ask somebody about every line, or for minutes before the first."""
_TAILING = {"scan_frequency": "200ms", "backoff": "100ms", "max_backoff": "200ms"}
QUICK = {
    "log": _TAILING,
    "container": _TAILING,
    "filestream": {"prospector.scanner.check_interval": "200ms", "backoff.init": "100ms", "backoff.max": "200ms"},
}
"""Types of inputs that read files → what makes a line be seen at once instead of after up to 10 s."""
FLUSH = {"queue.mem.flush.timeout": "100ms"}
"""How long a line waits for others, which is a second otherwise."""
_VARIABLE = re.compile(r"\$\{(\w+)(?::(?!\?)([^}]*))?\}")
NO_LOG = "say whose log stands at one of its paths: logs: {/var/log/shop/*.log: shop}"
NO_STORE = "give a member the production name of one: hosts: [es.shop.example:9200]"


def at(value: Any, name: str) -> Iterator[tuple[Spot, Any]]:
    """Yield where a setting stands, however its name is split (``a.b: …`` or ``a: {b: …}``), and all that is below it."""
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        if f"{key}.".startswith(f"{name}."):
            yield (key,), inner
        elif name.startswith(f"{key}."):
            yield from (((key, *spot), found) for spot, found in at(inner, name[len(key) + 1 :]))


def check(reader: Reader, document: Document, logs: Mapping[str, str]) -> None:
    """Note what keeps a configuration from being played: no input that reads a log of the stack, no output to a store."""
    spot = next((spot for spot, _ in at(document.value, INPUTS)), ())
    paths = [path for _, each in _inputs(document) for path in _listed(each.get("paths"))]
    for path in logs:
        if path not in paths:
            reader.problem(document, spot, f"no input reads {path!r}", did_you_mean(path, paths))
    if not any(_here(reader.place, path, logs) for path in paths):
        reader.problem(document, spot, "no input reads a file of the stack", NO_LOG)
    if not list(hosts(document)):
        reader.problem(document, ("output",), "no output has hosts that a member could be", "write output.elasticsearch.hosts")


def derive(document: Document, place: Place, logs: Mapping[str, str], environment: Mapping[str, str]) -> bool:
    """Lead inputs to logs of the stack and the output to a member; return whether it leads to one.

    What else would read, listen or send is taken out, as are credentials and TLS.
    """
    for name in ELSEWHERE:
        _remove(document, name)
    for spot in reversed([*_asking(document)]):
        document.remove(spot)
    for spot, each in reversed([*_inputs(document)]):
        _lead_input(document, spot, each, [here for path in _listed(each.get("paths")) if (here := _here(place, path, logs))])
    if not [*at(document.value, "queue.disk")]:
        _put(document, (), document.value, FLUSH)
    return _lead_output(document, place, environment)


def _inputs(document: Document) -> Iterator[tuple[Spot, Mapping[str, Any]]]:
    """Yield the inputs that are on."""
    for spot, inputs in at(document.value, INPUTS):
        for number, each in enumerate(inputs) if isinstance(inputs, list) else ():
            if isinstance(each, Mapping) and each.get("enabled", True):
                yield (*spot, number), each


def _lead_input(document: Document, spot: Spot, each: Mapping[str, Any], paths: list[str]) -> None:
    quick = QUICK.get(str(each.get("type", "log")))
    if not (paths and quick):
        document.remove(spot)
        return
    document.set((*spot, "paths"), paths)
    _put(document, spot, each, quick)


def _put(document: Document, spot: Spot, holder: Any, values: Mapping[str, str]) -> None:
    """Give settings in the mapping at ``spot`` their values, where they stand or beside the others."""
    for name, value in values.items():
        inside = next((inner for inner, _ in at(holder, name)), (name,))
        document.set((*spot, *inside), value)


def _here(place: Place, path: str, logs: Mapping[str, str]) -> str:
    """Return where a path of production is: the log of a member, or a mounted file; ``""`` where it is not here."""
    if path in logs:
        return str(log_of(place, logs[path]))
    mounted = local(place, place.home, path)
    return "" if str(mounted) == path or not path.startswith("/") else str(mounted)


def hosts(document: Document) -> Iterator[tuple[str, Spot, list[str]]]:
    """Yield the hosts of every output that is on: its kind, where they stand, and what there."""
    for kind in OUTPUTS:
        if not any(value is False for _, value in at(document.value, f"output.{kind}.enabled")):
            yield from ((kind, spot, _listed(names)) for spot, names in at(document.value, f"output.{kind}.hosts"))


def _lead_output(document: Document, place: Place, environment: Mapping[str, str]) -> bool:
    led = False
    for kind, spot, names in hosts(document):
        found = _led(place, environment, kind, names)
        document.set(spot, found)
        for name in CREDENTIALS:
            _remove(document, f"output.{kind}.{name}")
        led = led or bool(found)
    return led


def _led(place: Place, environment: Mapping[str, str], kind: str, names: list[str]) -> list[str]:
    """Return the hosts that members have, where they are here."""
    ports = dict.fromkeys(("", *WEB), OUTPUTS[kind])
    texts = [_VARIABLE.sub(lambda found: environment.get(found[1], found[2] or ""), host) for host in names]
    return [here for text in texts if (here := way(text, place, ports))]


def _remove(document: Document, name: str) -> None:
    for spot, _ in at(document.value, name):
        document.remove(spot)


def _asking(document: Document) -> Iterator[Spot]:
    for spot, _ in settings(document.value):
        if spot[-1] in ASKING:
            yield spot[:-1] if isinstance(spot[-2], int) else spot


def _listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)] if value else []
