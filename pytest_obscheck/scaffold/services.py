"""What Docker Compose or Kubernetes runs → services of a stack.yaml, as far as a file can say what runs on this machine."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Service")
_GIVEN = ("prometheus", "alertmanager", "grafana", "loki", "tempo", "jaeger", "zipkin", "toxiproxy")
"""What the harness brings itself, or cannot be a service."""
_SECRET = re.compile(r"PASSW|SECRET|TOKEN|CREDENTIAL|(?:API|ACCESS|PRIVATE|LICENSE)_?KEY|KEY$|DSN$", re.IGNORECASE)
_IN_URL = re.compile(r"(://[^/@\s:]*:)[^/@\s]+(@)")


@dataclass(frozen=True)
class Offer:
    """One service: its command, its environment, production's names for it, whom it waits for, its health path, its image."""

    name: str
    command: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    hosts: Sequence[str] = ()
    depends_on: Sequence[str] = ()
    ready: str = ""
    image: str = ""

    def lines(self, folder: str) -> Iterator[str]:
        """Yield it as stack.yaml has it; ``folder``: where its command runs, seen from there."""
        yield f"  {self.name}:" + (f" # {self.image}" if self.image else "")
        words = [plain(word) for word in self.command] or [f"./{self.name}"]
        yield f"    command: {json.dumps(words, ensure_ascii=False)} # TODO: what starts it here, listening on ${{port.http}}"
        yield f"    working_dir: {folder}"
        if self.environment:
            yield "    environment:"
            for name, text in self.environment.items():
                todo = f" # TODO: its address is ${{{text}.address}}" if text in self.depends_on else ""
                yield f"      {name}: {json.dumps(_public(name, text), ensure_ascii=False)}{todo}"
        if self.depends_on:
            yield f"    depends_on: {json.dumps(list(self.depends_on))}"
        yield f"    ready: {self.ready or '/ # TODO: a path that answers 2xx when it is ready'}"
        if self.hosts:
            yield f"    hosts: {json.dumps(list(self.hosts))}"


def offers(compose: Mapping[str, Mapping[str, Any]], manifests: Sequence[Any]) -> list[Offer]:
    """Return the services of Docker Compose and of manifests; what leads from one to another by name is filled in."""
    found = [*_composed(compose), *_deployed(manifests)]
    kept = [each for each in found if not any(word in each.name for word in _GIVEN)]
    return [_linked(each, kept) for each in kept]


def _composed(compose: Mapping[str, Mapping[str, Any]]) -> Iterator[Offer]:
    for name, spec in compose.items():
        ports = [_inner_port(port) for port in _listed(spec.get("ports")) + _listed(spec.get("expose"))]
        yield Offer(
            name,
            [*_words(spec.get("entrypoint")), *_words(spec.get("command"))],
            spec["environment"],
            [f"{name}:{port}" for port in dict.fromkeys(ports) if port.isdigit()],
            [str(each) for each in spec.get("depends_on") or ()],
            _checked(spec.get("healthcheck")),
            str(spec.get("image") or ""),
        )


def _inner_port(port: Any) -> str:
    text = str(port.get("target", "")) if isinstance(port, Mapping) else str(port)
    return text.partition("/")[0].rpartition(":")[2]


def _deployed(manifests: Sequence[Any]) -> Iterator[Offer]:
    for each in manifests:
        if each.get("kind") == "Service":
            continue
        pod = _at(each, "spec", "template")
        containers = _at(pod, "spec").get("containers")
        spec = next((inner for inner in _listed(containers) if isinstance(inner, Mapping)), {})
        values = {str(pair["name"]): pair.get("value") for pair in _listed(spec.get("env")) if isinstance(pair, Mapping)}
        yield Offer(
            str(_at(each, "metadata").get("name", "")),
            [*_words(spec.get("command")), *_words(spec.get("args"))],
            {name: str(value) if value is not None else "TODO: from a Secret or ConfigMap" for name, value in values.items()},
            list(_names(each, _at(pod, "metadata", "labels"), manifests)),
            (),
            str(_at(spec, "readinessProbe", "httpGet").get("path", "")),
            str(spec.get("image") or ""),
        )


def _names(workload: Any, labels: Mapping[str, Any], manifests: Sequence[Any]) -> Iterator[str]:
    """Yield the names by which the Services of a cluster lead to a workload."""
    space = _at(workload, "metadata").get("namespace")
    for each in manifests:
        selector = _at(each, "spec", "selector")
        same = _at(each, "metadata").get("namespace") == space
        if each.get("kind") == "Service" and same and selector and selector.items() <= labels.items():
            name = _at(each, "metadata").get("name")
            for port in _listed(_at(each, "spec").get("ports")):
                yield f"{name}:{port.get('port')}"
                if space:
                    yield from (f"{name}.{space}{end}:{port.get('port')}" for end in ("", ".svc", ".svc.cluster.local"))


def _linked(offer: Offer, others: Sequence[Offer]) -> Offer:
    """Let what an environment calls by another's name lead there through the stack, and its own port be the stack's."""
    environment, needed = {name: plain(text) for name, text in offer.environment.items()}, list(offer.depends_on)
    for other in others:
        for called in _called(other) if other is not offer else ():
            for name, text in environment.items():
                environment[name] = re.sub(rf"(?<![\w.-]){called}(?!\d)", f"${{{other.name}.address}}", text)
                needed += [other.name] if environment[name] != text or text == other.name else []
    environment |= dict(_own_port(offer, environment, others))
    known = {other.name for other in others}
    return replace(offer, environment=environment, depends_on=[each for each in dict.fromkeys(needed) if each in known])


def _called(offer: Offer) -> list[str]:
    """Return patterns of what leads to a service; one that publishes no port is reached by its name, at any."""
    hosts = sorted(offer.hosts, key=len, reverse=True)
    return [re.escape(host) for host in hosts] or [rf"{re.escape(offer.name)}:\d+"]


def _own_port(offer: Offer, environment: Mapping[str, str], others: Sequence[Offer]) -> Iterator[tuple[str, str]]:
    """Yield what says on which port a service listens, with the one that the stack gives it."""
    own = offer.hosts[0].rpartition(":")[2] if offer.hosts else ""
    names = {other.name.replace("-", "_").upper() for other in others if other is not offer}
    for name, text in environment.items() if own else ():
        of_another = name.removesuffix("PORT") + "HOST" in environment or name.removesuffix("_PORT") in names
        if (name == "PORT" and text.isdigit()) or (name.endswith("PORT") and text == own and not of_another):
            yield name, "${port.http}"
        elif re.search(rf"(?:[*+]|0\.0\.0\.0|^):{own}\b", text):
            yield name, re.sub(rf"((?:[*+]|0\.0\.0\.0|^):){own}\b", r"\1${port.http}", text)


def _public(name: str, text: str) -> str:
    """Return a value without what is secret in it: what is written may be committed."""
    secret = text and _SECRET.search(name) and not text.startswith(("/", "${"))
    return "TODO: a secret" if secret else _IN_URL.sub(r"\1TODO\2", text)


def plain(text: str) -> str:
    """Return a text in which no dollar sign means anything to stack.yaml."""
    return text.replace("${", "$${")


def _checked(healthcheck: Any) -> str:
    """Return the path that a health check asks for by HTTP."""
    test = healthcheck.get("test") if isinstance(healthcheck, Mapping) else None
    found = re.search(r"https?://[^/\s\"']+(/[^\s\"']*)", " ".join(_words(test)))
    return found[1] if found else ""


def _at(value: Any, *path: str) -> Mapping[str, Any]:
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, Mapping) else {}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _words(value: Any) -> list[str]:
    if not isinstance(value, str):
        return [str(each) for each in _listed(value)]
    try:
        return shlex.split(value)
    except ValueError:
        return value.split()
